//! The cases of doc/interop-test-descriptions.md: the 18 functional ones without credentials, and the two soaks; and the
//! eight of doc/negative-http2-test-descriptions.md, which need a server that misbehaves.
//!
//! A case is `Ok` only when all that its description asserts was seen, and what else the protocol promises there: where
//! a status must be the server's own, one that was made on this side does not pass.

mod cancelling;
mod checks;
mod compressed;
mod echo;
mod negative;
mod soak;
mod streaming;
mod unary;

use std::{fmt, time::Duration};

use clap::ValueEnum;
use wirepath::{Channel, generated::grpc::testing::test_service_client::TestServiceClient};

pub(crate) use self::{
    checks::{Difference, Outcome},
    soak::Soak,
};

/// A case, named on the command line as the description names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum TestCase {
    EmptyUnary,
    LargeUnary,
    ClientCompressedUnary,
    ServerCompressedUnary,
    ClientStreaming,
    ClientCompressedStreaming,
    ServerStreaming,
    ServerCompressedStreaming,
    PingPong,
    EmptyStream,
    CustomMetadata,
    StatusCodeAndMessage,
    SpecialStatusMessage,
    UnimplementedMethod,
    UnimplementedService,
    CancelAfterBegin,
    CancelAfterFirstResponse,
    TimeoutOnSleepingServer,
    RpcSoak,
    ChannelSoak,
    Goaway,
    RstAfterHeader,
    RstDuringData,
    RstAfterData,
    Ping,
    MaxStreams,
    DataFramePadding,
    NoDfPaddingSanityTest,
}

impl TestCase {
    /// Whether the case needs a server that misbehaves in its way.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests ask"))]
    pub(crate) fn is_negative(self) -> bool {
        matches!(
            self,
            Self::Goaway
                | Self::RstAfterHeader
                | Self::RstDuringData
                | Self::RstAfterData
                | Self::Ping
                | Self::MaxStreams
                | Self::DataFramePadding
                | Self::NoDfPaddingSanityTest
        )
    }

    /// Runs the case on one channel; `channel_soak` makes one per call.
    ///
    /// # Errors
    /// What differed first.
    pub(crate) async fn run(
        self,
        connect: impl Fn() -> Channel + Clone + Send + Sync + 'static,
        soak: &Soak,
    ) -> Outcome {
        match self {
            // A soak has an overall timeout of its own.
            Self::ChannelSoak => return soak.run(connect).await,
            Self::RpcSoak => {
                let channel = connect();
                return soak.run(move || channel.clone()).await;
            }
            _ => {}
        }
        let ended = tokio::time::timeout(LONGEST_CASE, self.run_once(connect())).await;
        ended.unwrap_or_else(|_| Err(Difference::new(format!("no end after {LONGEST_CASE:?}"))))
    }

    async fn run_once(self, channel: Channel) -> Outcome {
        let client = TestServiceClient::new(channel.clone());
        match self {
            Self::EmptyUnary => unary::empty_unary(&channel).await,
            // The server does what the three other names say; the client sees a large_unary.
            Self::LargeUnary | Self::Ping | Self::DataFramePadding | Self::NoDfPaddingSanityTest => {
                unary::large_unary(&client).await
            }
            Self::UnimplementedMethod => unary::unimplemented_method(&client).await,
            Self::UnimplementedService => unary::unimplemented_service(channel).await,
            Self::ClientStreaming => streaming::client_streaming(&client).await,
            Self::ServerStreaming => streaming::server_streaming(&client).await,
            Self::PingPong => streaming::ping_pong(&client).await,
            Self::EmptyStream => streaming::empty_stream(&client).await,
            Self::ClientCompressedUnary => compressed::client_compressed_unary(&client).await,
            Self::ServerCompressedUnary => compressed::server_compressed_unary(&client).await,
            Self::ClientCompressedStreaming => compressed::client_compressed_streaming(&client).await,
            Self::ServerCompressedStreaming => compressed::server_compressed_streaming(&client).await,
            Self::CustomMetadata => echo::custom_metadata(&client).await,
            Self::StatusCodeAndMessage => echo::status_code_and_message(&client).await,
            Self::SpecialStatusMessage => echo::special_status_message(&client).await,
            Self::CancelAfterBegin => cancelling::cancel_after_begin(&client).await,
            Self::CancelAfterFirstResponse => cancelling::cancel_after_first_response(&client).await,
            Self::TimeoutOnSleepingServer => cancelling::timeout_on_sleeping_server(&client).await,
            Self::Goaway => negative::goaway(&client).await,
            Self::RstAfterHeader | Self::RstDuringData | Self::RstAfterData => {
                negative::reset_without_trailers(&client).await
            }
            Self::MaxStreams => negative::max_streams(&client).await,
            Self::RpcSoak | Self::ChannelSoak => Ok(()),
        }
    }
}

impl fmt::Display for TestCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

// A peer that leaves a call hanging fails the case.
const LONGEST_CASE: Duration = Duration::from_secs(30);
