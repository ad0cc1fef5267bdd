//! The byte ledger: each byte of a capture on exactly one account, so that the sums are the captured totals.

use std::ops::AddAssign;

use wirepath::frame::{FrameHead, FrameType, PREFACE, Payload};
use wirepath::tap::{CallEvent, Direction};
use wirepath::wire::MessagePrefix;

use super::capture::{Capture, Shape};
use super::steps::{Step, steps, streams};

/// Bytes of both directions by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) preface: usize,
    /// Payloads of SETTINGS.
    pub(crate) settings: usize,
    /// Payloads of WINDOW_UPDATE, PING and the other frames that carry no call; padding.
    pub(crate) control: usize,
    /// 9 bytes for each frame.
    pub(crate) heads: usize,
    pub(crate) request_headers: usize,
    pub(crate) response_headers: usize,
    pub(crate) trailers: usize,
    /// Compressed-Flag and Message-Length.
    pub(crate) prefixes: usize,
    pub(crate) messages: usize,
}

impl Account {
    /// Each item with its name for readers and for programs, in the order of a call.
    pub(crate) fn items(&self) -> [(&'static str, &'static str, usize); 9] {
        [
            ("connection preface", "preface", self.preface),
            ("SETTINGS", "settings", self.settings),
            ("WINDOW_UPDATE, PING, padding", "control", self.control),
            ("frame heads, 9 bytes each", "frame_heads", self.heads),
            ("request headers, HPACK", "request_headers", self.request_headers),
            ("response headers, HPACK", "response_headers", self.response_headers),
            ("trailers, HPACK", "trailers", self.trailers),
            ("gRPC prefixes, 5 bytes each", "prefixes", self.prefixes),
            ("the messages themselves", "messages", self.messages),
        ]
    }

    /// The sum of all items.
    pub(crate) fn total(&self) -> usize {
        self.items().iter().map(|(_, _, bytes)| bytes).sum()
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Account) {
        self.preface += other.preface;
        self.settings += other.settings;
        self.control += other.control;
        self.heads += other.heads;
        self.request_headers += other.request_headers;
        self.response_headers += other.response_headers;
        self.trailers += other.trailers;
        self.prefixes += other.prefixes;
        self.messages += other.messages;
    }
}

/// The bytes of one capture.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    /// What belongs to no call.
    pub(crate) connection: Account,
    pub(crate) calls: Vec<Account>,
    /// Captured, but in no complete frame; nothing in a capture that ran to its end.
    pub(crate) unread: usize,
}

impl Ledger {
    pub(crate) fn of(capture: &Capture) -> Self {
        let steps = steps(&capture.events);
        let streams = streams(&steps);
        let mut ledger = Ledger {
            connection: Account::default(),
            calls: vec![Account::default(); streams.len()],
            unread: 0,
        };
        // Header frames' payloads that wait for the end of their block, by direction.
        let mut open = [0, 0];
        for step in &steps {
            let call = streams.iter().position(|id| *id == step.stream_id());
            let account = match call {
                Some(call) => &mut ledger.calls[call],
                None => &mut ledger.connection,
            };
            enter(account, step, &mut open[usize::from(step.direction == Direction::ServerToClient)]);
        }
        let captured = capture.sent.len() + capture.received.len();
        ledger.unread = captured - ledger.total();
        ledger
    }

    /// The first call, and with it what its connection cost to open.
    pub(crate) fn first(&self) -> Account {
        let mut first = self.connection;
        if let Some(call) = self.calls.first() {
            first += *call;
        }
        first
    }

    /// A call once the HPACK tables are filled.
    pub(crate) fn further(&self) -> Account {
        self.calls.last().copied().unwrap_or_default()
    }

    /// All accounts together.
    pub(crate) fn total(&self) -> usize {
        self.connection.total() + self.calls.iter().map(Account::total).sum::<usize>()
    }
}

/// The ledgers of one call shape over both transports.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) shape: Shape,
    pub(crate) unix: Ledger,
    pub(crate) tcp: Ledger,
}

fn enter(account: &mut Account, step: &Step<'_>, open: &mut usize) {
    let Some(frame) = step.frame else {
        account.preface += PREFACE.len();
        return;
    };
    account.heads += FrameHead::LEN;
    let len = frame.payload.len();
    match frame.head.kind {
        FrameType::Headers | FrameType::Continuation | FrameType::PushPromise => {
            *open += len;
            if let Some(block) = step.block {
                *class(account, step.direction, block.end_stream) += block.octets.len();
                account.control += std::mem::take(open) - block.octets.len();
            }
        }
        FrameType::Data => {
            let data = match frame.parse() {
                Ok(Payload::Data { data, .. }) => data.len(),
                _ => 0,
            };
            let messages = step.calls.iter().filter(|record| {
                matches!(record.event, CallEvent::ClientMessage(_) | CallEvent::ServerMessage(_))
            });
            let prefixes = messages.count() * MessagePrefix::LEN;
            account.prefixes += prefixes;
            account.messages += data - prefixes.min(data);
            account.control += len - data;
        }
        FrameType::Settings => account.settings += len,
        _ => account.control += len,
    }
}

fn class(account: &mut Account, direction: Direction, end_stream: bool) -> &mut usize {
    match (direction, end_stream) {
        (Direction::ClientToServer, _) => &mut account.request_headers,
        (Direction::ServerToClient, false) => &mut account.response_headers,
        (Direction::ServerToClient, true) => &mut account.trailers,
    }
}
