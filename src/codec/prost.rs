//! Protocol Buffers through prost: content-subtype `proto`, also what a bare `application/grpc` means.

use bytes::{Bytes, BytesMut};
use prost::Message;

use super::{Codec, DecodeError, weight};

impl<M: Message + Default> Codec<M> {
    /// Protocol Buffers.
    ///
    /// Decoding shares the bytes received with the fields that prost generates as [`Bytes`]; all others are copied.
    pub const PROST: Self = Self::new(encode, decode).weighed(weight::of_fields);
}

fn encode<M: Message>(message: &M, buffer: &mut BytesMut) -> Option<Bytes> {
    // One allocation at most, for the price of measuring the message twice: prost measures it too, but does not reserve.
    buffer.reserve(message.encoded_len());
    // Fails only if the buffer cannot grow enough, and a `BytesMut` grows up to `usize::MAX`.
    let encoded = message.encode(buffer);
    debug_assert!(encoded.is_ok(), "a BytesMut has room");
    None
}

fn decode<M: Message + Default>(message: Bytes) -> Result<M, DecodeError> {
    Ok(M::decode(message)?)
}

impl From<prost::DecodeError> for DecodeError {
    fn from(error: prost::DecodeError) -> Self {
        // prost puts its own sentence before the reason; ours says the same.
        let text = error.to_string();
        let reason = text.strip_prefix("failed to decode Protobuf message: ").unwrap_or(&text);
        Self::new(reason.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // prost's own wrapper messages: `String` is google.protobuf.StringValue, `Vec<u8>` and `Bytes` are BytesValue.

    #[test]
    fn appends_to_what_the_buffer_holds() {
        let mut buffer = BytesMut::from(&[0, 0, 0, 0, 0][..]);
        assert_eq!((Codec::PROST.encode)(&String::from("hi"), &mut buffer), None);
        assert_eq!(buffer, &b"\0\0\0\0\0\x0a\x02hi"[..]);
    }

    #[test]
    fn grows_the_buffer_once() {
        let mut buffer = BytesMut::new();
        (Codec::PROST.encode)(&"x".repeat(1000), &mut buffer);
        assert_eq!((buffer.len(), buffer.capacity()), (1003, 1003));
    }

    #[test]
    fn an_empty_message_is_no_bytes() {
        let mut buffer = BytesMut::new();
        (Codec::PROST.encode)(&(), &mut buffer);
        assert!(buffer.is_empty());
        assert_eq!((Codec::<()>::PROST.decode)(Bytes::new()), Ok(()));
    }

    #[test]
    fn round_trips() {
        for text in ["", "hi", "a\u{e9}\u{1f600}"] {
            let mut buffer = BytesMut::new();
            (Codec::PROST.encode)(&text.to_owned(), &mut buffer);
            assert_eq!((Codec::<String>::PROST.decode)(buffer.freeze()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn shares_bytes_fields_with_what_was_received() {
        let received = Bytes::from(b"\x0a\x04data".to_vec());
        let field = (Codec::<Bytes>::PROST.decode)(received.clone()).expect("a BytesValue");
        assert_eq!(field.as_ptr(), received[2..].as_ptr());
    }

    // rule 26
    #[test]
    fn refuses_what_is_no_message() {
        let broken: [(&[u8], &str); 4] = [
            (b"\x0a\x05hi", "buffer underflow"),
            (b"\x0a\x01\xff", "invalid string value: data is not UTF-8 encoded"),
            (b"\x08\x01", "invalid wire type: Varint (expected LengthDelimited)"),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "invalid varint"),
        ];
        for (bytes, reason) in broken {
            let error = (Codec::<String>::PROST.decode)(Bytes::from_static(bytes)).expect_err(reason);
            let text = error.to_string();
            assert!(text.starts_with("message does not decode: ") && text.ends_with(reason), "{text}");
            assert!(!text.contains("Protobuf"), "{text}");
        }
    }
}
