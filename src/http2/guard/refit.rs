//! A field block that has become shorter, in the bytes of the frames that it came in (RFC 9113, sections 4.3 and 6.2)
//!
//! What follows the frames is in its place already, so the bytes left over become padding of HEADERS, or where that does
//! not hold them a frame of an unknown type, which receivers ignore (section 5.5). The deprecated priority is left out.

use crate::frame::{
    FrameHead, FrameType,
    flags::{END_HEADERS, END_STREAM, PADDED},
};

/// Writes HEADERS and CONTINUATION with this block over `frames`, which begin with HEADERS; `None` if that takes more
/// bytes. So it is only where the block nearly fills frames of `max_frame_size`.
pub(super) fn refit(frames: &mut [u8], block: &[u8], max_frame_size: usize) -> Option<()> {
    let first = FrameHead::parse(frames.first_chunk()?);
    // Room for the padding, so that the frame keeps to its limit.
    let fragments = fragments(block, max_frame_size.checked_sub(PADDING_MAX)?);
    let heads = fragments.len().checked_mul(FrameHead::LEN)?;
    let mut spare = frames.len().checked_sub(heads)?.checked_sub(block.len())?;

    let mut refitted = Vec::with_capacity(frames.len());
    for (nth, fragment) in (1..).zip(&fragments) {
        let is_first = nth == 1;
        let mut head = FrameHead { flags: 0, kind: FrameType::Continuation, ..first };
        if is_first {
            head = FrameHead { flags: first.flags & END_STREAM, kind: FrameType::Headers, ..first };
        }
        if nth == fragments.len() {
            head.flags |= END_HEADERS;
        }
        if is_first && (1..=PADDING_MAX).contains(&spare) {
            head.flags |= PADDED;
            let pad_length = u8::try_from(spare - 1).ok()?;
            spare = 0;
            put(&mut refitted, head, &[&[pad_length], fragment, &vec![0; usize::from(pad_length)]])?;
        } else {
            put(&mut refitted, head, &[fragment])?;
        }
    }
    while spare > 0 {
        let mut len = spare.min(max_frame_size).checked_sub(FrameHead::LEN)?;
        // What is left then must hold a head, too.
        if (1..FrameHead::LEN).contains(&(spare - FrameHead::LEN - len)) {
            len = len.checked_sub(FrameHead::LEN)?;
        }
        let head = FrameHead { len: 0, kind: IGNORED, flags: 0, stream_id: 0 };
        put(&mut refitted, head, &[&vec![0; len]])?;
        spare -= FrameHead::LEN + len;
    }
    (refitted.len() == frames.len()).then(|| frames.copy_from_slice(&refitted))
}

/// At least one, even of nothing.
fn fragments(block: &[u8], max: usize) -> Vec<&[u8]> {
    if block.is_empty() { vec![block] } else { block.chunks(max).collect() }
}

fn put(frames: &mut Vec<u8>, head: FrameHead, payload: &[&[u8]]) -> Option<()> {
    let len = u32::try_from(payload.iter().map(|part| part.len()).sum::<usize>()).ok()?;
    frames.extend(FrameHead { len, ..head }.encode());
    frames.extend(payload.concat());
    Some(())
}

/// Pad Length is one octet, and is itself among what is left over.
const PADDING_MAX: usize = 256;

/// A type that no standard defines: a receiver ignores such frames (RFC 9113, section 5.5).
pub(super) const IGNORED: FrameType = FrameType::Unknown(0xf0);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, FrameReader, HeaderBlockJoiner, Piece};

    const MAX: usize = 16_384;

    /// The bytes of frames on stream 3 that hold these fragments, END_STREAM on the first.
    fn frames(fragments: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (nth, len) in (1..).zip(fragments) {
            let kind = if nth == 1 { FrameType::Headers } else { FrameType::Continuation };
            let end = if nth == fragments.len() { END_HEADERS } else { 0 };
            let flags = end | if nth == 1 { END_STREAM } else { 0 };
            put(&mut bytes, FrameHead { len: 0, kind, flags, stream_id: 3 }, &[&vec![7; *len]]).unwrap();
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Vec<Frame> {
        let mut reader = FrameReader::of_frames();
        reader.push(bytes);
        let mut frames = Vec::new();
        while let Some(piece) = reader.next_piece().unwrap() {
            if let Piece::Frame(frame) = piece {
                frames.push(frame);
            }
        }
        reader.finish().unwrap();
        frames
    }

    #[test]
    fn a_shorter_block_takes_as_many_bytes() {
        let fragmentations: [&[usize]; 8] = [
            &[300],
            &[1, 299],
            &[0, 300],
            &[100; 3],
            &[1; 300],
            &[300, 0, 0],
            &[9_000, 9_000, 9_000],
            &[0; 6_000],
        ];
        for fragmentation in fragmentations {
            let whole: usize = fragmentation.iter().sum();
            for gone in [1, 2, 8, 9, 10, 255, 256, 257, 299, 300].into_iter().filter(|gone| *gone <= whole) {
                let block: Vec<u8> = (0..=255).cycle().take(whole - gone).collect();
                let mut bytes = frames(fragmentation);
                let len = bytes.len();
                refit(&mut bytes, &block, MAX).unwrap();
                assert_eq!(bytes.len(), len);

                let mut joiner = HeaderBlockJoiner::default();
                let mut joined = Vec::new();
                for frame in read(&bytes) {
                    assert!(usize::try_from(frame.head.len).unwrap() <= MAX);
                    let block = joiner.push(&frame.head, &frame.parse().unwrap()).unwrap();
                    joined.extend(block.map(|block| block.octets.to_vec()));
                }
                let [joined] = &joined[..] else { panic!("{fragmentation:?}") };
                assert_eq!(*joined, block, "{gone} of {fragmentation:?}");
                let first = FrameHead::parse(bytes.first_chunk().unwrap());
                assert!(first.has(END_STREAM) && first.stream_id == 3);
            }
        }
    }

    #[test]
    fn a_block_that_fills_its_frames_does_not_fit() {
        let mut bytes = frames(&[MAX]);
        assert_eq!(refit(&mut bytes, &vec![0; MAX - 1], MAX), None);
        assert_eq!(bytes, frames(&[MAX]));
    }
}
