//! custom_metadata, status_code_and_message, special_status_message.

use wirepath::{
    Code, Metadata, Request, Status,
    generated::grpc::testing::{
        EchoStatus, SimpleRequest, StreamingOutputCallRequest, test_service_client::TestServiceClient,
    },
};

use super::checks::{
    LARGE_REQUEST, LARGE_RESPONSE, Outcome, equal, is_zeros, large_request, server_says, streamed_request,
};
use crate::interop_shared::{ECHO_INITIAL, ECHO_TRAILING};

/// Once by UnaryCall, once by FullDuplexCall.
pub(crate) async fn custom_metadata(client: &TestServiceClient) -> Outcome {
    let response = client.unary_call(with_metadata(large_request())?).await?;
    is_echoed("UnaryCall", response.metadata(), response.trailers())?;
    is_zeros("UnaryCall", response.into_message().payload, LARGE_RESPONSE)?;

    let (mut requests, mut responses) = client.full_duplex_call(with_metadata(())?).await?;
    requests.send(streamed_request(LARGE_REQUEST, &[LARGE_RESPONSE])).await?;
    requests.finish().await?;
    let initial = responses.headers().await?.clone();
    let response = responses.recv().await?;
    is_zeros("FullDuplexCall", response.and_then(|response| response.payload), LARGE_RESPONSE)?;
    equal("FullDuplexCall: a response too many", responses.recv().await?, None)?;
    is_echoed("FullDuplexCall", &initial, responses.trailers().unwrap_or(&Metadata::new()))
}

/// Once by UnaryCall, once by FullDuplexCall.
pub(crate) async fn status_code_and_message(client: &TestServiceClient) -> Outcome {
    let asked = EchoStatus { code: 2, message: "test status message".to_owned() };
    unary_status(client, &asked).await?;

    let (mut requests, mut responses) = client.full_duplex_call(Request::new(())).await?;
    let request = StreamingOutputCallRequest { response_status: Some(asked.clone()), ..Default::default() };
    requests.send(request).await?;
    // The server may have answered already; then the receiver knows.
    let _ = requests.finish().await;
    is_status("FullDuplexCall", responses.recv().await, &asked)
}

/// Whitespace and characters in and beyond the BMP, which travel percent-encoded.
pub(crate) async fn special_status_message(client: &TestServiceClient) -> Outcome {
    let message = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n";
    unary_status(client, &EchoStatus { code: 2, message: message.to_owned() }).await
}

async fn unary_status(client: &TestServiceClient, asked: &EchoStatus) -> Outcome {
    let request = SimpleRequest { response_status: Some(asked.clone()), ..Default::default() };
    is_status("UnaryCall", client.unary_call(request).await, asked)
}

fn is_status<T>(what: &str, result: Result<T, Status>, asked: &EchoStatus) -> Outcome {
    let status = server_says(what, result, Code::Unknown)?;
    equal(&format!("{what}: the status message"), status.message(), asked.message.as_str())
}

fn with_metadata<T>(message: T) -> Outcome<Request<T>> {
    let mut request = Request::new(message);
    request.metadata_mut().append(ECHO_INITIAL, INITIAL_VALUE).map_err(Status::from)?;
    request.metadata_mut().append_bin(ECHO_TRAILING, TRAILING_VALUE).map_err(Status::from)?;
    Ok(request)
}

/// Each value in its place, once.
fn is_echoed(what: &str, initial: &Metadata, trailing: &Metadata) -> Outcome {
    let initial: Vec<_> = initial.get_all(ECHO_INITIAL).collect();
    equal(&format!("{what}: {ECHO_INITIAL} in the initial metadata"), initial, [INITIAL_VALUE])?;
    let trailing: Vec<_> = trailing.get_all_bin(ECHO_TRAILING).collect();
    equal(&format!("{what}: {ECHO_TRAILING} in the trailing metadata"), trailing, [TRAILING_VALUE])
}

const INITIAL_VALUE: &str = "test_initial_metadata_value";
const TRAILING_VALUE: &[u8] = &[0xab, 0xab, 0xab];
