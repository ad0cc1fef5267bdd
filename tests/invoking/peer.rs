//! A server by hand: it says what it is told to, and remembers what it hears.

use std::{collections::VecDeque, future::Future, time::Duration};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirepath::{
    CallOptions, Channel, MessageReceiver, MessageSender, Request, Response, Status,
    call::{MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
    frame::{FrameReader, HeaderBlockJoiner, Payload, Piece, SettingId, hpack},
    transport::{DuplexListener, Io, Listener, duplex},
};

pub(crate) type Method = MethodDescriptor<Bytes, Bytes>;

pub(crate) const SAY: Method =
    MethodDescriptor::new("/test.Echo/Say", MethodType::Unary, Codec::RAW, Codec::RAW);
pub(crate) const COLLECT: Method =
    MethodDescriptor::new("/test.Echo/Collect", MethodType::ClientStreaming, Codec::RAW, Codec::RAW);
pub(crate) const COUNT: Method =
    MethodDescriptor::new("/test.Echo/Count", MethodType::ServerStreaming, Codec::RAW, Codec::RAW);
pub(crate) const CHAT: Method =
    MethodDescriptor::new("/test.Echo/Chat", MethodType::BidiStreaming, Codec::RAW, Codec::RAW);

/// What the client sent, in words of RFC 9113.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Preface,
    Settings,
    SettingsAck,
    Headers { stream: u32, fields: Vec<(String, String)>, end: bool },
    Data { stream: u32, data: Bytes, end: bool },
    Reset { stream: u32, code: u32 },
    Goaway { code: u32 },
    WindowUpdate { stream: u32, increment: u32 },
    PingAck,
    Other,
}

/// One accepted connection.
pub(crate) struct Peer {
    io: Box<dyn Io>,
    reader: FrameReader,
    blocks: HeaderBlockJoiner,
    hpack: hpack::Decoder,
    seen: VecDeque<Seen>,
    /// Whether SETTINGS of either side have been said and acknowledged.
    has_greeted: bool,
    owes_ack: bool,
    /// What may be sent on a new stream before its first WINDOW_UPDATE.
    pub(crate) initial_window: u32,
}

impl Peer {
    /// Accepts without a word.
    pub(crate) async fn silent(listener: &mut impl Listener) -> Peer {
        Peer::over(listener.accept().await.unwrap().into_parts().0)
    }

    /// Accepts and says SETTINGS.
    pub(crate) async fn accept(listener: &mut impl Listener) -> Peer {
        Peer::accept_with(listener, &[]).await
    }

    /// Accepts and says SETTINGS of these values.
    pub(crate) async fn accept_with(listener: &mut impl Listener, values: &[(u16, u32)]) -> Peer {
        let mut peer = Peer::silent(listener).await;
        peer.greet(values).await;
        peer
    }

    /// Says SETTINGS, and acknowledges the client's once they are here.
    pub(crate) async fn greet(&mut self, values: &[(u16, u32)]) {
        self.send(&settings(values)).await;
        self.has_greeted = true;
        self.acknowledge().await;
    }

    async fn acknowledge(&mut self) {
        if self.has_greeted && std::mem::take(&mut self.owes_ack) {
            self.send(&frame(4, ACK, 0, &[])).await;
        }
    }

    pub(crate) fn over(io: Box<dyn Io>) -> Peer {
        let (mut reader, blocks) = (FrameReader::of_client(), HeaderBlockJoiner::new(1 << 20));
        reader.set_max_frame_size(1 << 20);
        let (hpack, seen) = (hpack::Decoder::new(4096), VecDeque::new());
        Peer { io, reader, blocks, hpack, seen, has_greeted: false, owes_ack: false, initial_window: 65_535 }
    }

    /// Sends bytes; a client that is gone has no need of them.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.io.write_all(bytes).await;
    }

    /// The next thing the client sends; `None` once it has closed.
    pub(crate) async fn next(&mut self) -> Option<Seen> {
        loop {
            if let Some(seen) = self.seen.pop_front() {
                return Some(seen);
            }
            let mut bytes = vec![0; 64 * 1024];
            let read = async { self.io.read(&mut bytes).await.unwrap_or(0) };
            let len = in_time(read).await;
            if len == 0 {
                return None;
            }
            self.reader.push(&bytes[..len]);
            while let Some(piece) = self.reader.next_piece().expect("the client sends frames") {
                let seen = self.read(&piece);
                self.owes_ack |= seen == Seen::Settings;
                self.seen.push_back(seen);
            }
            self.acknowledge().await;
        }
    }

    fn read(&mut self, piece: &Piece) -> Seen {
        let Piece::Frame(frame) = piece else { return Seen::Preface };
        let payload = frame.parse().expect("the client's frames are well-formed");
        let (stream, end) = (frame.head.stream_id, frame.head.is_end_stream());
        if let Some(block) = self.blocks.push(&frame.head, &payload).unwrap() {
            let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
            let decoded = self.hpack.decode(&block.octets).expect("the client's field blocks decode");
            let fields = decoded.fields.iter().map(|field| (text(&field.name), text(&field.value)));
            return Seen::Headers { stream, fields: fields.collect(), end: block.end_stream };
        }
        match payload {
            Payload::Settings(settings) => {
                self.initial_window =
                    settings.get(SettingId::InitialWindowSize).unwrap_or(self.initial_window);
                Seen::Settings
            }
            Payload::SettingsAck => Seen::SettingsAck,
            Payload::Data { data, .. } => Seen::Data { stream, data: Bytes::copy_from_slice(data), end },
            Payload::RstStream { code } => Seen::Reset { stream, code: code.number() },
            Payload::Goaway { code, .. } => Seen::Goaway { code: code.number() },
            Payload::WindowUpdate { increment } => Seen::WindowUpdate { stream, increment },
            Payload::PingAck(_) => Seen::PingAck,
            _ => Seen::Other,
        }
    }

    /// Reads on to the first thing that `wanted` makes something of.
    pub(crate) async fn find<T>(&mut self, mut wanted: impl FnMut(&Seen) -> Option<T>) -> T {
        loop {
            let seen = self.next().await.expect("the client goes on");
            if let Some(found) = wanted(&seen) {
                return found;
            }
        }
    }

    /// The stream of the next request.
    pub(crate) async fn headers(&mut self) -> u32 {
        self.find(|seen| match seen {
            Seen::Headers { stream, .. } => Some(*stream),
            _ => None,
        })
        .await
    }

    /// The stream of the next request, once it has ended.
    pub(crate) async fn request(&mut self) -> u32 {
        self.find(|seen| match seen {
            Seen::Data { stream, end: true, .. } => Some(*stream),
            _ => None,
        })
        .await
    }

    /// The next RST_STREAM: stream and code.
    pub(crate) async fn reset(&mut self) -> (u32, u32) {
        self.find(|seen| match seen {
            Seen::Reset { stream, code } => Some((*stream, *code)),
            _ => None,
        })
        .await
    }

    /// Everything that comes within this time.
    pub(crate) async fn during(&mut self, time: Duration) -> Vec<Seen> {
        let mut all = Vec::new();
        let gather = async {
            while let Some(seen) = self.next().await {
                all.push(seen);
            }
        };
        let _ = tokio::time::timeout(time, gather).await;
        all
    }
}

/// A channel and the listener that it connects to.
pub(crate) fn connect() -> (Channel, DuplexListener) {
    let (connector, listener) = duplex(1 << 20);
    (Channel::new(connector), listener)
}

/// Answers each request with what `answer` makes of its stream's number.
pub(crate) fn answering(answer: impl Fn(u32) -> Vec<u8> + Send + 'static) -> Channel {
    let (channel, mut listener) = connect();
    tokio::spawn(async move {
        let mut peer = Peer::accept(&mut listener).await;
        loop {
            let stream = peer.request().await;
            peer.send(&answer(stream)).await;
        }
    });
    channel
}

pub(crate) async fn say(channel: &Channel, message: &'static [u8]) -> Result<Response<Bytes>, Status> {
    in_time(invoke::unary(channel, &SAY, Bytes::from_static(message).into())).await
}

pub(crate) async fn say_with(channel: &Channel, options: CallOptions) -> Result<Response<Bytes>, Status> {
    let request = Request::new(Bytes::from_static(b"hi")).with_options(options);
    in_time(invoke::unary(channel, &SAY, request)).await
}

pub(crate) async fn chat(channel: &Channel) -> (MessageSender<Bytes>, MessageReceiver<Bytes>) {
    in_time(invoke::bidi_streaming(channel, &CHAT, ().into())).await.unwrap()
}

pub(crate) async fn count(channel: &Channel) -> Result<MessageReceiver<Bytes>, Status> {
    in_time(invoke::server_streaming(channel, &COUNT, Bytes::from_static(b"go").into())).await
}

/// Nothing here takes long; what hangs fails.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("an end in time")
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// DATA.
pub(crate) fn data(stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(0, 0, stream, payload)
}

/// DATA with END_STREAM.
pub(crate) fn last_data(stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(0, END_STREAM, stream, payload)
}

/// HEADERS.
pub(crate) fn headers(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(1, END_HEADERS, stream, &block(fields))
}

/// HEADERS with END_STREAM.
pub(crate) fn last_headers(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(1, END_HEADERS | END_STREAM, stream, &block(fields))
}

pub(crate) fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(3, 0, stream, &code.to_be_bytes())
}

pub(crate) fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let entry = |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()[..]].concat();
    frame(4, 0, 0, &values.iter().flat_map(entry).collect::<Vec<u8>>())
}

pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 3;
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;

pub(crate) fn goaway(last_stream: u32, code: u32) -> Vec<u8> {
    frame(7, 0, 0, &[last_stream.to_be_bytes(), code.to_be_bytes()].concat())
}

pub(crate) fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(8, 0, stream, &increment.to_be_bytes())
}

/// A field block of literals without indexing.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            integer(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// RFC 7541, section 5.1, with a prefix of 7 bits.
fn integer(block: &mut Vec<u8>, value: usize) {
    let Some(mut rest) = value.checked_sub(127) else { return block.push(value as u8) };
    block.push(127);
    while rest >= 128 {
        block.push((rest % 128 + 128) as u8);
        rest /= 128;
    }
    block.push(rest as u8);
}

/// Response-Headers.
pub(crate) const START: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/grpc")];
/// Trailers of a call that succeeded.
pub(crate) const OK: &[(&str, &str)] = &[("grpc-status", "0")];

/// Compressed-Flag, Message-Length, message.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag], &u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}

/// A whole good answer.
pub(crate) fn good(stream: u32, message: &[u8]) -> Vec<u8> {
    [headers(stream, START), data(stream, &framed(0, message)), last_headers(stream, OK)].concat()
}

/// Trailers-Only with this status.
pub(crate) fn only(stream: u32, status: &str) -> Vec<u8> {
    last_headers(stream, &[START, &[("grpc-status", status)]].concat())
}

/// RFC 9113, section 7.
pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const CANCEL: u32 = 8;

const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
