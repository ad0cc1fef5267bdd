//! **Length-Prefixed-Message** -> Compressed-Flag Message-Length Message
//!
//! The prefix is here, the two directions beside it: [`MessageFramer`] patches it in front of what an encoder appended,
//! [`MessageDeframer`] finds messages in bytes cut anywhere. Neither compresses; they carry the flag.

mod deframer;
mod framer;

pub use deframer::MessageDeframer;
pub use framer::MessageFramer;

use bytes::Bytes;

use crate::wire::{Encoding, WireError};

/// The five bytes before each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessagePrefix {
    /// Compressed-Flag: whether the message is in the stream's Message-Encoding.
    pub compressed: bool,
    /// Message-Length: how many bytes follow.
    pub len: u32,
}

impl MessagePrefix {
    /// The length of a prefix.
    pub const LEN: usize = 5;

    /// Writes the prefix: a byte of 0 or 1 and the length, big-endian.
    pub const fn encode(self) -> [u8; MessagePrefix::LEN] {
        let [a, b, c, d] = self.len.to_be_bytes();
        [if self.compressed { 1 } else { 0 }, a, b, c, d]
    }

    /// Reads a prefix.
    ///
    /// # Errors
    /// [`WireError::CompressedFlag`] for a flag other than 0 and 1.
    pub const fn parse(bytes: [u8; MessagePrefix::LEN]) -> Result<Self, WireError> {
        let [flag, a, b, c, d] = bytes;
        match flag {
            0 | 1 => Ok(MessagePrefix { compressed: flag == 1, len: u32::from_be_bytes([a, b, c, d]) }),
            _ => Err(WireError::CompressedFlag { flag }),
        }
    }
}

/// One message as it lay in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LengthPrefixedMessage {
    /// Compressed-Flag: whether `data` is in the stream's Message-Encoding.
    pub compressed: bool,
    /// The message's bytes.
    pub data: Bytes,
}

impl LengthPrefixedMessage {
    /// The encoding of this message in a stream that declared one: a flag of 0 is legal in every stream.
    ///
    /// # Errors
    /// [`WireError::CompressedWithoutEncoding`] when the flag is 1 and the stream declared none.
    pub fn encoding(&self, declared: Encoding) -> Result<Encoding, WireError> {
        match (self.compressed, declared) {
            (false, _) => Ok(Encoding::Identity),
            (true, Encoding::Identity) => Err(WireError::CompressedWithoutEncoding),
            (true, declared) => Ok(declared),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_17_prefix_is_a_flag_and_a_big_endian_length() {
        let table = [
            ([0, 0, 0, 0, 0], MessagePrefix { compressed: false, len: 0 }),
            ([1, 0, 0, 1, 2], MessagePrefix { compressed: true, len: 258 }),
            ([0, 0xff, 0xff, 0xff, 0xff], MessagePrefix { compressed: false, len: u32::MAX }),
        ];
        for (bytes, prefix) in table {
            assert_eq!(MessagePrefix::parse(bytes), Ok(prefix));
            assert_eq!(prefix.encode(), bytes);
        }
    }

    #[test]
    fn rule_17_refuses_every_other_flag() {
        for flag in 2..=u8::MAX {
            assert_eq!(MessagePrefix::parse([flag, 0, 0, 0, 0]), Err(WireError::CompressedFlag { flag }));
        }
    }

    #[test]
    fn rule_18_refuses_compression_that_was_not_declared() {
        let message = |compressed| LengthPrefixedMessage { compressed, data: Bytes::new() };
        let undeclared = message(true).encoding(Encoding::Identity);
        assert_eq!(undeclared, Err(WireError::CompressedWithoutEncoding));
        assert_eq!(message(true).encoding(Encoding::Gzip), Ok(Encoding::Gzip));
        // rule 24: connect-node declares gzip and sends plain messages.
        assert_eq!(message(false).encoding(Encoding::Gzip), Ok(Encoding::Identity));
        assert_eq!(message(false).encoding(Encoding::Identity), Ok(Encoding::Identity));
    }
}
