//! A transport that records what each side writes, call by call, below HTTP/2.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wirepath::{
    frame::{Frame, FrameReader, FrameType, Piece},
    transport::{BoxFuture, Connected, Connector, Io, Listener},
};

/// Each write of one side, in order. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writes(Arc<Mutex<Vec<Vec<u8>>>>);

impl Writes {
    /// What was written so far, write by write.
    pub(crate) fn all(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().clone()
    }

    /// The frames that this side, a server, has written in whole.
    pub(crate) fn server_frames(&self) -> Vec<Frame> {
        frames(FrameReader::of_server(), &self.all().concat())
    }

    /// The frames that this side, a client, has written in whole.
    pub(crate) fn client_frames(&self) -> Vec<Frame> {
        frames(FrameReader::of_client(), &self.all().concat())
    }
}

/// The frames in `bytes`, where frames may be as large as this library lets them be.
pub(crate) fn frames(mut reader: FrameReader, bytes: &[u8]) -> Vec<Frame> {
    reader.set_max_frame_size(1 << 20);
    reader.push(bytes);
    let mut frames = Vec::new();
    while let Some(piece) = reader.next_piece().expect("well-formed frames") {
        if let Piece::Frame(frame) = piece {
            frames.push(frame);
        }
    }
    frames
}

/// The payloads of all DATA frames, one behind the other.
pub(crate) fn data(frames: &[Frame]) -> Vec<u8> {
    let data = frames.iter().filter(|frame| frame.head.kind == FrameType::Data);
    data.flat_map(|frame| frame.payload.to_vec()).collect()
}

/// A connector or listener whose connections record their writes.
#[derive(Debug)]
pub(crate) struct Recorded<T> {
    pub(crate) transport: T,
    pub(crate) writes: Writes,
}

impl<T> Recorded<T> {
    pub(crate) fn new(transport: T) -> (Self, Writes) {
        let writes = Writes::default();
        (Self { transport, writes: writes.clone() }, writes)
    }
}

fn record(connected: Connected, writes: &Writes) -> Connected {
    let (io, peer) = connected.into_parts();
    Connected::new(RecordedIo { io, writes: writes.clone() }, peer)
}

impl<C: Connector> Connector for Recorded<C> {
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async { Ok(record(self.transport.connect().await?, &self.writes)) })
    }

    fn endpoint(&self) -> String {
        self.transport.endpoint()
    }
}

impl<L: Listener> Listener for Recorded<L> {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            let connected = self.transport.accept().await?;
            Ok(record(connected, &self.writes))
        })
    }

    fn endpoint(&self) -> String {
        self.transport.endpoint()
    }
}

struct RecordedIo {
    io: Box<dyn Io>,
    writes: Writes,
}

impl RecordedIo {
    fn record(&self, slices: &[IoSlice<'_>], written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(len)) = written {
            let mut bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
            bytes.truncate(len);
            self.writes.0.lock().unwrap().push(bytes);
        }
        written
    }
}

impl AsyncRead for RecordedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for RecordedIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.record(&[IoSlice::new(buf)], written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.record(slices, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
