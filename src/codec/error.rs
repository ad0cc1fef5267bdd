//! What goes wrong between a message and its bytes.

use std::borrow::Cow;
use std::fmt;

/// The bytes are no message of the type that the method names.
///
/// The peer or the two sides' schemas are at fault. A call ends with INTERNAL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    reason: Cow<'static, str>,
}

impl DecodeError {
    /// An error whose text is `message does not decode: ` and the reason.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into() }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message does not decode: {}", self.reason)
    }
}

impl std::error::Error for DecodeError {}
