//! What an [`Analyzer`](super::Analyzer) makes of bytes: frames, header blocks and gRPC call events.
//!
//! The call events have the shape of gRFC A16 (binary logging): a call id, a sequence number within the call from 1, and
//! one of seven kinds. The order is that of the bytes: a frame comes before what it completes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::garbage::Garbage;
use super::record::Direction;
use crate::frame::hpack::{Field, SizeUpdate};
use crate::frame::{Frame, FrameError};

/// One thing seen in one direction of a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When the bytes that complete it were recorded.
    pub at: Duration,
    /// Which way it went.
    pub direction: Direction,
    /// Where in the direction's bytes the frame that completes it begins.
    pub offset: u64,
    /// What it is.
    pub kind: EventKind,
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// The client's connection preface of 24 bytes.
    Preface,
    /// A frame, of whatever type.
    Frame(Frame),
    /// A header block, complete: HEADERS or PUSH_PROMISE with their CONTINUATION frames, decoded.
    HeaderBlock(HeaderBlock),
    /// A gRPC call went one step on.
    Call(CallRecord),
    /// The direction does not begin as HTTP/2 does. Nothing more is read of it.
    Garbage(Garbage),
    /// The direction broke a rule of the grammar.
    Broken(Broken),
}

/// A decoded header block.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderBlock {
    /// The stream whose headers these are.
    pub stream_id: u32,
    /// The stream that a PUSH_PROMISE announces; `None` for HEADERS.
    pub promised_stream_id: Option<u32>,
    /// The stream's direction ends with this block.
    pub end_stream: bool,
    /// The block's bytes, joined over its frames, without padding and priority.
    pub octets: Bytes,
    /// How many frames it came in.
    pub frames: u32,
    /// Dynamic table size updates at its beginning.
    pub size_updates: Vec<SizeUpdate>,
    /// Its fields, each with its HPACK representation.
    pub fields: Vec<Field>,
}

impl HeaderBlock {
    /// The first value of this name.
    pub fn value(&self, name: &str) -> Option<&Bytes> {
        self.fields.iter().find(|field| field.name == name.as_bytes()).map(|field| &field.value)
    }

    /// The first value of this name, as text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

/// One step of one gRPC call: an entry of gRFC A16's log.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord {
    /// The call, counted from 1 within its connection.
    pub call_id: u64,
    /// The step within its call, counted from 1.
    pub sequence: u64,
    /// The stream that carries the call.
    pub stream_id: u32,
    /// The method's path, `/package.Service/Method`; all steps of a call share it.
    pub path: Arc<str>,
    /// What happened.
    pub event: CallEvent,
}

/// The call events of gRFC A16.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CallEvent {
    /// Request-Headers.
    ClientHeader {
        /// `:authority`, if sent.
        authority: Option<String>,
        /// `grpc-timeout`, if sent and well formed.
        timeout: Option<Duration>,
        /// Custom-Metadata in order of the wire.
        metadata: Vec<(Bytes, Bytes)>,
    },
    /// Response-Headers.
    ServerHeader {
        /// Custom-Metadata in order of the wire.
        metadata: Vec<(Bytes, Bytes)>,
    },
    /// A Length-Prefixed-Message of the client.
    ClientMessage(MessageRecord),
    /// A Length-Prefixed-Message of the server.
    ServerMessage(MessageRecord),
    /// The client sent END_STREAM.
    ClientHalfClose,
    /// Trailers, or Trailers-Only.
    ServerTrailer {
        /// `grpc-status`, if sent and a number.
        status: Option<u32>,
        /// `grpc-message`, percent-decoded; empty when absent.
        message: String,
        /// Custom-Metadata in order of the wire.
        metadata: Vec<(Bytes, Bytes)>,
    },
    /// RST_STREAM before the call was complete; the event's direction says whose.
    Cancel {
        /// The error code of RFC 9113, section 7.
        error_code: u32,
    },
}

impl CallEvent {
    /// The name of gRFC A16, `CLIENT_HEADER` and its like.
    pub const fn name(&self) -> &'static str {
        match self {
            CallEvent::ClientHeader { .. } => "CLIENT_HEADER",
            CallEvent::ServerHeader { .. } => "SERVER_HEADER",
            CallEvent::ClientMessage(_) => "CLIENT_MESSAGE",
            CallEvent::ServerMessage(_) => "SERVER_MESSAGE",
            CallEvent::ClientHalfClose => "CLIENT_HALF_CLOSE",
            CallEvent::ServerTrailer { .. } => "SERVER_TRAILER",
            CallEvent::Cancel { .. } => "CANCEL",
        }
    }
}

/// A Length-Prefixed-Message, joined over its DATA frames.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRecord {
    /// Its place among the call's messages of this direction, from 1.
    pub number: u64,
    /// Compressed-Flag.
    pub compressed: bool,
    /// Message-Length.
    pub len: u32,
    /// The message as sent, without its prefix; shorter than `len` when the analyzer's memory was used up.
    pub data: Bytes,
    /// How many DATA frames it lies in.
    pub frames: u32,
}

/// How a direction broke the grammar.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Broken {
    /// A rule of RFC 9113 or RFC 7541. Where it ends the connection, nothing more of the direction is read.
    Frame(FrameError),
    /// A message's Compressed-Flag is neither 0 nor 1; the stream's messages are not read on.
    CompressedFlag {
        /// The stream.
        stream_id: u32,
        /// The flag.
        flag: u8,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Frame(error) => write!(f, "{error}"),
            Broken::CompressedFlag { stream_id, flag } => {
                write!(f, "Compressed-Flag is 0 or 1, not {flag} (stream {stream_id})")
            }
        }
    }
}
