//! A server, and a client of it that is nothing but bytes.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirepath::{
    Request, Response, Router, Server,
    call::{MethodDescriptor, MethodType},
    codec::Codec,
    frame::{Frame, FrameReader, FrameType, PREFACE, Piece},
    http2::Http2Config,
    transport::{Connector, DuplexConnector, Io, duplex},
};

pub(crate) const SAY: MethodDescriptor<Bytes, Bytes> =
    MethodDescriptor::new("/test.Echo/Say", MethodType::Unary, Codec::RAW, Codec::RAW);

/// Echoes; never answers "wait".
pub(crate) fn router() -> Router {
    let mut router = Router::new();
    router.unary(&SAY, |request: Request<Bytes>| async {
        if &request.message()[..] == b"wait" {
            pending::<()>().await;
        }
        Ok(Response::new(request.into_message()))
    });
    router
}

/// A server with these settings.
pub(crate) fn serve(configure: impl FnOnce(&mut Http2Config)) -> DuplexConnector {
    let mut config = Http2Config::default();
    configure(&mut config);
    let (connector, listener) = duplex(1 << 16);
    tokio::spawn(Server::new().http2(config).add(router()).serve(listener));
    connector
}

/// One connection and all that has come on it.
pub(crate) struct Raw {
    io: Box<dyn Io>,
    received: Vec<u8>,
}

impl Raw {
    /// Connects and says nothing.
    pub(crate) async fn silent(connector: &DuplexConnector) -> Self {
        let (io, _) = connector.connect().await.unwrap().into_parts();
        Self { io, received: Vec::new() }
    }

    /// Connects, and sends the preface, SETTINGS and the acknowledgement of the server's.
    pub(crate) async fn connect(connector: &DuplexConnector) -> Self {
        let mut raw = Self::silent(connector).await;
        raw.send(&[&PREFACE[..], &frame(0x4, 0, 0, &[]), &frame(0x4, 0x1, 0, &[])].concat()).await;
        raw
    }

    /// A connection to a server with these settings.
    pub(crate) async fn to(configure: impl FnOnce(&mut Http2Config)) -> Self {
        Self::connect(&serve(configure)).await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        assert!(self.offer(bytes).await, "the server takes it");
    }

    /// Sends and reads nothing meanwhile.
    pub(crate) async fn send_unread(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    /// Sends until the server takes no more; says whether it took all. Reads meanwhile, so that the server can answer.
    pub(crate) async fn offer(&mut self, bytes: &[u8]) -> bool {
        let (mut reader, mut writer) = tokio::io::split(&mut self.io);
        let received = &mut self.received;
        let read = async { while !matches!(reader.read_buf(received).await, Ok(0) | Err(_)) {} };
        tokio::select! {
            biased;
            written = writer.write_all(bytes) => written.is_ok(),
            () = async { read.await; pending().await } => unreachable!(),
        }
    }

    /// A unary call, which is answered.
    pub(crate) async fn call(&mut self, stream_id: u32) {
        self.send(&call(stream_id, b"hi")).await;
        let ended = |frame: &Frame| {
            frame.head.stream_id == stream_id
                && frame.head.kind == FrameType::Headers
                && frame.head.is_end_stream()
        };
        let frames = self.read_until(|frames| frames.iter().any(ended)).await;
        assert!(frames.iter().any(ended), "no answer on stream {stream_id}: {frames:?}");
    }

    /// Reads until the frames so far are enough; at the end of the byte stream, too.
    pub(crate) async fn read_until(&mut self, enough: impl Fn(&[Frame]) -> bool) -> Vec<Frame> {
        let read = async {
            loop {
                let so_far = frames(&self.received);
                if enough(&so_far) || self.io.read_buf(&mut self.received).await.unwrap_or(0) == 0 {
                    return so_far;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(100_000), read).await.expect("enough frames come")
    }

    /// Reads to the end of the byte stream.
    pub(crate) async fn read_to_end(&mut self) -> Vec<Frame> {
        self.read_until(|_| false).await
    }

    /// Reads to the end; gives the error code and the debug data of the last GOAWAY.
    pub(crate) async fn cut_off(&mut self) -> (u32, String) {
        let frames = self.read_to_end().await;
        goaways(&frames).pop().unwrap_or_else(|| panic!("no GOAWAY among {} frames", frames.len()))
    }
}

/// Error code and debug data of each GOAWAY.
pub(crate) fn goaways(frames: &[Frame]) -> Vec<(u32, String)> {
    let goaways = frames.iter().filter(|frame| frame.head.kind == FrameType::Goaway);
    goaways
        .map(|goaway| {
            let code = u32::from_be_bytes(goaway.payload[4..8].try_into().unwrap());
            (code, String::from_utf8(goaway.payload[8..].to_vec()).unwrap())
        })
        .collect()
}

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

/// The fields of a call: POST and http by the static table, the rest as literals without indexing.
pub(crate) fn block() -> Vec<u8> {
    let mut block = b"\x83\x86\x04\x0e/test.Echo/Say".to_vec();
    block.extend(b"\x00\x02te\x08trailers\x0f\x10\x10application/grpc");
    block
}

/// HEADERS of a call.
pub(crate) fn headers(stream_id: u32) -> Vec<u8> {
    frame(0x1, 0x4, stream_id, &block())
}

/// HEADERS and DATA of a call.
pub(crate) fn call(stream_id: u32, message: &[u8]) -> Vec<u8> {
    [headers(stream_id), frame(0x0, 0x1, stream_id, &framed(message))].concat()
}

/// Compressed-Flag, Message-Length, message.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    [&[0], &u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}
