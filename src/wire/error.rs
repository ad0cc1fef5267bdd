//! What can be wrong with the bytes of a call: one variant per broken rule.
//!
//! The text names the rule and then the value. A peer's value is quoted as an escaped excerpt of at most
//! [`EXCERPT_LEN`] bytes, so a hostile header neither floods a log nor writes control characters into it.

use std::error::Error;
use std::fmt;

use crate::wire::Code;

/// A rule of the grammar that the peer, or the caller of an encoder, broke.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// A Compressed-Flag other than 0 and 1.
    CompressedFlag {
        /// The flag as received.
        flag: u8,
    },
    /// A compressed message in a stream whose Message-Encoding is absent or `identity`.
    CompressedWithoutEncoding,
    /// A Message-Length above the limit of the receiver, or a message above that of the sender.
    MessageTooLarge {
        /// Length of the message, without its prefix.
        len: u64,
        /// The limit that it passes.
        max: u64,
    },
    /// The stream ended within the 5 bytes of a prefix.
    TruncatedPrefix {
        /// How many of the 5 bytes came.
        received: usize,
    },
    /// The stream ended within a message.
    TruncatedMessage {
        /// The declared Message-Length.
        len: u32,
        /// How many bytes of the message came.
        received: usize,
    },
    /// The framer was told to finish a message that it had not begun.
    PrefixNotReserved {
        /// Where the message should have begun.
        start: usize,
    },
    /// A `grpc-timeout` that is not 1 to 8 digits and a unit.
    Timeout {
        /// An excerpt of the value.
        value: String,
    },
    /// Text that is not base64.
    Base64 {
        /// Offset of the first byte that cannot stand where it stands.
        position: usize,
    },
    /// A `-bin` field whose value is not base64.
    BinaryValue {
        /// The field's name.
        key: String,
    },
    /// A metadata key with a character outside `[0-9a-z_.-]`, or an empty one.
    MetadataKey {
        /// An excerpt of the key.
        key: String,
    },
    /// A metadata key that the protocol keeps for itself.
    ReservedKey {
        /// The key.
        key: String,
    },
    /// A binary value under a key that does not end in `-bin`.
    KeyNotBinary {
        /// The key.
        key: String,
    },
    /// An ASCII value under a key that ends in `-bin`.
    KeyIsBinary {
        /// The key.
        key: String,
    },
    /// An ASCII value with a byte outside 0x20 to 0x7E.
    MetadataValue {
        /// The key.
        key: String,
        /// The first such byte.
        byte: u8,
    },
    /// More metadata than a header block can hold.
    TooManyFields {
        /// The limit.
        max: usize,
    },
    /// A content subtype that is not a token.
    ContentSubtype {
        /// An excerpt of the subtype.
        value: String,
    },
    /// A field that concerns a connection and not a request (RFC 9113, section 8.2.2).
    ConnectionField {
        /// The field's name.
        name: String,
    },
    /// More than one `host` (gRFC A41).
    SeveralHosts,
}

impl WireError {
    /// The status code that a call ends with when this rule is broken.
    ///
    /// A limit is RESOURCE_EXHAUSTED, all else INTERNAL: the library keeps INVALID_ARGUMENT for applications.
    pub const fn code(&self) -> Code {
        match self {
            WireError::MessageTooLarge { .. } => Code::ResourceExhausted,
            _ => Code::Internal,
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::CompressedFlag { flag } => write!(f, "compressed flag must be 0 or 1: {flag}"),
            WireError::CompressedWithoutEncoding => {
                f.write_str("compressed message in a stream without grpc-encoding")
            }
            WireError::MessageTooLarge { len, max } => {
                write!(f, "message must not pass the limit of {max} bytes (see max_recv, max_send): {len}")
            }
            WireError::TruncatedPrefix { received } => {
                write!(f, "stream ended within a message prefix: {received} of 5 bytes")
            }
            WireError::TruncatedMessage { len, received } => {
                write!(f, "stream ended within a message: {received} of {len} bytes")
            }
            WireError::PrefixNotReserved { start } => {
                write!(f, "message was not begun in this buffer: offset {start}")
            }
            WireError::Timeout { value } => {
                write!(f, "grpc-timeout must be 1 to 8 digits and one of HMSmun: \"{value}\"")
            }
            WireError::Base64 { position } => write!(f, "base64 is malformed at offset {position}"),
            WireError::BinaryValue { key } => write!(f, "value of a -bin field must be base64: \"{key}\""),
            WireError::MetadataKey { key } => {
                write!(f, "metadata key must be of [0-9a-z_.-] and not empty: \"{key}\"")
            }
            WireError::ReservedKey { key } => write!(f, "metadata key is reserved: \"{key}\""),
            WireError::KeyNotBinary { key } => {
                write!(f, "metadata key of a binary value must end in -bin: \"{key}\"")
            }
            WireError::KeyIsBinary { key } => {
                write!(f, "metadata key of an ascii value must not end in -bin: \"{key}\"")
            }
            WireError::MetadataValue { key, byte } => {
                write!(f, "ascii metadata must be of 0x20 to 0x7e: {byte:#04x} in \"{key}\"")
            }
            WireError::TooManyFields { max } => write!(f, "metadata must not pass {max} fields"),
            WireError::ContentSubtype { value } => {
                write!(f, "content subtype must be a token: \"{value}\"")
            }
            WireError::ConnectionField { name } => {
                write!(f, "request must not hold a field of the connection: \"{name}\"")
            }
            WireError::SeveralHosts => f.write_str("request must not hold more than one host"),
        }
    }
}

impl Error for WireError {}

/// The beginning of a value as printable text, for an error to quote.
pub(super) fn excerpt(value: &[u8]) -> String {
    match value.split_at_checked(EXCERPT_LEN) {
        Some((head, tail)) if !tail.is_empty() => format!("{}..", head.escape_ascii()),
        _ => value.escape_ascii().to_string(),
    }
}

/// How many bytes of a value an error quotes.
const EXCERPT_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_limit_is_not_internal() {
        assert_eq!(WireError::MessageTooLarge { len: 2, max: 1 }.code(), Code::ResourceExhausted);
        assert_eq!(WireError::CompressedFlag { flag: 2 }.code(), Code::Internal);
        assert_eq!(WireError::Timeout { value: "1".into() }.code(), Code::Internal);
    }

    #[test]
    fn text_names_the_rule_and_then_the_value() {
        assert_eq!(
            WireError::MetadataValue { key: "x".into(), byte: 0x0a }.to_string(),
            "ascii metadata must be of 0x20 to 0x7e: 0x0a in \"x\""
        );
        assert_eq!(
            WireError::MessageTooLarge { len: 5_000_000, max: 4_194_304 }.to_string(),
            "message must not pass the limit of 4194304 bytes (see max_recv, max_send): 5000000"
        );
    }

    #[test]
    fn quotes_a_hostile_value_escaped_and_cut() {
        assert_eq!(excerpt(b"5x\x1b[2J\n"), "5x\\x1b[2J\\n");
        assert_eq!(excerpt(&[b'9'; 64]), "9".repeat(64));
        assert_eq!(excerpt(&[b'9'; 65]), format!("{}..", "9".repeat(64)));
    }
}
