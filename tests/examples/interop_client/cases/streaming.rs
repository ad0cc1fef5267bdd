//! client_streaming, server_streaming, ping_pong, empty_stream.

use wirepath::{
    MessageReceiver, Request,
    generated::grpc::testing::{
        StreamingInputCallRequest, StreamingOutputCallResponse, test_service_client::TestServiceClient,
    },
};

use super::checks::{Outcome, equal, is_zeros, streamed_request};
use crate::interop_shared::zeros;

pub(crate) async fn client_streaming(client: &TestServiceClient) -> Outcome {
    let (mut requests, responses) = client.streaming_input_call(Request::new(())).await?;
    for size in REQUEST_SIZES {
        requests.send(StreamingInputCallRequest { payload: Some(zeros(size)), ..Default::default() }).await?;
    }
    requests.finish().await?;
    let response = responses.only_message().await?.into_message();
    equal("aggregated_payload_size", response.aggregated_payload_size, 74_922)
}

pub(crate) async fn server_streaming(client: &TestServiceClient) -> Outcome {
    let mut responses = client.streaming_output_call(streamed_request(0, &RESPONSE_SIZES)).await?;
    for (nth, size) in RESPONSE_SIZES.into_iter().enumerate() {
        is_zeros(&format!("response {}", nth + 1), next_payload(&mut responses).await?, size)?;
    }
    ends(responses).await
}

pub(crate) async fn ping_pong(client: &TestServiceClient) -> Outcome {
    let (mut requests, mut responses) = client.full_duplex_call(Request::new(())).await?;
    for (nth, (len, size)) in REQUEST_SIZES.into_iter().zip(RESPONSE_SIZES).enumerate() {
        requests.send(streamed_request(len, &[size])).await?;
        is_zeros(&format!("response {}", nth + 1), next_payload(&mut responses).await?, size)?;
    }
    requests.finish().await?;
    ends(responses).await
}

pub(crate) async fn empty_stream(client: &TestServiceClient) -> Outcome {
    let (requests, responses) = client.full_duplex_call(Request::new(())).await?;
    requests.finish().await?;
    ends(responses).await
}

/// The payload of the next response; `None` also when the stream ended.
async fn next_payload(
    responses: &mut MessageReceiver<StreamingOutputCallResponse>,
) -> Outcome<Option<wirepath::generated::grpc::testing::Payload>> {
    Ok(responses.recv().await?.and_then(|response| response.payload))
}

/// Asserts that no response follows, and status OK.
async fn ends(mut responses: MessageReceiver<StreamingOutputCallResponse>) -> Outcome {
    equal("a response too many", responses.recv().await?, None)
}

const REQUEST_SIZES: [usize; 4] = [27_182, 8, 1_828, 45_904];
const RESPONSE_SIZES: [usize; 4] = [31_415, 9, 2_653, 58_979];
