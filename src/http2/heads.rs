//! The frames that h2 writes, followed by their heads.
//!
//! Nothing is held or changed here. It is known where a frame ends, so that a frame of the guard's own can stand between
//! two of h2's.

use crate::frame::FrameHead;

/// Follows the frames of one direction.
#[derive(Debug)]
pub(super) struct Outbound {
    head: [u8; FrameHead::LEN],
    head_len: usize,
    payload_left: usize,
}

impl Outbound {
    /// What is sent begins with this many bytes that are no frame: a client's preface, or nothing.
    pub(super) fn new(preface_len: usize) -> Self {
        Self { head: [0; FrameHead::LEN], head_len: 0, payload_left: preface_len }
    }

    /// Follows the next bytes; `on_head` is told each head that is whole, and the bytes that come with it.
    pub(super) fn follow(&mut self, mut bytes: &[u8], mut on_head: impl FnMut(FrameHead, &[u8])) {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let count = self.payload_left.min(bytes.len());
                self.payload_left -= count;
                bytes = bytes.get(count..).unwrap_or_default();
                continue;
            }
            // A head in one piece is not copied.
            let whole = if self.head_len == 0 { bytes.split_first_chunk() } else { None };
            let head = match whole {
                Some((head, rest)) => {
                    bytes = rest;
                    FrameHead::parse(head)
                }
                None => match self.push_head(&mut bytes) {
                    Some(head) => head,
                    None => return,
                },
            };
            self.payload_left = usize::try_from(head.len).unwrap_or(usize::MAX);
            on_head(head, bytes);
        }
    }

    /// How many bytes at least belong to the frame that is being written; 0 between two frames.
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
            let mut outbound = Outbound::new(7);
            let mut seen = Vec::new();
            for piece in bytes.chunks(cut) {
                outbound.follow(piece, |head, _| seen.push(head.len));
            }
            assert_eq!(seen, lens, "cut into {cut}");
            assert_eq!(outbound.unfinished(), 0);
        }
    }

    #[test]
    fn a_frame_is_unfinished_to_its_last_byte() {
        let bytes = FrameHead { len: 2, kind: FrameType::Ping, flags: 0, stream_id: 0 }.encode();
        let mut outbound = Outbound::new(0);
        for octet in bytes {
            outbound.follow(&[octet], |_, _| {});
            assert!(outbound.unfinished() > 0);
        }
        outbound.follow(&[0], |_, _| {});
        assert_eq!(outbound.unfinished(), 1);
        outbound.follow(&[0], |_, _| {});
        assert_eq!(outbound.unfinished(), 0);
    }
}
