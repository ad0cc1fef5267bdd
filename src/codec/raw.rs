//! Messages left as bytes: for proxies, for codecs a layer above, and to price the framing alone.

use bytes::{Bytes, BytesMut};

use super::{Codec, DecodeError};

impl Codec<Bytes> {
    /// Bytes as they are, neither copied on the way out nor on the way in.
    pub const RAW: Self = Self::new(encode, decode);
}

fn encode(message: &Bytes, _head: &mut BytesMut) -> Option<Bytes> {
    Some(message.clone())
}

fn decode(message: Bytes) -> Result<Bytes, DecodeError> {
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_over_the_same_bytes_both_ways() {
        let message = Bytes::from(vec![7; 64]);
        let mut head = BytesMut::new();

        let tail = (Codec::RAW.encode)(&message, &mut head).expect("all of it is tail");
        assert!(head.is_empty());
        assert_eq!(tail.as_ptr(), message.as_ptr());

        let received = (Codec::RAW.decode)(tail).expect("any bytes are a message");
        assert_eq!(received.as_ptr(), message.as_ptr());
    }
}
