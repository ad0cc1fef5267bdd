//! How much of what the peer has sent h2 sees at a time.
//!
//! h2 handles all frames that it is given before it returns. Given everything, it starves the calls of its own connection,
//! which could answer the first requests while later ones are read, and the other connections of the thread. So frame
//! heads are followed as bytes pass, and after [`FRAMES_PER_ROUND`] frames or [`BYTES_PER_ROUND`] bytes the rest waits
//! for the next round.

use crate::frame::{FrameHead, PREFACE};

/// Follows the frames of one direction and says where a round ends.
#[derive(Debug)]
pub(super) struct Pace {
    head: [u8; HEAD_LEN],
    head_len: usize,
    payload_left: usize,
    frames_left: usize,
    bytes_left: usize,
}

impl Pace {
    /// For what a server receives: frames behind the client's preface.
    pub(super) fn of_client() -> Self {
        Self { payload_left: PREFACE.len(), ..Self::of_server() }
    }

    /// For what a client receives: frames from the first byte.
    pub(super) fn of_server() -> Self {
        Self {
            head: [0; HEAD_LEN],
            head_len: 0,
            payload_left: 0,
            frames_left: FRAMES_PER_ROUND,
            bytes_left: BYTES_PER_ROUND,
        }
    }

    /// Begins a new round.
    pub(super) fn refill(&mut self) {
        self.frames_left = FRAMES_PER_ROUND;
        self.bytes_left = BYTES_PER_ROUND;
    }

    /// How many of these bytes, which follow on those admitted before, belong to this round. A round ends before the head
    /// of a frame, never within one.
    pub(super) fn admit(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.payload_left > 0 {
                let count = self.payload_left.min(rest.len());
                self.payload_left -= count;
                self.bytes_left = self.bytes_left.saturating_sub(count);
                rest = &rest[count..];
            } else if self.is_over() {
                break;
            } else {
                rest = self.follow_head(rest);
            }
        }
        bytes.len() - rest.len()
    }

    /// Whether the next frame belongs to the next round.
    pub(super) fn is_over(&self) -> bool {
        self.head_len == 0 && self.payload_left == 0 && (self.frames_left == 0 || self.bytes_left == 0)
    }

    fn follow_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let count = (HEAD_LEN - self.head_len).min(bytes.len());
        let (part, rest) = bytes.split_at(count);
        self.head[self.head_len..self.head_len + count].copy_from_slice(part);
        self.head_len += count;
        if self.head_len == HEAD_LEN {
            self.head_len = 0;
            self.frames_left -= 1;
            self.payload_left = FrameHead::parse(&self.head).len as usize;
        }
        rest
    }
}

const HEAD_LEN: usize = FrameHead::LEN;

// A unary request is two frames, its answer three: about as many calls as the driver runs in a round.
const FRAMES_PER_ROUND: usize = 48;

// Some four frames of the largest size that this library announces.
const BYTES_PER_ROUND: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(count: usize, payload: usize) -> Vec<u8> {
        let mut frame = vec![0, 0, 0, 0, 0, 0, 0, 0, 1];
        frame[..3].copy_from_slice(&u32::try_from(payload).unwrap().to_be_bytes()[1..]);
        frame.resize(HEAD_LEN + payload, 0x5a);
        frame.repeat(count)
    }

    #[test]
    fn a_round_ends_before_a_head_whatever_the_cut() {
        let bytes = frames(FRAMES_PER_ROUND + 3, 10);
        for cut in 1..60 {
            let mut pace = Pace::of_server();
            let admitted: usize = bytes.chunks(cut).map(|piece| pace.admit(piece)).sum();
            assert_eq!(admitted, FRAMES_PER_ROUND * 19, "cut into {cut}");
            assert!(pace.is_over());
            pace.refill();
            assert_eq!(pace.admit(&bytes[admitted..]), 3 * 19);
        }
    }

    #[test]
    fn large_frames_use_up_a_round_by_their_bytes() {
        let bytes = frames(20, 65_536);
        assert_eq!(Pace::of_server().admit(&bytes), 4 * (9 + 65_536));
    }

    #[test]
    fn the_preface_is_no_frame() {
        let bytes = [&PREFACE[..], &frames(FRAMES_PER_ROUND + 1, 0)].concat();
        assert_eq!(Pace::of_client().admit(&bytes), PREFACE.len() + FRAMES_PER_ROUND * HEAD_LEN);
    }
}
