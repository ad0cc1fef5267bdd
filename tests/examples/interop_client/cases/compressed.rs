//! client_compressed_unary, server_compressed_unary, client_compressed_streaming, server_compressed_streaming.
//!
//! The Compressed-Flag of each message is what counts: a server that decompresses tells by INVALID_ARGUMENT that it saw
//! another flag than was announced, and this side looks at the flag of each response.

use wirepath::{
    CallOptions, Code, Encoding, Request,
    generated::grpc::testing::{
        BoolValue, ResponseParameters, SimpleRequest, StreamingInputCallRequest, StreamingOutputCallRequest,
        test_service_client::TestServiceClient,
    },
};

use super::checks::{LARGE_RESPONSE, Outcome, equal, is_zeros, large_request, server_says};
use crate::interop_shared::zeros;

pub(crate) async fn client_compressed_unary(client: &TestServiceClient) -> Outcome {
    let expecting = |value| SimpleRequest { expect_compressed: Some(BoolValue { value }), ..large_request() };

    let probe = client.unary_call(expecting(true)).await;
    server_says("the uncompressed probe", probe, Code::InvalidArgument)?;

    let response = client.unary_call(Request::new(expecting(true)).with_options(gzip())).await?;
    is_zeros("the response to the compressed request", response.into_message().payload, LARGE_RESPONSE)?;

    let response = client.unary_call(expecting(false)).await?;
    is_zeros("the response to the uncompressed request", response.into_message().payload, LARGE_RESPONSE)
}

pub(crate) async fn server_compressed_unary(client: &TestServiceClient) -> Outcome {
    for value in [true, false] {
        let request = SimpleRequest { response_compressed: Some(BoolValue { value }), ..large_request() };
        let response = client.unary_call(request).await?;
        equal("Compressed-Flag of the response", response.is_compressed(), value)?;
        is_zeros("the response", response.into_message().payload, LARGE_RESPONSE)?;
    }
    Ok(())
}

pub(crate) async fn client_compressed_streaming(client: &TestServiceClient) -> Outcome {
    let (expect_compressed, expect_plain) =
        (Some(BoolValue { value: true }), Some(BoolValue { value: false }));
    let first = StreamingInputCallRequest { expect_compressed, payload: Some(zeros(27_182)) };
    let second = StreamingInputCallRequest { expect_compressed: expect_plain, payload: Some(zeros(45_904)) };

    let (mut probe, responses) = client.streaming_input_call(Request::new(()).with_options(gzip())).await?;
    probe.send_uncompressed(first.clone()).await?;
    // The server may have refused already; then the receiver knows.
    let _ = probe.finish().await;
    server_says("the uncompressed probe", responses.only_message().await, Code::InvalidArgument)?;

    let (mut requests, responses) =
        client.streaming_input_call(Request::new(()).with_options(gzip())).await?;
    requests.send(first).await?;
    requests.send_uncompressed(second).await?;
    requests.finish().await?;
    let response = responses.only_message().await?.into_message();
    equal("aggregated_payload_size", response.aggregated_payload_size, 73_086)
}

pub(crate) async fn server_compressed_streaming(client: &TestServiceClient) -> Outcome {
    let asked = [(31_415, true), (92_653, false)];
    let parameters = |(size, value)| ResponseParameters {
        size,
        compressed: Some(BoolValue { value }),
        ..Default::default()
    };
    let request = StreamingOutputCallRequest {
        response_parameters: asked.map(parameters).to_vec(),
        ..Default::default()
    };
    let mut responses = client.streaming_output_call(request).await?;
    for (size, value) in asked {
        let payload = responses.recv().await?.and_then(|response| response.payload);
        is_zeros(&format!("the response of {size}"), payload, size as usize)?;
        equal(&format!("Compressed-Flag of the response of {size}"), responses.is_compressed(), value)?;
    }
    equal("a response too many", responses.recv().await?, None)
}

fn gzip() -> CallOptions {
    CallOptions::new().encoding(Encoding::Gzip)
}
