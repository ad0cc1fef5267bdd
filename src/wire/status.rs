//! **Status**, **Status-Message** and **Status-Details**: how a call failed.
//!
//! A [`Status`] is the failure of a call and never OK, so `Result<T, Status>` says all there is to say. It is one pointer
//! wide: results that mostly succeed stay small. [`Origin`] tells what the peer sent from what was concluded here, which
//! the code alone cannot: UNAVAILABLE may be the server's word or a refused connection.

use std::error::Error;
use std::fmt::{self, Write};

use bytes::Bytes;

use crate::wire::{Code, Metadata, WireError};

/// The failure of a call: a code, a text for people, details for programs, trailing metadata.
#[derive(Clone, PartialEq)]
pub struct Status(Box<Fields>);

/// Who made a [`Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The peer sent it.
    Remote,
    /// It was made on this side, also when the peer's behaviour was the reason.
    Local,
}

#[derive(Clone, PartialEq)]
struct Fields {
    code: Code,
    origin: Origin,
    message: String,
    details: Bytes,
    metadata: Metadata,
}

impl Status {
    /// Makes a status of this side, without details and metadata.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Status(Box::new(Fields {
            code,
            origin: Origin::Local,
            message: message.into(),
            details: Bytes::new(),
            metadata: Metadata::new(),
        }))
    }

    /// Why the call failed.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The text for people, without the code; may be empty.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// A serialized `google.rpc.Status`, or nothing; by convention it repeats code and message.
    pub fn details(&self) -> &Bytes {
        &self.0.details
    }

    /// The metadata that travels in the same trailers.
    ///
    /// Where a client has nothing else of a failed call (unary, or the only message of a stream), that of Response-Headers
    /// comes before it.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// The metadata that travels in the same trailers, to change it.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.0.metadata
    }

    /// Who made the status.
    pub fn origin(&self) -> Origin {
        self.0.origin
    }

    /// Sets the serialized `google.rpc.Status`.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Bytes>) -> Self {
        self.0.details = details.into();
        self
    }

    /// Sets the metadata, in place of what was there.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.0.metadata = metadata;
        self
    }

    /// Sets who made the status.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.0.origin = origin;
        self
    }
}

/// One constructor per code.
impl Status {
    /// The caller gave the call up.
    pub fn cancelled(message: impl Into<String>) -> Self {
        Status::new(Code::Cancelled, message)
    }

    /// An error of another world, or one that says nothing more.
    pub fn unknown(message: impl Into<String>) -> Self {
        Status::new(Code::Unknown, message)
    }

    /// The arguments are wrong whatever the state of the system.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Status::new(Code::InvalidArgument, message)
    }

    /// The deadline passed before the call ended.
    pub fn deadline_exceeded(message: impl Into<String>) -> Self {
        Status::new(Code::DeadlineExceeded, message)
    }

    /// What was asked for does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Status::new(Code::NotFound, message)
    }

    /// What was to be made exists.
    pub fn already_exists(message: impl Into<String>) -> Self {
        Status::new(Code::AlreadyExists, message)
    }

    /// The caller is known and may not do this.
    pub fn permission_denied(message: impl Into<String>) -> Self {
        Status::new(Code::PermissionDenied, message)
    }

    /// A quota, a limit or a disk is used up.
    pub fn resource_exhausted(message: impl Into<String>) -> Self {
        Status::new(Code::ResourceExhausted, message)
    }

    /// The system is not in the state that the call needs.
    pub fn failed_precondition(message: impl Into<String>) -> Self {
        Status::new(Code::FailedPrecondition, message)
    }

    /// The call lost against a concurrent one.
    pub fn aborted(message: impl Into<String>) -> Self {
        Status::new(Code::Aborted, message)
    }

    /// The arguments pass the valid range in the present state.
    pub fn out_of_range(message: impl Into<String>) -> Self {
        Status::new(Code::OutOfRange, message)
    }

    /// The method does not exist or is not supported here.
    pub fn unimplemented(message: impl Into<String>) -> Self {
        Status::new(Code::Unimplemented, message)
    }

    /// An invariant is broken.
    pub fn internal(message: impl Into<String>) -> Self {
        Status::new(Code::Internal, message)
    }

    /// The service cannot be reached now; the call may be tried again.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Status::new(Code::Unavailable, message)
    }

    /// Data is lost or corrupted for good.
    pub fn data_loss(message: impl Into<String>) -> Self {
        Status::new(Code::DataLoss, message)
    }

    /// The caller is not known.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Status::new(Code::Unauthenticated, message)
    }
}

impl From<WireError> for Status {
    fn from(error: WireError) -> Self {
        Status::new(error.code(), error.to_string())
    }
}

/// One line: the peer's control characters are escaped, so that they steer no terminal and forge no line of a log.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code())?;
        if self.message().is_empty() {
            return Ok(());
        }
        f.write_str(": ")?;
        self.message().chars().try_for_each(|c| match c {
            c if c.is_control() => write!(f, "{}", c.escape_default()),
            c => f.write_char(c),
        })
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fields { code, origin, message, details, metadata } = &*self.0;
        f.debug_struct("Status")
            .field("code", code)
            .field("origin", origin)
            .field("message", message)
            .field("details", details)
            .field("metadata", metadata)
            .finish()
    }
}

impl Error for Status {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_pointer_wide_also_within_a_result() {
        assert_eq!(size_of::<Status>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Status>>(), size_of::<usize>());
    }

    #[test]
    fn text_is_the_code_and_the_message() {
        assert_eq!(Status::unavailable("no such socket").to_string(), "UNAVAILABLE: no such socket");
        assert_eq!(Status::unknown("").to_string(), "UNKNOWN");
    }

    #[test]
    fn text_is_one_line_that_steers_no_terminal() {
        let status = Status::aborted("a\u{1b}[2J\r\n\0\u{9b}\u{e9}\\");
        assert_eq!(status.to_string(), "ABORTED: a\\u{1b}[2J\\r\\n\\u{0}\\u{9b}\u{e9}\\");
    }

    #[test]
    fn each_constructor_makes_its_code() {
        let makers: [fn(String) -> Status; 16] = [
            Status::cancelled,
            Status::unknown,
            Status::invalid_argument,
            Status::deadline_exceeded,
            Status::not_found,
            Status::already_exists,
            Status::permission_denied,
            Status::resource_exhausted,
            Status::failed_precondition,
            Status::aborted,
            Status::out_of_range,
            Status::unimplemented,
            Status::internal,
            Status::unavailable,
            Status::data_loss,
            Status::unauthenticated,
        ];
        for (make, code) in makers.into_iter().zip(Code::ALL) {
            let status = make("text".to_owned());
            assert_eq!((status.code(), status.message(), status.origin()), (code, "text", Origin::Local));
        }
    }

    #[test]
    fn broken_grammar_is_internal_and_a_limit_is_resource_exhausted() {
        // rules 17 and 20
        let flag = Status::from(WireError::CompressedFlag { flag: 7 });
        assert_eq!(flag.to_string(), "INTERNAL: compressed flag must be 0 or 1: 7");
        let large = Status::from(WireError::MessageTooLarge { len: 9, max: 8 });
        assert_eq!((large.code(), large.origin()), (Code::ResourceExhausted, Origin::Local));
    }
}
