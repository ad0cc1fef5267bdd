//! Messages as bytes: serialization ([`Codec`]) and Message-Encoding (compression).
//!
//! PROTOCOL-HTTP2.md leaves both open: a content-subtype names the serialization, `grpc-encoding` the compression.
//! A codec is three function pointers, so a `MethodDescriptor` is `const` and no codec type parameter spreads upward.
//! Every message is encoded, and compressed, for itself: nothing is carried from one message to the next.

mod compression;
mod error;
#[cfg(feature = "prost")]
mod prost;
mod raw;
#[cfg(feature = "prost")]
mod weight;

use std::fmt;

use bytes::{Bytes, BytesMut};

pub use self::compression::{compress, decompress, supported};
pub use self::error::{CompressError, DecodeError};

/// How messages of type `M` become bytes and back.
///
/// [`Codec::PROST`] serves generated messages, [`Codec::RAW`] hands over bytes as they are; [`Codec::new`] takes any
/// other pair of functions.
pub struct Codec<M> {
    pub(crate) encode: fn(&M, &mut BytesMut) -> Option<Bytes>,
    pub(crate) decode: fn(Bytes) -> Result<M, DecodeError>,
    pub(crate) weigh: fn(&[u8]) -> usize,
}

impl<M> Codec<M> {
    /// A codec of two functions.
    ///
    /// `encode` appends the message to the buffer and leaves what the buffer already holds alone. It may append only
    /// the head of the message and return the rest, which is then sent after the head without a copy. `decode` is given
    /// one whole message, uncompressed; bytes that are no such message are a [`DecodeError`], never a panic.
    pub const fn new(
        encode: fn(&M, &mut BytesMut) -> Option<Bytes>,
        decode: fn(Bytes) -> Result<M, DecodeError>,
    ) -> Self {
        Self { encode, decode, weigh: <[u8]>::len }
    }

    /// Tells about how many bytes a message takes once it is decoded, from the bytes that are to be decoded: as many as
    /// they are, unless said otherwise.
    ///
    /// A server lets only so much of one connection be decoded at a time (`Http2Config::decoded_room`), so that a few
    /// bytes which stand for much cost their sender time and not the server memory. It asks for messages of more than 16 KiB
    /// and for compressed ones; a client never does.
    pub const fn weighed(self, weigh: fn(&[u8]) -> usize) -> Self {
        Self { weigh, ..self }
    }
}

impl<M> Clone for Codec<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Codec<M> {}

impl<M> fmt::Debug for Codec<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec").field("message", &std::any::type_name::<M>()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A codec of a user's own: one decimal number in ASCII.
    const DECIMAL: Codec<u32> = Codec::new(
        |number, buffer| {
            buffer.extend_from_slice(number.to_string().as_bytes());
            None
        },
        |message| {
            let text = std::str::from_utf8(&message).map_err(|_| DecodeError::new("not a decimal number"))?;
            text.parse().map_err(|_| DecodeError::new("not a decimal number"))
        },
    );

    #[test]
    fn takes_any_pair_of_functions() {
        let mut buffer = BytesMut::from(&b"before "[..]);
        assert_eq!((DECIMAL.encode)(&42, &mut buffer), None);
        assert_eq!(buffer, &b"before 42"[..]);

        assert_eq!((DECIMAL.decode)(Bytes::from_static(b"42")), Ok(42));
        assert_eq!(
            (DECIMAL.decode)(Bytes::from_static(b"4x")),
            Err(DecodeError::new("not a decimal number"))
        );
    }

    #[test]
    fn is_three_pointers_wide() {
        assert_eq!(size_of::<Codec<Vec<u8>>>(), 3 * size_of::<fn()>());
    }
}
