//! A server by hand that misbehaves as a case of doc/negative-http2-test-descriptions.md says, and looks at how its client
//! takes it: another connection after GOAWAY, an ACK for each PING, never more streams than allowed.
//!
//! It answers every call with UnaryCall's large response. What it may send is bounded by the client's windows, padding
//! included, so a client that forgets to give padding back waits for ever.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use clap::ValueEnum;
use prost::Message;
use wirepath::{
    generated::grpc::testing::{Payload, SimpleResponse},
    transport::{Io, Listener},
};

use crate::peer::{
    END_STREAM, MAX_CONCURRENT_STREAMS, NO_ERROR, OK, Peer, START, Seen, data, frame, framed, goaway,
    headers, last_headers, reset, window_update,
};

/// In which way the server misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Misbehaviour {
    /// GOAWAY behind the first answer of each connection.
    Goaway,
    /// RST_STREAM(NO_ERROR) behind Response-Headers.
    RstAfterHeader,
    /// RST_STREAM(NO_ERROR) behind half of the message.
    RstDuringData,
    /// RST_STREAM(NO_ERROR) behind the message.
    RstAfterData,
    /// PING behind each frame, received or sent.
    Ping,
    /// One stream at a time.
    MaxStreams,
    /// DATA of 5 bytes and 255 of padding.
    DataFramePadding,
    /// DATA of 5 bytes.
    NoDfPaddingSanityTest,
}

/// What the server saw of its client, over all connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// How many calls came on each connection that had any.
    pub(crate) calls: Vec<usize>,
    /// PINGs sent and not acknowledged.
    pub(crate) unanswered_pings: usize,
    /// Most streams that were open at a time on one connection.
    pub(crate) most_streams: usize,
}

impl Misbehaviour {
    /// What a client that keeps to HTTP/2 does wrong here; `None` if nothing.
    pub(crate) fn complaint(self, observed: &Observed) -> Option<String> {
        let Observed { calls, unanswered_pings, most_streams } = observed;
        match self {
            Self::Goaway if calls.iter().any(|calls| *calls > 1) => {
                Some(format!("calls per connection: {calls:?}, after GOAWAY each needs its own"))
            }
            Self::Ping if *unanswered_pings > 0 => Some(format!("{unanswered_pings} PINGs without ACK")),
            Self::MaxStreams if *most_streams > 1 => Some(format!("{most_streams} streams open, 1 allowed")),
            _ => None,
        }
    }
}

/// A running server, and what it has seen.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    observed: Arc<Mutex<Observed>>,
}

impl Watch {
    pub(crate) fn observed(&self) -> Observed {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves every connection of the listener; the response to a stream of the nth connection holds `payload_len(nth, stream)`
/// bytes.
pub(crate) async fn misbehave(
    how: Misbehaviour,
    mut listener: Box<dyn Listener>,
    watch: Watch,
    payload_len: fn(usize, u32) -> usize,
) {
    for nth in 0.. {
        let Ok(connected) = listener.accept().await else { return };
        let connection = Connection::new(how, connected.into_parts().0, watch.clone());
        tokio::spawn(connection.run(move |stream| payload_len(nth, stream)));
    }
}

/// One connection: what has come, and what waits for the client's windows.
struct Connection {
    how: Misbehaviour,
    peer: Peer,
    watch: Watch,
    /// Frames to send, each with its stream and what it takes of the windows.
    queue: VecDeque<(u32, usize, Vec<u8>)>,
    connection_window: usize,
    stream_windows: HashMap<u32, usize>,
    open_streams: usize,
    /// This connection's place in [`Observed::calls`].
    place: Option<usize>,
}

impl Connection {
    fn new(how: Misbehaviour, io: Box<dyn Io>, watch: Watch) -> Self {
        Self {
            how,
            peer: Peer::over(io),
            watch,
            queue: VecDeque::new(),
            connection_window: 65_535,
            stream_windows: HashMap::new(),
            open_streams: 0,
            place: None,
        }
    }

    async fn run(mut self, payload_len: impl Fn(u32) -> usize) {
        let limits: &[(u16, u32)] = match self.how {
            Misbehaviour::MaxStreams => &[(MAX_CONCURRENT_STREAMS, 1)],
            _ => &[],
        };
        self.peer.greet(limits).await;
        while let Some(seen) = self.peer.next().await {
            match seen {
                Seen::Headers { stream, .. } => self.opened(stream),
                Seen::Data { stream, data, end } => {
                    self.give_back(stream, data.len());
                    if end {
                        self.answer(stream, payload_len(stream));
                    }
                    self.ping();
                }
                Seen::WindowUpdate { stream: 0, increment } => self.connection_window += increment as usize,
                Seen::WindowUpdate { stream, increment } => {
                    *self.stream_windows.entry(stream).or_default() += increment as usize;
                }
                Seen::PingAck => self.watch.lock().unanswered_pings -= 1,
                _ => {}
            }
            self.send_what_fits().await;
        }
    }

    fn opened(&mut self, stream: u32) {
        self.stream_windows.insert(stream, self.peer.initial_window as usize);
        self.open_streams += 1;
        let mut observed = self.watch.lock();
        observed.most_streams = observed.most_streams.max(self.open_streams);
        let place = *self.place.get_or_insert_with(|| {
            observed.calls.push(0);
            observed.calls.len() - 1
        });
        observed.calls[place] += 1;
        drop(observed);
        self.ping();
    }

    fn give_back(&mut self, stream: u32, len: usize) {
        if let Ok(len @ 1..) = u32::try_from(len) {
            self.queue.push_front((0, 0, [window_update(0, len), window_update(stream, len)].concat()));
        }
    }

    fn ping(&mut self) {
        if self.how == Misbehaviour::Ping {
            self.watch.lock().unanswered_pings += 1;
            self.queue.push_back((0, 0, frame(PING, 0, 0, b"negative")));
        }
    }

    /// Queues a frame that takes nothing of the windows.
    fn push(&mut self, frame: Vec<u8>) {
        self.queue.push_back((0, 0, frame));
        self.ping();
    }

    fn push_data(&mut self, stream: u32, message: &[u8]) {
        let (piece, padding) = match self.how {
            Misbehaviour::DataFramePadding => (5, Some(255)),
            Misbehaviour::NoDfPaddingSanityTest => (5, None),
            _ => (16 * 1024, None),
        };
        for piece in message.chunks(piece) {
            let frame = match padding {
                Some(padding) => padded_data(stream, piece, padding),
                None => data(stream, piece),
            };
            self.queue.push_back((stream, frame.len() - FRAME_HEAD, frame));
            self.ping();
        }
    }

    fn answer(&mut self, stream: u32, payload_len: usize) {
        let payload = Payload { body: vec![0; payload_len].into(), ..Default::default() };
        let response = SimpleResponse { payload: Some(payload), ..Default::default() };
        let message = framed(0, &response.encode_to_vec());
        let sent = match self.how {
            Misbehaviour::RstAfterHeader => 0,
            Misbehaviour::RstDuringData => message.len() / 2,
            _ => message.len(),
        };
        self.push(headers(stream, START));
        self.push_data(stream, &message[..sent]);
        match self.how {
            Misbehaviour::RstAfterHeader | Misbehaviour::RstDuringData | Misbehaviour::RstAfterData => {
                self.push(reset(stream, NO_ERROR));
            }
            Misbehaviour::Goaway => self.push([last_headers(stream, OK), goaway(stream, NO_ERROR)].concat()),
            _ => self.push(last_headers(stream, OK)),
        }
    }

    async fn send_what_fits(&mut self) {
        let mut bytes = Vec::new();
        while let Some((stream, len, _)) = self.queue.front() {
            let (stream, len) = (*stream, *len);
            let stream_window = self.stream_windows.entry(stream).or_default();
            if len > 0 && (len > *stream_window || len > self.connection_window) {
                break;
            }
            *stream_window -= len.min(*stream_window);
            self.connection_window -= len;
            if let Some((_, _, frame)) = self.queue.pop_front() {
                self.open_streams -= usize::from(ends_stream(&frame));
                bytes.extend(frame);
            }
        }
        self.peer.send(&bytes).await;
    }
}

/// Whether the frame, or the first of several, is the last of its stream.
fn ends_stream(frame: &[u8]) -> bool {
    let (kind, flags) = (frame[3], frame[4]);
    kind == RST_STREAM || (kind == HEADERS && flags & END_STREAM != 0)
}

/// DATA with its Pad Length and padding.
fn padded_data(stream: u32, payload: &[u8], padding: u8) -> Vec<u8> {
    let payload = [&[padding], payload, &vec![0; usize::from(padding)][..]].concat();
    frame(DATA, PADDED, stream, &payload)
}

// RFC 9113, sections 4.1 and 6.
const FRAME_HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PING: u8 = 6;
const PADDED: u8 = 0x8;
