//! cancel_after_begin, cancel_after_first_response, timeout_on_sleeping_server.
//!
//! Dropping a sender that has not finished cancels its call; the receiver is kept to see how the call ended.

use std::time::Duration;

use wirepath::{
    Code, Request,
    generated::grpc::testing::{Empty, test_service_client::TestServiceClient},
    wire::Origin,
};

use super::checks::{Outcome, equal, fails, is_zeros, streamed_request};

pub(crate) async fn cancel_after_begin(client: &TestServiceClient) -> Outcome {
    let (requests, responses) = client.streaming_input_call(Request::new(())).await?;
    drop(requests);
    is_cancelled(responses.only_message().await)
}

pub(crate) async fn cancel_after_first_response(client: &TestServiceClient) -> Outcome {
    let (mut requests, mut responses) = client.full_duplex_call(Request::new(())).await?;
    requests.send(streamed_request(27_182, &[31_415])).await?;
    let response = responses.recv().await?;
    is_zeros("the first response", response.and_then(|response| response.payload), 31_415)?;
    drop(requests);
    is_cancelled(responses.recv().await)
}

pub(crate) async fn timeout_on_sleeping_server(client: &TestServiceClient) -> Outcome {
    // Connects: the millisecond is for the call. A server told of some microseconds may find them passed before it has a
    // handler that could say so; grpclib's then answers UNKNOWN.
    client.empty_call(Empty {}).await?;
    let request = Request::new(()).with_timeout(Duration::from_millis(1));
    let (mut requests, mut responses) = match client.full_duplex_call(request).await {
        Ok(halves) => halves,
        // It may pass before a stream is opened.
        Err(status) => return exceeds(Err::<(), _>(status)),
    };
    // It may pass while the request is sent; then the receiver says the same.
    let _ = requests.send(streamed_request(27_182, &[])).await;
    exceeds(responses.recv().await)
}

fn is_cancelled<T>(result: Result<T, wirepath::Status>) -> Outcome {
    let status = fails("the cancelled call", result, Code::Cancelled)?;
    equal("the cancelled call: origin of CANCELLED", status.origin(), Origin::Local)
}

fn exceeds<T>(result: Result<T, wirepath::Status>) -> Outcome {
    fails("the call with a timeout of 1 ms", result, Code::DeadlineExceeded).map(drop)
}
