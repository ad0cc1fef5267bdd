//! One direction's bytes, cut by the first octet: every cut gives the same pieces and the same error, offsets follow
//! one another, and whatever comes out can be parsed and joined without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirepath::frame::{FrameHead, FrameReader, HeaderBlockJoiner, PREFACE, Piece, ReadError};

fuzz_target!(|input: &[u8]| {
    let Some((cut, bytes)) = input.split_first() else { return };
    for reader in [FrameReader::of_client, FrameReader::of_server, FrameReader::of_frames] {
        let (pieces, error) = read(reader(), bytes, bytes.len().max(1));
        assert_eq!((pieces.clone(), error), read(reader(), bytes, usize::from(*cut).max(1)));
        check(&pieces);
    }
});

fn read(mut reader: FrameReader, bytes: &[u8], step: usize) -> (Vec<Piece>, Option<ReadError>) {
    let mut pieces = Vec::new();
    for part in bytes.chunks(step) {
        reader.push(part);
        loop {
            match reader.next_piece() {
                Ok(Some(piece)) => pieces.push(piece),
                Ok(None) => break,
                Err(error) => return (pieces, Some(error)),
            }
        }
    }
    (pieces, reader.finish().err())
}

fn check(pieces: &[Piece]) {
    let mut joiner = HeaderBlockJoiner::new(1 << 10);
    let mut offset = 0;
    for piece in pieces {
        let Piece::Frame(frame) = piece else {
            offset += PREFACE.len() as u64;
            continue;
        };
        assert_eq!(frame.offset, offset);
        assert_eq!(FrameHead::parse(&frame.head.encode()), frame.head);
        offset += FrameHead::LEN as u64 + u64::from(frame.head.len);
        if let Ok(payload) = frame.parse()
            && let Ok(Some(block)) = joiner.push(&frame.head, &payload)
        {
            assert!(block.octets.len() <= 1 << 10);
        }
    }
}
