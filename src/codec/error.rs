//! What goes wrong between a message and its bytes.

use std::borrow::Cow;
use std::{fmt, io};

use crate::wire::{Code, Encoding, Status};

/// The bytes are no message of the type that the method names.
///
/// The peer or the two sides' schemas are at fault. A call ends with INTERNAL (rule 26).
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

impl From<DecodeError> for Status {
    fn from(error: DecodeError) -> Self {
        Status::internal(error.to_string())
    }
}

/// A message does not become its compressed form, or the reverse.
#[derive(Debug)]
#[non_exhaustive]
pub enum CompressError {
    /// The feature of the encoding is off.
    Unsupported {
        /// The encoding.
        encoding: Encoding,
    },
    /// The message inflates past the limit. How long it would be is not known: inflating stopped there.
    TooLarge {
        /// The limit in bytes.
        max_len: usize,
    },
    /// The bytes are not of the encoding's format, or a checksum in them is wrong.
    Corrupt {
        /// The encoding.
        encoding: Encoding,
        /// What the decoder says.
        error: io::Error,
    },
    /// The bytes end before the format does.
    Truncated {
        /// The encoding.
        encoding: Encoding,
    },
    /// The format ends before the bytes do.
    Trailing {
        /// The encoding.
        encoding: Encoding,
        /// How many bytes are left over.
        len: usize,
    },
    /// The compressor gave up, which is nothing of the peer's doing.
    Failed {
        /// The encoding.
        encoding: Encoding,
        /// What the compressor says.
        error: io::Error,
    },
}

impl CompressError {
    /// The code that a call ends with.
    pub fn code(&self) -> Code {
        match self {
            Self::Unsupported { .. } => Code::Unimplemented,
            Self::TooLarge { .. } => Code::ResourceExhausted,
            Self::Corrupt { .. } | Self::Truncated { .. } | Self::Trailing { .. } | Self::Failed { .. } => {
                Code::Internal
            }
        }
    }
}

impl fmt::Display for CompressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported { encoding } => write!(f, "message encoding is not compiled in: {encoding}"),
            Self::TooLarge { max_len } => write!(f, "message inflates past the limit: {max_len} bytes"),
            Self::Corrupt { encoding, error } => write!(f, "message is not valid {encoding}: {error}"),
            Self::Truncated { encoding } => {
                write!(f, "message ends before its compressed form does: {encoding}")
            }
            Self::Trailing { encoding, len } => {
                write!(f, "message goes on after its compressed form ends: {encoding}, {len} bytes")
            }
            Self::Failed { encoding, error } => write!(f, "message does not compress as {encoding}: {error}"),
        }
    }
}

impl std::error::Error for CompressError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Corrupt { error, .. } | Self::Failed { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<CompressError> for Status {
    fn from(error: CompressError) -> Self {
        Status::new(error.code(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_ends_a_call_with_the_code_of_its_rule() {
        let encoding = Encoding::Gzip;
        let cases = [
            // rule 23
            (
                CompressError::Unsupported { encoding },
                "UNIMPLEMENTED: message encoding is not compiled in: gzip",
            ),
            // rule 20
            (
                CompressError::TooLarge { max_len: 9 },
                "RESOURCE_EXHAUSTED: message inflates past the limit: 9 bytes",
            ),
            // rule 26
            (
                CompressError::Corrupt { encoding, error: io::Error::other("no header") },
                "INTERNAL: message is not valid gzip: no header",
            ),
            (
                CompressError::Truncated { encoding },
                "INTERNAL: message ends before its compressed form does: gzip",
            ),
            (
                CompressError::Trailing { encoding, len: 3 },
                "INTERNAL: message goes on after its compressed form ends: gzip, 3 bytes",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(Status::from(error).to_string(), expected);
        }
        let status = Status::from(DecodeError::new("no"));
        assert_eq!(status.to_string(), "INTERNAL: message does not decode: no");
    }
}
