//! The cases of doc/negative-http2-test-descriptions.md: the server misbehaves, the client must not.
//!
//! Whether the client kept to HTTP/2 meanwhile (another connection after GOAWAY, an ACK for each PING, never a stream too
//! many) only the server can see; `tests/interop` has one that looks.

use std::time::Duration;

use tokio::task::JoinSet;
use wirepath::{Code, generated::grpc::testing::test_service_client::TestServiceClient, wire::Origin};

use super::{
    checks::{Outcome, equal, fails, large_request},
    unary::large_unary,
};

pub(crate) async fn goaway(client: &TestServiceClient) -> Outcome {
    large_unary(client).await?;
    // The description's: the GOAWAY may come after the response.
    tokio::time::sleep(Duration::from_secs(1)).await;
    large_unary(client).await
}

/// rst_after_header, rst_during_data, rst_after_data: RST_STREAM(NO_ERROR) without trailers is no success (rule 39).
pub(crate) async fn reset_without_trailers(client: &TestServiceClient) -> Outcome {
    let result = client.unary_call(large_request()).await;
    let status = fails("the call without trailers", result, Code::Internal)?;
    equal("the call without trailers: origin of INTERNAL", status.origin(), Origin::Local)
}

/// One call, so that SETTINGS are known, then ten at once.
pub(crate) async fn max_streams(client: &TestServiceClient) -> Outcome {
    large_unary(client).await?;
    let mut calls = JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        calls.spawn(async move { large_unary(&client).await });
    }
    calls.join_all().await.into_iter().collect()
}
