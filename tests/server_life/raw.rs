//! A client that is nothing but bytes on a Unix socket.

use std::{
    io::{self, Write},
    path::Path,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};
use wirepath::frame::{Frame, FrameReader, FrameType, PREFACE, Piece};

/// One connection and all that has come on it.
pub(crate) struct Raw {
    pub(crate) stream: UnixStream,
    received: Vec<u8>,
}

impl Raw {
    /// Connects and says nothing.
    pub(crate) async fn silent(path: &Path) -> Self {
        Self { stream: UnixStream::connect(path).await.unwrap(), received: Vec::new() }
    }

    /// Connects, says the preface and makes this call on stream 1, all before the server gets its turn.
    pub(crate) fn connect_at_once(path: &Path, call_path: &str, message: &[u8]) -> Self {
        let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
        let said = [&PREFACE[..], &frame(0x4, 0, 0, &[]), &call(1, call_path, message)].concat();
        stream.write_all(&said).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self { stream: UnixStream::from_std(stream).unwrap(), received: Vec::new() }
    }

    /// Connects, and sends the preface and SETTINGS with windows that never fill.
    pub(crate) async fn connect(path: &Path) -> Self {
        Self::connect_with_window(path, 0x7fff_ffff).await
    }

    /// Connects with this window for each stream.
    pub(crate) async fn connect_with_window(path: &Path, window: u32) -> Self {
        let mut raw = Self::silent(path).await;
        let initial_window_size = [&[0, 4], &window.to_be_bytes()[..]].concat();
        raw.send(&PREFACE[..]).await;
        raw.send(&frame(0x4, 0, 0, &initial_window_size)).await;
        raw.send(&frame(0x8, 0, 0, &0x7fff_0000_u32.to_be_bytes())).await;
        raw
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends a unary call in whole.
    pub(crate) async fn call(&mut self, stream_id: u32, path: &str, message: &[u8]) {
        self.send(&call(stream_id, path, message)).await;
    }

    /// Sends a unary call in whole, with its deadline.
    pub(crate) async fn call_within(&mut self, stream_id: u32, path: &str, timeout: &str, message: &[u8]) {
        self.send(&headers(stream_id, path, Some(timeout))).await;
        self.send(&frame(0x0, 0x1, stream_id, &framed(message))).await;
    }

    /// Reads until the frames so far are enough; at the end of the byte stream, too.
    pub(crate) async fn read_until(&mut self, enough: impl Fn(&[Frame]) -> bool) -> Vec<Frame> {
        let read = async {
            loop {
                let so_far = frames(&self.received);
                if enough(&so_far) || self.stream.read_buf(&mut self.received).await.unwrap() == 0 {
                    return so_far;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("enough frames come")
    }

    /// Waits for the PING of a drain and answers it.
    pub(crate) async fn answer_drain(&mut self) {
        let is_ping = |frame: &&Frame| frame.head.kind == FrameType::Ping;
        let so_far = self.read_until(|frames| frames.iter().any(|frame| is_ping(&frame))).await;
        let ping = so_far.iter().find(is_ping).expect("a PING with the first GOAWAY");
        self.send(&frame(0x6, 0x1, 0, &ping.payload)).await;
    }

    /// Reads to the end of the byte stream.
    ///
    /// # Errors
    /// What the end is instead of an end: ECONNRESET.
    pub(crate) async fn read_to_end(&mut self) -> io::Result<Vec<Frame>> {
        let read = self.stream.read_to_end(&mut self.received);
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("the server closes")?;
        Ok(frames(&self.received))
    }
}

/// The frames in what a server has sent so far.
fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut reader = FrameReader::of_server();
    reader.push(bytes);
    let mut frames = Vec::new();
    while let Some(piece) = reader.next_piece().expect("well-formed frames") {
        if let Piece::Frame(frame) = piece {
            frames.push(frame);
        }
    }
    frames
}

/// A frame of this kind, flags and stream.
pub(crate) fn frame(kind: u8, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream_id.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// HEADERS and DATA of a unary call.
pub(crate) fn call(stream_id: u32, path: &str, message: &[u8]) -> Vec<u8> {
    let mut bytes = headers(stream_id, path, None);
    bytes.extend(frame(0x0, 0x1, stream_id, &framed(message)));
    bytes
}

/// HEADERS of a call.
pub(crate) fn headers(stream_id: u32, path: &str, timeout: Option<&str>) -> Vec<u8> {
    // HPACK: POST and http by the static table, then literals without indexing of :path, te and content-type.
    let mut block = vec![0x83, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    block.extend(path.as_bytes());
    block.extend(b"\x00\x02te\x08trailers\x0f\x10\x10application/grpc");
    if let Some(timeout) = timeout {
        block.extend(b"\x00\x0cgrpc-timeout");
        block.push(u8::try_from(timeout.len()).unwrap());
        block.extend(timeout.as_bytes());
    }
    frame(0x1, 0x4, stream_id, &block)
}

/// Compressed-Flag, Message-Length, message.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    [&[0], &u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}
