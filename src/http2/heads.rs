//! **Frame heads** of one direction, found as its bytes pass (RFC 9113, section 4.1).
//!
//! Nothing is held but a head that is not whole, and nothing is changed. It is known where a frame ends, so that a frame
//! of the guard's own can stand between two of h2's.

use std::io::IoSlice;

use crate::frame::FrameHead;

/// Follows the frames of one direction.
#[derive(Debug)]
pub(super) struct FrameHeads {
    head: [u8; FrameHead::LEN],
    head_len: usize,
    payload_left: usize,
}

impl FrameHeads {
    /// The direction begins with this many bytes that are no frame: a client's preface, or nothing.
    pub(super) fn behind(preface_len: usize) -> Self {
        Self { head: [0; FrameHead::LEN], head_len: 0, payload_left: preface_len }
    }

    /// The next head, if it ends within `bytes`, which then begin behind it; before that `payload` sees what they hold of
    /// the frame before it.
    pub(super) fn next(&mut self, bytes: &mut &[u8], payload: impl FnOnce(&[u8])) -> Option<FrameHead> {
        let (of_payload, rest) = bytes.split_at_checked(self.payload_left).unwrap_or((bytes, &[]));
        payload(of_payload);
        self.payload_left -= of_payload.len();
        *bytes = rest;
        // A head in one piece is not copied.
        let whole = if self.head_len == 0 { rest.split_first_chunk() } else { None };
        let head = match whole {
            Some((head, rest)) => {
                *bytes = rest;
                FrameHead::parse(head)
            }
            None => self.push_head(bytes)?,
        };
        self.payload_left = usize::try_from(head.len).unwrap_or(usize::MAX);
        Some(head)
    }

    /// How many bytes of the payload are still to come.
    pub(super) fn payload_left(&self) -> usize {
        self.payload_left
    }

    /// How many bytes at least belong to the frame that has begun; 0 between two frames.
    pub(super) fn unfinished(&self) -> usize {
        if self.head_len > 0 { FrameHead::LEN - self.head_len } else { self.payload_left }
    }

    fn push_head(&mut self, bytes: &mut &[u8]) -> Option<FrameHead> {
        let missing = self.head.get_mut(self.head_len..)?;
        let count = missing.len().min(bytes.len());
        let (part, rest) = bytes.split_at_checked(count)?;
        missing.get_mut(..count)?.copy_from_slice(part);
        *bytes = rest;
        self.head_len += count;
        if self.head_len < FrameHead::LEN {
            return None;
        }
        self.head_len = 0;
        Some(FrameHead::parse(&self.head))
    }
}

/// The first `count` bytes of `slices`, piece by piece: what a vectored write took.
pub(super) fn written<'a>(slices: &'a [IoSlice<'a>], count: usize) -> impl Iterator<Item = &'a [u8]> {
    let mut left = count;
    slices.iter().map(move |slice| {
        let part = slice.get(..left).unwrap_or(slice);
        left -= part.len();
        part
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FrameType;

    #[test]
    fn each_head_is_seen_once_whatever_the_cut() {
        let head = |len| FrameHead { len, kind: FrameType::Data, flags: 0, stream_id: 1 };
        let lens = [0, 5, 300, 0, 1];
        let mut bytes = b"preface".to_vec();
        for len in lens {
            bytes.extend_from_slice(&head(len).encode());
            bytes.resize(bytes.len() + usize::try_from(len).unwrap(), 0x5a);
        }
        for cut in 1..bytes.len() {
            let mut heads = FrameHeads::behind(7);
            let (mut seen, mut payload) = (Vec::new(), Vec::new());
            for mut piece in bytes.chunks(cut) {
                while let Some(head) = heads.next(&mut piece, |part| payload.extend_from_slice(part)) {
                    seen.push(head.len);
                }
                assert!(piece.is_empty());
            }
            assert_eq!(seen, lens, "cut into {cut}");
            assert_eq!(payload, [&b"preface"[..], &[0x5a; 306]].concat());
            assert_eq!((heads.payload_left(), heads.unfinished()), (0, 0));
        }
    }

    #[test]
    fn what_was_written_ends_within_a_slice() {
        let slices = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
        for (count, expected) in [(0, ""), (1, "a"), (2, "ab"), (4, "abcd"), (5, "abcde")] {
            assert_eq!(written(&slices, count).collect::<Vec<_>>().concat(), expected.as_bytes());
        }
    }

    #[test]
    fn a_frame_is_unfinished_to_its_last_byte() {
        let bytes = FrameHead { len: 2, kind: FrameType::Ping, flags: 0, stream_id: 0 }.encode();
        let mut heads = FrameHeads::behind(0);
        for octet in bytes {
            heads.next(&mut &[octet][..], |_| {});
            assert!(heads.unfinished() > 0);
        }
        for left in [1, 0] {
            heads.next(&mut &[0][..], |_| {});
            assert_eq!(heads.unfinished(), left);
        }
    }
}
