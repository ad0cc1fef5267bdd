//! The load: what every peer of the ladder carries, kept in one place so that all are asked for the same and counted alike.
//!
//! Compiled into both programs of the ladder, the bench itself (wirepath's rung) and `benches/peers` (the other rungs).
//! A closed loop: each caller starts its next call when the last one has ended. One connection, one process per side.

pub(crate) mod cell;
pub(crate) mod cpu;
pub(crate) mod part;
pub(crate) mod sample;

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::task::JoinSet;

use self::cell::{Cell, Shape};
use self::sample::Sample;

/// What ends a client or a server before its time.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The one message of the load: the shape of most real ones, a length-delimited field.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Payload {
    /// The bytes that a cell's name counts.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) data: Bytes,
}

/// Messages that have come back so far, over all callers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received(Arc<AtomicU64>);

impl Received {
    /// Counts further messages.
    pub(crate) fn add(&self, messages: u64) {
        self.0.fetch_add(messages, Ordering::Relaxed);
    }

    /// The count so far.
    pub(crate) fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that any number of callers share.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    /// Makes one unary call and returns the answer's bytes.
    fn unary(&self, data: Bytes) -> impl Future<Output = Result<Bytes, Failure>> + Send;

    /// Makes one server-streaming call, counting each message of `data.len()` bytes as it arrives.
    fn server_stream(
        &self,
        data: Bytes,
        received: &Received,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Keeps the cell's number of calls in flight, each from a task of its own, until the measurement is over.
pub(crate) async fn measure(
    client: impl Client,
    cell: &'static Cell,
    server: u32,
) -> Result<Sample, Failure> {
    let received = Received::default();
    let mut callers = JoinSet::new();
    for _ in 0..cell.in_flight {
        callers.spawn(call_on_and_on(client.clone(), cell, received.clone()));
    }
    tokio::select! {
        sample = sample::take(&received, server) => Ok(sample),
        Some(ended) = callers.join_next() => Err(ended.unwrap_or_else(Failure::from)),
    }
}

/// Bytes that look like no pattern a peer could profit from.
pub(crate) fn bytes_of_len(len: usize) -> Bytes {
    (0..len).map(|at| (at * 31 + 7).to_le_bytes()[0]).collect()
}

async fn call_on_and_on(client: impl Client, cell: &'static Cell, received: Received) -> Failure {
    let data = bytes_of_len(cell.message_len);
    loop {
        let called = match cell.shape {
            Shape::Unary => unary(&client, data.clone(), &received).await,
            Shape::ServerStream => client.server_stream(data.clone(), &received).await,
        };
        if let Err(failure) = called {
            return failure;
        }
    }
}

async fn unary(client: &impl Client, data: Bytes, received: &Received) -> Result<(), Failure> {
    let sent = data.len();
    let answer = client.unary(data).await?;
    if answer.len() != sent {
        return Err(format!("an answer of {} bytes to a message of {sent}", answer.len()).into());
    }
    received.add(1);
    Ok(())
}
