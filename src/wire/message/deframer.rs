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
#[derive(Debug, Default)]
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
        MessageDeframer { max_len: max_len.unwrap_or(usize::MAX), ..MessageDeframer::default() }
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
        self.take(MessagePrefix::LEN);
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
