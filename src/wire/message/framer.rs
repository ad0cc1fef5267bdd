//! Writing a **Length-Prefixed-Message** without knowing its length first.
//!
//! Five bytes are reserved, an encoder appends the message behind them, then the prefix is patched in place: one buffer,
//! no copy. A tail that the encoder hands over separately is counted in and follows in the stream as it is.

use bytes::BytesMut;

use crate::wire::{MessagePrefix, WireError};

/// Puts prefixes in front of messages, several in one buffer if need be.
#[derive(Clone, Copy, Debug)]
pub struct MessageFramer;

impl MessageFramer {
    /// Begins a message at the end of the buffer and says where; the encoder appends to the buffer what follows.
    pub fn reserve(buf: &mut BytesMut) -> usize {
        let start = buf.len();
        buf.extend_from_slice(&[0; MessagePrefix::LEN]);
        start
    }

    /// Ends the message begun at `start`, which is what the buffer holds behind the prefix and a tail of `tail_len` bytes
    /// that the caller sends after it.
    ///
    /// # Errors
    /// [`WireError::MessageTooLarge`] when the message passes `max` or what a prefix can say, and
    /// [`WireError::PrefixNotReserved`] when no message was begun at `start`. The buffer then ends where the message began.
    pub fn finish(
        buf: &mut BytesMut,
        start: usize,
        tail_len: usize,
        compressed: bool,
        max: Option<usize>,
    ) -> Result<(), WireError> {
        let patched = MessageFramer::patch(buf, start, tail_len, compressed, max);
        if patched.is_err() {
            buf.truncate(start);
        }
        patched
    }

    fn patch(
        buf: &mut BytesMut,
        start: usize,
        tail_len: usize,
        compressed: bool,
        max: Option<usize>,
    ) -> Result<(), WireError> {
        let (prefix, head) = buf
            .get_mut(start..)
            .and_then(|message| message.split_first_chunk_mut::<{ MessagePrefix::LEN }>())
            .ok_or(WireError::PrefixNotReserved { start })?;
        let len = head.len().saturating_add(tail_len);
        let max = max.unwrap_or(usize::MAX);
        match u32::try_from(len) {
            Ok(declared) if len <= max => {
                *prefix = MessagePrefix { compressed, len: declared }.encode();
                Ok(())
            }
            _ => Err(too_large(len, max)),
        }
    }
}

/// The limit that counts is the lower of the sender's and the prefix's.
pub(super) fn too_large(len: usize, max: usize) -> WireError {
    let wide = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
    WireError::MessageTooLarge { len: wide(len), max: wide(max).min(u64::from(u32::MAX)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_what_was_appended() {
        let mut buf = BytesMut::new();
        for (message, compressed) in [(&b"ab"[..], false), (b"", false), (b"c", true)] {
            let start = MessageFramer::reserve(&mut buf);
            buf.extend_from_slice(message);
            MessageFramer::finish(&mut buf, start, 0, compressed, None).unwrap();
        }
        assert_eq!(&buf[..], b"\0\0\0\0\x02ab\0\0\0\0\0\x01\0\0\0\x01c");
    }

    #[test]
    fn counts_the_tail_that_travels_separately() {
        let mut buf = BytesMut::from(&b"before"[..]);
        let start = MessageFramer::reserve(&mut buf);
        buf.extend_from_slice(b"head");
        MessageFramer::finish(&mut buf, start, 0x10000, false, None).unwrap();
        assert_eq!(&buf[..], b"before\0\0\x01\0\x04head");
    }

    #[test]
    fn rule_20_refuses_a_message_over_the_limit_and_leaves_nothing_of_it() {
        let mut buf = BytesMut::from(&b"before"[..]);
        let start = MessageFramer::reserve(&mut buf);
        buf.extend_from_slice(b"head");
        let refused = MessageFramer::finish(&mut buf, start, 5, false, Some(8));
        assert_eq!(refused, Err(WireError::MessageTooLarge { len: 9, max: 8 }));
        assert_eq!(&buf[..], b"before");

        let start = MessageFramer::reserve(&mut buf);
        buf.extend_from_slice(b"head");
        assert_eq!(MessageFramer::finish(&mut buf, start, 4, false, Some(8)), Ok(()));
    }

    #[test]
    fn refuses_a_length_that_no_prefix_can_say() {
        let mut buf = BytesMut::new();
        let start = MessageFramer::reserve(&mut buf);
        let refused = MessageFramer::finish(&mut buf, start, usize::MAX, false, None);
        assert!(matches!(refused, Err(WireError::MessageTooLarge { max: 0xffff_ffff, .. })), "{refused:?}");
    }

    #[test]
    fn refuses_to_finish_what_was_not_begun() {
        for (len, start) in [(0, 0), (4, 0), (9, 5), (5, 6)] {
            let mut buf = BytesMut::zeroed(len);
            let refused = MessageFramer::finish(&mut buf, start, 0, false, None);
            assert_eq!(refused, Err(WireError::PrefixNotReserved { start }), "{len} {start}");
        }
    }
}
