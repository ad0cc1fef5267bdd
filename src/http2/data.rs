//! The payload of DATA as a rope of two pieces.
//!
//! The first piece is bytes this library wrote (a Length-Prefixed-Message's prefix and what the codec encoded), the
//! second the message's own bytes, which travel to the socket without a copy. A rope can be cut anywhere, because the
//! peer's flow-control window decides how much of it one DATA frame may hold.

use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Bytes for DATA frames: a written head, then an optional tail that is shared and not copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataBuf {
    head: Bytes,
    tail: Bytes,
}

impl DataBuf {
    /// A rope of two pieces, sent in this order.
    pub fn new(head: Bytes, tail: Bytes) -> Self {
        Self { head, tail }
    }

    /// Takes the first `len` bytes, at most all of them, and leaves the rest.
    pub fn split_to(&mut self, len: usize) -> DataBuf {
        let from_head = len.min(self.head.len());
        let from_tail = (len - from_head).min(self.tail.len());
        DataBuf { head: self.head.split_to(from_head), tail: self.tail.split_to(from_tail) }
    }
}

impl From<Bytes> for DataBuf {
    fn from(head: Bytes) -> Self {
        Self { head, tail: Bytes::new() }
    }
}

impl Buf for DataBuf {
    fn remaining(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    fn chunk(&self) -> &[u8] {
        if self.head.is_empty() { &self.tail } else { &self.head }
    }

    fn advance(&mut self, count: usize) {
        let from_head = count.min(self.head.len());
        self.head.advance(from_head);
        self.tail.advance(count - from_head);
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pieces = [&self.head, &self.tail].into_iter().filter(|piece| !piece.is_empty());
        slices.iter_mut().zip(pieces).map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rope() -> DataBuf {
        DataBuf::new(Bytes::from_static(b"head"), Bytes::from_static(b"tail!"))
    }

    #[test]
    fn a_rope_can_be_cut_at_every_byte() {
        for cut in 0..=9 {
            let (mut rest, whole) = (rope(), rope().copy_to_bytes(9));
            let mut first = rest.split_to(cut);
            assert_eq!(first.remaining(), cut);
            assert_eq!(first.copy_to_bytes(cut), whole[..cut]);
            assert_eq!(rest.copy_to_bytes(9 - cut), whole[cut..]);
        }
    }

    #[test]
    fn advancing_crosses_the_seam() {
        for count in 0..=9 {
            let mut buf = rope();
            buf.advance(count);
            assert_eq!(buf.remaining(), 9 - count);
            assert_eq!(buf.copy_to_bytes(9 - count), b"headtail!"[count..]);
        }
    }

    #[test]
    fn both_pieces_are_offered_to_one_writev() {
        let buf = rope();
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(buf.chunks_vectored(&mut slices), 2);
        assert_eq!((&*slices[0], &*slices[1]), (&b"head"[..], &b"tail!"[..]));
    }
}
