//! A transport that wraps a transport and records what passes.
//!
//! It never changes what it watches. h2 chooses how to copy by `is_write_vectored`, so that is forwarded, and a vectored
//! write stays one vectored write; of each write only the bytes that the transport below accepted are recorded.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::record::{Chunk, Direction, Sink};
use crate::transport::{BoxFuture, Connected, Connector, Io, Listener};

/// A [`Connector`] or [`Listener`] whose connections record their bytes to a [`Sink`].
#[derive(Debug)]
pub struct Tapped<T> {
    transport: T,
    sink: Arc<dyn Sink>,
    start: Instant,
    connections: AtomicU64,
}

impl<T> Tapped<T> {
    /// Wraps `transport`; times count from now.
    pub fn new(transport: T, sink: impl Sink) -> Self {
        Tapped { transport, sink: Arc::new(sink), start: Instant::now(), connections: AtomicU64::new(0) }
    }

    fn tap(&self, connected: Connected, written: Direction) -> Connected {
        let (io, peer) = connected.into_parts();
        let connection = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let witness = Witness {
            sink: Arc::clone(&self.sink),
            start: self.start,
            connection,
            written,
            sent: 0,
            received: 0,
        };
        Connected::new(TappedIo { io, witness }, peer)
    }
}

impl<T: Connector> Connector for Tapped<T> {
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async move { Ok(self.tap(self.transport.connect().await?, Direction::ClientToServer)) })
    }

    fn endpoint(&self) -> String {
        self.transport.endpoint()
    }

    fn is_local(&self) -> bool {
        self.transport.is_local()
    }
}

impl<T: Listener> Listener for Tapped<T> {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async move {
            let connected = self.transport.accept().await?;
            Ok(self.tap(connected, Direction::ServerToClient))
        })
    }

    fn accept_queued(&mut self) -> BoxFuture<'_, Option<io::Result<Connected>>> {
        Box::pin(async move {
            let queued = self.transport.accept_queued().await?;
            Some(queued.map(|connected| self.tap(connected, Direction::ServerToClient)))
        })
    }

    fn endpoint(&self) -> String {
        self.transport.endpoint()
    }
}

/// One tapped connection.
struct TappedIo {
    io: Box<dyn Io>,
    witness: Witness,
}

impl AsyncRead for TappedIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.io).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = polled {
            this.witness.received(buf.filled().get(before..).unwrap_or_default());
        }
        polled
    }
}

impl AsyncWrite for TappedIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(accepted)) = polled {
            this.witness.sent(&[IoSlice::new(buf)], accepted);
        }
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write_vectored(cx, slices);
        if let Poll::Ready(Ok(accepted)) = polled {
            this.witness.sent(slices, accepted);
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

impl fmt::Debug for TappedIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TappedIo").field("witness", &self.witness).finish_non_exhaustive()
    }
}

/// Counts both directions of a connection and tells the sink.
#[derive(Debug)]
struct Witness {
    sink: Arc<dyn Sink>,
    start: Instant,
    connection: u64,
    /// Which way this end's writes go.
    written: Direction,
    sent: u64,
    received: u64,
}

impl Witness {
    fn sent(&mut self, slices: &[IoSlice<'_>], accepted: usize) {
        let bytes = first_bytes(slices, accepted);
        let offset = self.sent;
        self.sent = self.record(self.written, offset, bytes);
    }

    fn received(&mut self, bytes: &[u8]) {
        let offset = self.received;
        self.received = self.record(self.written.reverse(), offset, Bytes::copy_from_slice(bytes));
    }

    /// Hands the bytes to the sink; returns the offset after them.
    fn record(&self, direction: Direction, offset: u64, bytes: Bytes) -> u64 {
        let end = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if !bytes.is_empty() {
            let at = self.start.elapsed();
            self.sink.record(Chunk { connection: self.connection, direction, offset, at, bytes });
        }
        end
    }
}

/// The first `len` bytes of a vectored write.
fn first_bytes(slices: &[IoSlice<'_>], len: usize) -> Bytes {
    let mut bytes = BytesMut::with_capacity(len);
    for slice in slices {
        let left = len.saturating_sub(bytes.len());
        bytes.extend_from_slice(slice.get(..left).unwrap_or(slice));
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::record::Recording;
    use super::*;
    use crate::transport::{Peer, duplex};

    /// Accepts at most 5 bytes a write, and says by its flag whether it takes vectored ones.
    #[derive(Debug)]
    struct Narrow {
        vectored: bool,
        calls: Arc<AtomicU64>,
    }

    impl AsyncRead for Narrow {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buf.put_slice(b"pong");
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Narrow {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(buf.len().min(5)))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.calls.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum::<usize>().min(5)))
        }

        fn is_write_vectored(&self) -> bool {
            self.vectored
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[derive(Debug)]
    struct NarrowConnector(bool, Arc<AtomicU64>);

    impl Connector for NarrowConnector {
        fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
            let io = Narrow { vectored: self.0, calls: Arc::clone(&self.1) };
            Box::pin(async move { Ok(Connected::new(io, Peer::InMemory)) })
        }

        fn endpoint(&self) -> String {
            "narrow".to_owned()
        }
    }

    async fn connect(vectored: bool) -> (Box<dyn Io>, Recording, Arc<AtomicU64>) {
        let (recording, calls) = (Recording::new(1024), Arc::default());
        let tapped = Tapped::new(NarrowConnector(vectored, Arc::clone(&calls)), recording.clone());
        let (io, _) = tapped.connect().await.unwrap().into_parts();
        (io, recording, calls)
    }

    #[tokio::test]
    async fn records_only_what_the_transport_accepted() {
        let (mut io, recording, _) = connect(true).await;
        assert_eq!(io.write(b"1234567").await.unwrap(), 5);
        assert_eq!(io.write(b"67").await.unwrap(), 2);
        let seen: Vec<_> = recording.chunks().into_iter().map(|c| (c.offset, c.bytes)).collect();
        assert_eq!(seen, [(0, Bytes::from_static(b"12345")), (5, Bytes::from_static(b"67"))]);
    }

    #[tokio::test]
    async fn a_vectored_write_stays_one_vectored_write() {
        let (mut io, recording, calls) = connect(true).await;
        let slices = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cdef")];
        assert_eq!(io.write_vectored(&slices).await.unwrap(), 5);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(recording.chunks()[0].bytes, "abcde");
    }

    #[tokio::test]
    async fn who_waits_at_the_end_is_given_out_and_recorded() {
        let (connector, listener) = duplex(64);
        let recording = Recording::new(1024);
        let mut tapped = Tapped::new(listener, recording.clone());
        let _client = connector.connect().await.unwrap();
        let (mut io, _) = tapped.accept_queued().await.unwrap().unwrap().into_parts();
        io.write_all(b"bye").await.unwrap();
        assert_eq!(recording.chunks()[0].bytes, "bye");
        assert!(tapped.accept_queued().await.is_none());
    }

    #[tokio::test]
    async fn says_vectored_exactly_when_the_transport_below_does() {
        for vectored in [true, false] {
            assert_eq!(connect(vectored).await.0.is_write_vectored(), vectored);
        }
    }

    #[tokio::test]
    async fn what_is_read_counts_as_the_other_direction() {
        let (mut io, recording, _) = connect(true).await;
        let mut buf = [0; 8];
        assert_eq!(io.read(&mut buf).await.unwrap(), 4);
        let chunk = &recording.chunks()[0];
        assert_eq!(
            (chunk.direction, chunk.connection, &chunk.bytes[..]),
            (Direction::ServerToClient, 1, &b"pong"[..])
        );
    }
}
