//! What ends a stream or a connection, and who ended it.
//!
//! h2's errors become one value with the HTTP/2 error code (RFC 9113, section 7) and its initiator; towards the caller it
//! becomes a [`Status`] by the table of PROTOCOL-HTTP2.md, "Errors" (rules 38 and 43).

use std::{fmt, io, sync::Arc};

use crate::wire::{self, Code, Status};

/// A stream or its connection has ended other than by END_STREAM.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    initiator: Initiator,
}

/// How a stream or connection ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// RST_STREAM with this error code.
    Reset(u32),
    /// GOAWAY with this error code: the connection is over. The text holds the debug data.
    GoAway(u32, String),
    /// The byte stream failed or ended.
    Io(Arc<io::Error>),
    /// This side used the stream after its end.
    Closed(String),
}

/// Who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// The peer sent it.
    Remote,
    /// This side found the peer to break HTTP/2, or ended the stream itself.
    Local,
}

impl Error {
    /// How it ended.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Who ended it.
    pub fn initiator(&self) -> Initiator {
        self.initiator
    }

    /// The error code of RST_STREAM or GOAWAY, if there was one.
    pub fn code(&self) -> Option<u32> {
        match self.kind {
            ErrorKind::Reset(code) | ErrorKind::GoAway(code, _) => Some(code),
            ErrorKind::Io(_) | ErrorKind::Closed(_) => None,
        }
    }

    pub(super) fn io(kind: io::ErrorKind, text: &'static str) -> Self {
        let error = io::Error::new(kind, text);
        Self { kind: ErrorKind::Io(Arc::new(error)), initiator: Initiator::Local }
    }

    pub(crate) fn reset(code: u32, initiator: Initiator) -> Self {
        Self { kind: ErrorKind::Reset(code), initiator }
    }
}

impl From<h2::Error> for Error {
    fn from(error: h2::Error) -> Self {
        let initiator = if error.is_remote() { Initiator::Remote } else { Initiator::Local };
        let kind = match error.reason() {
            Some(reason) if error.is_go_away() => ErrorKind::GoAway(reason.into(), error.to_string()),
            Some(reason) => ErrorKind::Reset(reason.into()),
            None if error.is_io() => {
                let text = error.to_string();
                ErrorKind::Io(Arc::new(error.into_io().unwrap_or_else(|| io::Error::other(text))))
            }
            None => ErrorKind::Closed(error.to_string()),
        };
        Self { kind, initiator }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.initiator {
            Initiator::Remote => "the peer",
            Initiator::Local => "this side",
        };
        match &self.kind {
            ErrorKind::Reset(code) => write!(f, "{who} reset the stream: {}", h2::Reason::from(*code)),
            ErrorKind::GoAway(_, text) => write!(f, "{who} closed the connection: {text}"),
            ErrorKind::Io(error) => write!(f, "the connection broke: {error}"),
            ErrorKind::Closed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

/// Rules 38 and 43: RST_STREAM by its code, a lost connection is UNAVAILABLE.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let code = match error.kind {
            ErrorKind::Reset(code) => wire::code_from_rst(code),
            ErrorKind::GoAway(..) | ErrorKind::Io(_) => Code::Unavailable,
            ErrorKind::Closed(_) => Code::Internal,
        };
        Status::new(code, error.to_string())
    }
}

/// The error codes of RFC 9113, section 7, that gRPC itself sends.
pub mod error_code {
    use crate::frame::ErrorCode;

    /// The stream or connection ends without an error: "stop sending, the answer is complete" (section 8.1).
    pub const NO_ERROR: u32 = ErrorCode::NoError.number();
    /// The stream is not needed any more.
    pub const CANCEL: u32 = ErrorCode::Cancel.number();
    /// The peer costs too much.
    pub const ENHANCE_YOUR_CALM: u32 = ErrorCode::EnhanceYourCalm.number();
}
