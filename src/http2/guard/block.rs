//! **Field block** on its way: HEADERS or PUSH_PROMISE, then CONTINUATION until END_HEADERS (RFC 9113, section 4.3)
//!
//! A block is given to h2 only when it is whole, so that it can be judged and cured at once and none stays open. What
//! breaks the grammar of frames is handed on as it came: h2 answers it. Frames seen once are not looked at again when
//! more bytes have come.

use super::Cut;
use crate::frame::{
    FrameHead, FrameType,
    flags::{PADDED, PRIORITY},
};

/// Finds the end of the block at the front of what is held.
#[derive(Debug, Default)]
pub(super) struct OpenBlock {
    /// Bytes of the frames that have been walked over.
    walked: usize,
    frames: usize,
}

/// What stands at the front.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// A whole block: this many bytes in this many frames.
    Whole { len: usize, frames: usize },
    /// The beginning of a block.
    Partial,
    /// This many bytes that are no block, for h2 to refuse.
    Broken { len: usize },
}

impl OpenBlock {
    /// Looks at the front: a frame head of HEADERS or PUSH_PROMISE, and what follows.
    ///
    /// # Errors
    /// The block is longer than [`BLOCK_MAX`].
    pub(super) fn look(&mut self, bytes: &[u8], max_frame_size: usize) -> Result<Front, Cut> {
        loop {
            if self.walked > BLOCK_MAX {
                return Err(Cut::calm("header_block_too_large"));
            }
            let Some(head) = bytes.get(self.walked..).and_then(<[u8]>::first_chunk) else {
                return Ok(Front::Partial);
            };
            let head = FrameHead::parse(head);
            let payload_len = usize::try_from(head.len).unwrap_or(usize::MAX);
            let is_next = self.frames == 0 || is_continuation(bytes, &head);
            if !is_next || payload_len > max_frame_size {
                // The head goes with it, by which h2 tells what is wrong.
                return Ok(Front::Broken { len: self.end(FrameHead::LEN) });
            }
            let end = self.walked.saturating_add(FrameHead::LEN).saturating_add(payload_len);
            if !head.is_end_headers() {
                // The next head is looked for behind this frame, whether the frame is there yet or not.
                self.walked = end;
                self.frames += 1;
            } else if end > bytes.len() {
                return if end > BLOCK_MAX {
                    Err(Cut::calm("header_block_too_large"))
                } else {
                    Ok(Front::Partial)
                };
            } else {
                let frames = self.frames + 1;
                return Ok(Front::Whole { len: self.end(end - self.walked), frames });
            }
        }
    }

    /// The bytes up to here and `more`; the next look begins anew.
    fn end(&mut self, more: usize) -> usize {
        let len = self.walked.saturating_add(more);
        *self = Self::default();
        len
    }
}

/// Whether `head` continues the block whose first frame stands at the front of `bytes`.
fn is_continuation(bytes: &[u8], head: &FrameHead) -> bool {
    let first = bytes.first_chunk().map(FrameHead::parse);
    head.kind == FrameType::Continuation && first.is_some_and(|first| first.stream_id == head.stream_id)
}

/// The fragments of a whole block, without padding and priority; `None` where h2 will find the padding too long.
pub(super) fn fragments(mut frames: &mut [u8]) -> Option<Vec<&mut [u8]>> {
    let mut all = Vec::new();
    while !frames.is_empty() {
        let (fragment, rest) = split_first(frames)?;
        all.push(fragment);
        frames = rest;
    }
    Some(all)
}

/// The fragment of a block that is one frame.
pub(super) fn fragment(frame: &mut [u8]) -> Option<&mut [u8]> {
    split_first(frame).map(|(fragment, _)| fragment)
}

/// The fragment of the first frame, and the frames behind it.
fn split_first(frames: &mut [u8]) -> Option<(&mut [u8], &mut [u8])> {
    let (head, rest) = frames.split_first_chunk_mut()?;
    let head = FrameHead::parse(head);
    let (payload, rest) = rest.split_at_mut_checked(usize::try_from(head.len).ok()?)?;
    let has_prefix = head.kind != FrameType::Continuation;
    let mut start = 0;
    let mut end = payload.len();
    if has_prefix && head.has(PADDED) {
        start = 1;
        end = end.checked_sub(usize::from(*payload.first()?))?;
    }
    if head.kind == FrameType::Headers && head.has(PRIORITY) {
        start += PRIORITY_LEN;
    }
    if head.kind == FrameType::PushPromise {
        start += PROMISED_LEN;
    }
    Some((payload.get_mut(start..end)?, rest))
}

// RFC 9113, sections 6.2 and 6.6.
const PRIORITY_LEN: usize = 5;
const PROMISED_LEN: usize = 4;

// Sixteen times the list that this library announces: less costs only its stream, as far as h2 goes along.
const BLOCK_MAX: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: FrameType, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len()).unwrap();
        [&FrameHead { len, kind, flags, stream_id }.encode()[..], payload].concat()
    }

    fn three() -> Vec<u8> {
        [
            frame(FrameType::Headers, 0x01, 3, b"\x82"),
            frame(FrameType::Continuation, 0, 3, b""),
            frame(FrameType::Continuation, 0x04, 3, b"\x86\x84"),
        ]
        .concat()
    }

    #[test]
    fn a_block_is_whole_at_its_last_byte_whatever_the_cut() {
        for step in 1..40 {
            let bytes = [three(), three()].concat();
            let mut block = OpenBlock::default();
            for end in (0..30).step_by(step) {
                assert_eq!(block.look(&bytes[..end], 16_384), Ok(Front::Partial), "{end}");
            }
            assert_eq!(block.look(&bytes, 16_384), Ok(Front::Whole { len: 30, frames: 3 }));
            assert_eq!(block.look(&bytes[30..], 16_384), Ok(Front::Whole { len: 30, frames: 3 }));
        }
    }

    #[test]
    fn what_interrupts_a_block_is_for_h2_to_refuse() {
        for (kind, stream_id) in [
            (FrameType::Data, 3),
            (FrameType::Headers, 3),
            (FrameType::Continuation, 5),
            (FrameType::Ping, 0),
        ] {
            let bytes =
                [frame(FrameType::Headers, 0, 3, b"\x82"), frame(kind, 4, stream_id, b"12345678")].concat();
            assert_eq!(OpenBlock::default().look(&bytes, 16_384), Ok(Front::Broken { len: 19 }), "{kind}");
        }
    }

    #[test]
    fn a_frame_that_is_too_large_is_refused_by_its_head_alone() {
        let bytes = frame(FrameType::Headers, 4, 1, &[0; 20_000]);
        assert_eq!(OpenBlock::default().look(&bytes[..9], 16_384), Ok(Front::Broken { len: 9 }));
    }

    #[test]
    fn no_more_is_held_than_the_longest_block() {
        let mut bytes = frame(FrameType::Headers, 0, 1, &[0; 60_000]);
        let mut block = OpenBlock::default();
        for _ in 0..4 {
            assert_eq!(block.look(&bytes, 65_536), Ok(Front::Partial));
            bytes.extend(frame(FrameType::Continuation, 0, 1, &[0; 60_000]));
        }
        assert_eq!(block.look(&bytes, 65_536), Err(Cut::calm("header_block_too_large")));
    }

    #[test]
    fn fragments_come_without_padding_and_priority() {
        let padded = [&b"\x02"[..], &[9; 5], b"\x82\x86", &[0; 2]].concat();
        for (flags, payload) in [
            (0x04, &b"\x82\x86"[..]),
            (0x0c, b"\x03\x82\x86\0\0\0"),
            (0x24, &[&[9; 5][..], b"\x82\x86"].concat()),
            (0x2c, &padded),
        ] {
            let mut bytes = frame(FrameType::Headers, flags, 1, payload);
            assert_eq!(fragment(&mut bytes).unwrap(), b"\x82\x86", "{flags:x}");
        }
        assert_eq!(fragments(&mut three()).unwrap().concat(), b"\x82\x86\x84");
    }

    #[test]
    fn padding_longer_than_the_frame_has_no_fragment() {
        for payload in [&b"\x03\x82"[..], b"", b"\x01", b"\x09\0\0\0\0\0\x82"] {
            let mut bytes = frame(FrameType::Headers, 0x2c, 1, payload);
            assert_eq!(fragment(&mut bytes), None);
        }
    }
}
