//! The guard over bytes alone.

use std::io::IoSlice;

use super::{
    pace::{BYTES_PER_ROUND, FRAMES_PER_ROUND},
    *,
};
use crate::frame::{FrameHead, FrameType};

fn guard(side: Side) -> Guard {
    Guard::new(side, &Http2Config::default())
}

fn frame(kind: FrameType, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap();
    [&FrameHead { len, kind, flags, stream_id }.encode()[..], payload].concat()
}

fn data(count: usize, len: usize) -> Vec<u8> {
    frame(FrameType::Data, 0, 1, &vec![0x5a; len]).repeat(count)
}

#[test]
fn a_round_ends_before_a_head_whatever_the_cut() {
    let mut bytes = data(FRAMES_PER_ROUND + 3, 10);
    for cut in 1..60 {
        let mut guard = guard(Side::Client);
        let mut held = Vec::new();
        let mut admitted = 0;
        for piece in bytes.chunks(cut) {
            held.extend_from_slice(piece);
            let count = guard.admit(&mut held).unwrap();
            held.drain(..count);
            admitted += count;
        }
        assert_eq!(admitted, FRAMES_PER_ROUND * 19, "cut into {cut}");
        assert!(guard.is_paused());
        guard.refill();
        assert_eq!(guard.admit(&mut bytes[admitted..]).unwrap(), 3 * 19);
    }
}

#[test]
fn large_frames_use_up_a_round_by_their_bytes() {
    let mut bytes = data(20, 65_536);
    let frames = BYTES_PER_ROUND / 65_536;
    assert_eq!(guard(Side::Client).admit(&mut bytes).unwrap(), frames * (9 + 65_536));
}

#[test]
fn the_preface_is_no_frame() {
    let mut bytes = [&PREFACE[..], &data(FRAMES_PER_ROUND + 1, 0)].concat();
    let admitted = guard(Side::Server).admit(&mut bytes).unwrap();
    assert_eq!(admitted, PREFACE.len() + FRAMES_PER_ROUND * FrameHead::LEN);
}

#[test]
fn data_passes_as_it_comes_and_a_block_when_it_is_whole() {
    let mut guard = guard(Side::Client);
    let mut bytes = [data(1, 100), frame(FrameType::Headers, 0x04, 1, &[0x82; 30])].concat();
    let whole = bytes.len();
    assert_eq!(guard.admit(&mut bytes[..50]).unwrap(), 50);
    for end in 109..whole {
        let expected = if end == 109 { 59 } else { 0 };
        let start = if end == 109 { 50 } else { 109 };
        assert_eq!(guard.admit(&mut bytes[start..end]).unwrap(), expected, "{end}");
    }
    assert_eq!(guard.admit(&mut bytes[109..]).unwrap(), 39);
}

#[test]
fn what_is_broken_passes_for_h2_to_refuse() {
    let broken = [frame(FrameType::Headers, 0, 1, b"\x82"), frame(FrameType::Ping, 0, 0, b"12345678")];
    let mut bytes = [broken.concat(), data(100, 0)].concat();
    assert_eq!(guard(Side::Client).admit(&mut bytes).unwrap(), bytes.len());
}

#[test]
fn meters_count_frames_and_bytes_of_both_directions() {
    let mut guard = guard(Side::Server);
    let mut bytes = [
        &PREFACE[..],
        &frame(FrameType::Settings, 0, 0, b""),
        &frame(FrameType::Headers, 0, 1, b"\x82"),
        &frame(FrameType::Continuation, 0x04, 1, b"\x86"),
        &data(2, 7),
        &frame(FrameType::Headers, 0x05, 1, b"\x82"),
        &frame(FrameType::RstStream, 0, 3, &[0; 4]),
    ]
    .concat();
    assert_eq!(guard.admit(&mut bytes).unwrap(), bytes.len());
    let answer = [frame(FrameType::Settings, 0x01, 0, b""), data(1, 300)].concat();
    let (first, last) = answer.split_at(12);
    guard.sent(&[IoSlice::new(first), IoSlice::new(last)], 20);
    guard.sent(&[IoSlice::new(&answer[20..])], answer.len() - 20);

    let meters = guard.meters();
    let received = |kind| meters.received().frames(kind);
    assert_eq!(meters.received().bytes(), u64::try_from(bytes.len()).unwrap());
    assert_eq!((received(FrameType::Headers), received(FrameType::Continuation)), (2, 1));
    assert_eq!((received(FrameType::Data), received(FrameType::Settings)), (2, 1));
    assert_eq!((meters.streams(), meters.cancels()), (1, 1));
    let sent = meters.sent();
    assert_eq!((sent.frames(FrameType::Settings), sent.frames(FrameType::Data)), (1, 1));
    assert_eq!(sent.bytes(), u64::try_from(answer.len()).unwrap());
}

#[test]
fn a_client_counts_the_streams_that_it_opens() {
    let mut guard = guard(Side::Client);
    let headers = |stream_id| frame(FrameType::Headers, 0x04, stream_id, b"\x82");
    let sent = [PREFACE.to_vec(), headers(1), headers(3), data(2, 7)].concat();
    guard.sent(&[IoSlice::new(&sent)], sent.len());
    let mut answers = [headers(3), headers(1), headers(3)].concat();
    guard.admit(&mut answers).unwrap();
    assert_eq!(guard.meters().streams(), 2);
}

#[test]
fn a_cut_names_the_last_stream_that_was_opened() {
    let mut server = guard(Side::Server);
    let mut bytes = [&PREFACE[..], &frame(FrameType::Headers, 0x04, 7, b"\x82")].concat();
    server.admit(&mut bytes).unwrap();
    let cut = Cut::calm("why");
    assert_eq!(server.goaway(&cut), cut.goaway(7));
    assert_eq!(guard(Side::Client).goaway(&cut), cut.goaway(0));
}
