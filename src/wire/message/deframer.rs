//! Reading **Length-Prefixed-Message**s from a stream that is cut anywhere.
//!
//! DATA boundaries are not message boundaries: a prefix may come in five pieces, many messages in one (rule 19).
//! A message that lies in one piece leaves without a copy. The declared length is checked before anything is done with
//! it, and nothing is allocated for bytes that have not come: memory follows what was received, within a small factor
//! even when it comes byte by byte.

use std::collections::VecDeque;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::wire::message::framer::too_large;
use crate::wire::{LengthPrefixedMessage, MessagePrefix, WireError};

/// Takes bytes, gives messages.
///
/// After an error the stream has no further messages; asking again gives the error again.
#[derive(Debug)]
pub struct MessageDeframer {
    max_len: usize,
    /// The prefix of the message under way, once it is read.
    prefix: Option<MessagePrefix>,
    /// Unread bytes, in three parts that follow each other. The first alone serves a peer whose messages are not cut.
    front: Bytes,
    middle: VecDeque<Bytes>,
    /// Small pieces, copied together: each would hold its connection's read buffer for the sake of a few bytes.
    tail: BytesMut,
    unread: usize,
}

impl MessageDeframer {
    /// Makes a deframer that refuses messages whose declared length passes the limit.
    pub fn new(max_len: Option<usize>) -> Self {
        MessageDeframer {
            max_len: max_len.unwrap_or(usize::MAX),
            prefix: None,
            front: Bytes::new(),
            middle: VecDeque::new(),
            tail: BytesMut::new(),
            unread: 0,
        }
    }

    /// Adds what was received; an empty piece is legal and means nothing.
    pub fn push(&mut self, piece: Bytes) {
        self.unread += piece.len();
        if self.front.is_empty() && self.middle.is_empty() && self.tail.is_empty() {
            self.front = piece;
        } else if piece.len() < SMALL {
            if self.middle.is_empty() && self.front.len() < SMALL && self.tail.is_empty() {
                self.tail.extend_from_slice(&std::mem::take(&mut self.front));
            }
            self.tail.extend_from_slice(&piece);
        } else {
            if !self.tail.is_empty() {
                self.middle.push_back(std::mem::take(&mut self.tail).freeze());
            }
            self.middle.push_back(piece);
        }
    }

    /// What is known of the next message: its prefix. Nothing as long as no more than `len` bytes have come.
    ///
    /// # Errors
    /// As for [`MessageDeframer::next_message`].
    #[cfg(any(feature = "client", feature = "server", test))]
    #[cfg(any(feature = "client", feature = "server"))]
    pub(crate) fn under_way(&mut self, len: usize) -> Result<Option<MessagePrefix>, WireError> {
        if self.unread <= len {
            return Ok(None);
        }
        Ok(self.next_prefix()?.map(|(prefix, _)| prefix))
    }

    /// Takes the next message, if all of it has come.
    ///
    /// # Errors
    /// [`WireError::CompressedFlag`] and [`WireError::MessageTooLarge`], as soon as the prefix is there.
    pub fn next_message(&mut self) -> Result<Option<LengthPrefixedMessage>, WireError> {
        let Some((prefix, len)) = self.next_prefix()? else {
            return Ok(None);
        };
        if self.unread < len {
            return Ok(None);
        }
        self.prefix = None;
        Ok(Some(LengthPrefixedMessage { compressed: prefix.compressed, data: self.take(len) }))
    }

    /// Checks that the stream may end here: all messages have been taken and none is under way.
    ///
    /// # Errors
    /// [`WireError::TruncatedPrefix`] and [`WireError::TruncatedMessage`].
    pub fn finish(&self) -> Result<(), WireError> {
        match self.prefix {
            Some(prefix) => Err(WireError::TruncatedMessage { len: prefix.len, received: self.unread }),
            None if self.unread == 0 => Ok(()),
            None => Err(WireError::TruncatedPrefix { received: self.unread }),
        }
    }

    /// Says whether every byte that came has left in a message.
    pub fn is_empty(&self) -> bool {
        self.unread == 0 && self.prefix.is_none()
    }

    /// The prefix of the message under way and its length as memory counts it; leaves a prefix that breaks a rule unread.
    fn next_prefix(&mut self) -> Result<Option<(MessagePrefix, usize)>, WireError> {
        if let Some(prefix) = self.prefix {
            return Ok(Some((prefix, in_memory(prefix.len))));
        }
        let Some(bytes) = self.peek_prefix() else {
            return Ok(None);
        };
        let prefix = MessagePrefix::parse(bytes)?;
        let len = in_memory(prefix.len);
        if len > self.max_len {
            return Err(too_large(len, self.max_len));
        }
        self.skip(MessagePrefix::LEN);
        self.prefix = Some(prefix);
        Ok(Some((prefix, len)))
    }

    /// The next five bytes, wherever they lie.
    fn peek_prefix(&self) -> Option<[u8; MessagePrefix::LEN]> {
        if let Some(prefix) = self.front.first_chunk() {
            return Some(*prefix);
        }
        let middle = self.middle.iter().flatten();
        let mut unread = self.front.iter().chain(middle).chain(&self.tail).copied();
        let mut prefix = [0; MessagePrefix::LEN];
        for byte in &mut prefix {
            *byte = unread.next()?;
        }
        Some(prefix)
    }

    /// Takes bytes that have come: a part of the first piece, or a copy of several.
    fn take(&mut self, len: usize) -> Bytes {
        self.advance_front();
        self.unread = self.unread.saturating_sub(len);
        if len <= self.front.len() {
            return self.front.split_to(len);
        }
        let mut gathered = BytesMut::with_capacity(len);
        while gathered.len() < len && !self.front.is_empty() {
            let missing = len - gathered.len();
            gathered.put((&mut self.front).take(missing));
            self.advance_front();
        }
        gathered.freeze()
    }

    /// Lets go of the next `len` bytes.
    fn skip(&mut self, len: usize) {
        let mut left = len.min(self.unread);
        self.unread -= left;
        while left > self.front.len() {
            left -= self.front.len();
            self.front.clear();
            self.advance_front();
        }
        self.front.advance(left);
    }

    /// Makes the first part hold the next bytes, if there are any, and otherwise let go of its buffer.
    fn advance_front(&mut self) {
        if self.front.is_empty() {
            let piece = self.middle.pop_front();
            self.front = piece.unwrap_or_else(|| std::mem::take(&mut self.tail).freeze());
        }
    }
}

/// A length as memory counts; one that no memory can hold passes every limit or never comes.
fn in_memory(len: u32) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// Below this length a copy costs less than the buffer that a piece keeps alive.
const SMALL: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(compressed: bool, data: &[u8]) -> LengthPrefixedMessage {
        LengthPrefixedMessage { compressed, data: Bytes::copy_from_slice(data) }
    }

    /// What comes out when the stream is pushed in pieces of this length, and the stream then ends.
    fn deframe(stream: &[u8], piece: usize) -> Result<Vec<LengthPrefixedMessage>, WireError> {
        let mut deframer = MessageDeframer::new(None);
        let mut messages = Vec::new();
        for piece in stream.chunks(piece) {
            deframer.push(Bytes::copy_from_slice(piece));
            while let Some(message) = deframer.next_message()? {
                messages.push(message);
            }
        }
        deframer.finish()?;
        assert!(deframer.is_empty());
        Ok(messages)
    }

    #[test]
    fn rule_19_a_stream_may_be_cut_anywhere() {
        let stream = b"\0\0\0\0\x03abc\x01\0\0\0\x01d\0\0\0\0\0\0\0\0\0\x02ef";
        let messages =
            [message(false, b"abc"), message(true, b"d"), message(false, b""), message(false, b"ef")];
        for piece in 1..=stream.len() {
            assert_eq!(deframe(stream, piece).unwrap(), messages, "pieces of {piece}");
        }
    }

    #[test]
    fn rule_19_empty_data_means_nothing() {
        let mut deframer = MessageDeframer::new(None);
        for piece in [&b""[..], b"\0\0", b"", b"", b"\0\0\x01", b"", b"x"] {
            assert_eq!(deframer.next_message(), Ok(None));
            deframer.push(Bytes::from_static(piece));
        }
        assert_eq!(deframer.next_message(), Ok(Some(message(false, b"x"))));
        assert!(deframer.is_empty());
    }

    #[test]
    fn rule_19_an_empty_message_is_a_message() {
        assert_eq!(deframe(&[0; 10], 10).unwrap(), [message(false, b""), message(false, b"")]);
    }

    #[test]
    fn takes_pieces_of_all_sizes_before_it_gives() {
        let body: Vec<u8> = (0..20_000_u32).map(|index| index.to_be_bytes()[3]).collect();
        let mut stream = MessagePrefix { compressed: false, len: 20_000 }.encode().to_vec();
        stream.extend_from_slice(&body);
        for sizes in [[3, 5000, 1], [5000, 3, 5000], [1, 2, 9000], [4096, 4095, 1]] {
            let mut deframer = MessageDeframer::new(None);
            let mut rest = Bytes::from(stream.clone());
            for size in sizes.into_iter().cycle() {
                deframer.push(rest.split_to(size.min(rest.len())));
                if rest.is_empty() {
                    break;
                }
            }
            assert_eq!(deframer.next_message(), Ok(Some(message(false, &body))), "{sizes:?}");
            assert_eq!(deframer.finish(), Ok(()));
        }
    }

    #[test]
    fn a_message_in_one_piece_is_not_copied() {
        let piece = Bytes::from_static(b"\0\0\0\0\x02ab\0\0\0\0\x01c\0\0");
        let mut deframer = MessageDeframer::new(None);
        deframer.push(piece.clone());
        for start in [5, 12] {
            let message = deframer.next_message().unwrap().unwrap();
            assert_eq!(message.data.as_ptr(), piece[start..].as_ptr());
        }
    }

    #[test]
    fn rule_20_refuses_a_declared_length_over_the_limit_at_once() {
        let mut deframer = MessageDeframer::new(Some(4));
        deframer.push(Bytes::from_static(b"\0\0\0\0\x04abcd\0\0\0\0"));
        assert_eq!(deframer.next_message(), Ok(Some(message(false, b"abcd"))));
        assert_eq!(deframer.next_message(), Ok(None));
        deframer.push(Bytes::from_static(b"\x05"));
        for _ in 0..2 {
            assert_eq!(deframer.next_message(), Err(WireError::MessageTooLarge { len: 5, max: 4 }));
        }
    }

    #[test]
    fn rule_17_refuses_another_flag_and_goes_no_further() {
        let mut deframer = MessageDeframer::new(None);
        deframer.push(Bytes::from_static(b"\x02\0\0\0\0"));
        for _ in 0..2 {
            assert_eq!(deframer.next_message(), Err(WireError::CompressedFlag { flag: 2 }));
        }
    }

    #[test]
    fn rule_21_the_stream_must_not_end_within_prefix_or_message() {
        let table: [(&[u8], Result<(), WireError>); 6] = [
            (b"", Ok(())),
            (b"\0", Err(WireError::TruncatedPrefix { received: 1 })),
            (b"\0\0\0\0", Err(WireError::TruncatedPrefix { received: 4 })),
            (b"\0\0\0\0\x02", Err(WireError::TruncatedMessage { len: 2, received: 0 })),
            (b"\0\0\0\0\x02a", Err(WireError::TruncatedMessage { len: 2, received: 1 })),
            (b"\0\0\0\0\x01a", Ok(())),
        ];
        for (stream, end) in table {
            assert_eq!(deframe(stream, 8).map(drop), end, "{}", stream.escape_ascii());
        }
    }

    #[test]
    fn a_promise_of_4_gib_allocates_nothing() {
        let mut deframer = MessageDeframer::new(None);
        deframer.push(Bytes::from_static(b"\0\xff\xff\xff\xff"));
        deframer.push(Bytes::from_static(b"ab"));
        assert_eq!(deframer.next_message(), Ok(None));
        assert_eq!((deframer.front.len(), deframer.middle.capacity(), deframer.tail.capacity()), (2, 0, 0));
        assert_eq!(deframer.finish(), Err(WireError::TruncatedMessage { len: u32::MAX, received: 2 }));
    }

    #[test]
    fn bytes_that_come_singly_are_kept_together() {
        let mut deframer = MessageDeframer::new(None);
        deframer.push(Bytes::from_static(b"\0\0\x10\0\0"));
        for _ in 0..100_000 {
            deframer.push(Bytes::from_static(b"x"));
            assert_eq!(deframer.next_message(), Ok(None));
        }
        assert!(deframer.middle.is_empty());
        assert!(deframer.tail.capacity() <= 2 * 100_000 + SMALL);
    }

    #[test]
    fn lets_go_of_what_was_read() {
        let mut deframer = MessageDeframer::new(None);
        let first = Bytes::from(b"\0\0\0\0\x02a".to_vec());
        deframer.push(first.clone());
        deframer.push(Bytes::from(b"b".to_vec()));
        assert_eq!(deframer.next_message(), Ok(Some(message(false, b"ab"))));
        assert!(first.is_unique());
        assert_eq!((deframer.front.len(), deframer.tail.capacity()), (0, 0));
    }
}
