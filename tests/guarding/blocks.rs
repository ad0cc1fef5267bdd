//! Field blocks in all cuts and sizes.

use wirepath::frame::{Frame, FrameType, hpack::Decoder};

use crate::raw::{Raw, block, call, frame, framed};

const CALM: u32 = 0xb;

/// A field of this many octets in all, without indexing.
fn field(name: u8, len: usize) -> Vec<u8> {
    let value = vec![b'v'; len];
    let mut field = vec![0x00, 1, name, 0x7f];
    // RFC 7541, section 5.1: 127 and the rest in groups of 7 bits.
    let mut rest = len - 127;
    while rest >= 128 {
        field.push(u8::try_from(rest % 128).unwrap() | 0x80);
        rest /= 128;
    }
    field.push(u8::try_from(rest).unwrap());
    field.extend(value);
    field
}

/// The block as HEADERS and CONTINUATION of this size.
fn in_frames(stream_id: u32, block: &[u8], size: usize) -> Vec<u8> {
    let count = block.len().div_ceil(size);
    let mut bytes = Vec::new();
    for (index, fragment) in block.chunks(size).enumerate() {
        let kind = if index == 0 { 0x1 } else { 0x9 };
        let flags = if index + 1 == count { 0x4 } else { 0 };
        bytes.extend(frame(kind, flags, stream_id, fragment));
    }
    bytes
}

/// Waits for the stream's answer, which is HTTP status 431 and nothing else.
async fn is_refused(raw: &mut Raw, stream_id: u32) {
    let is_answer =
        |frame: &Frame| frame.head.kind == FrameType::Headers && frame.head.stream_id == stream_id;
    let frames = raw.read_until(|frames| frames.iter().any(is_answer)).await;
    let mut decoder = Decoder::default();
    for frame in frames.iter().filter(|frame| frame.head.kind == FrameType::Headers) {
        let decoded = decoder.decode(&frame.payload).unwrap();
        if is_answer(frame) {
            let status = &decoded.fields[0];
            assert_eq!((&status.name[..], &status.value[..]), (&b":status"[..], &b"431"[..]));
            assert!(frame.head.is_end_stream());
            return;
        }
    }
    panic!("no answer on stream {stream_id}: {frames:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_may_come_byte_by_byte_and_in_any_frames() {
    let mut raw = Raw::to(|_| ()).await;
    for octet in call(1, b"hi") {
        raw.send(&[octet]).await;
        tokio::task::yield_now().await;
    }
    for (number, size) in (1..).zip([11, 17, 40]) {
        let id = 2 * number + 1;
        raw.send(&in_frames(id, &block(), size)).await;
        raw.send(&frame(0x0, 0x1, id, &framed(b"hi"))).await;
    }
    raw.call(99).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_too_long_costs_its_stream_alone() {
    let mut raw = Raw::to(|_| ()).await;
    for (number, len) in (0..).zip([16_400, 30_000, 60_000]) {
        let id = 2 * number + 1;
        let long = [block(), field(b'x', len)].concat();
        raw.send(&in_frames(id, &long, 16_384)).await;
        is_refused(&mut raw, id).await;
    }
    raw.call(99).await;
}

#[tokio::test(start_paused = true)]
async fn too_many_fields_cost_their_stream_alone() {
    let mut raw = Raw::to(|config| config.max_header_list_size = 1 << 20).await;
    let many = [block(), b"\x00\x01x\x01v".repeat(300)].concat();
    raw.send(&in_frames(1, &many, 16_384)).await;
    is_refused(&mut raw, 1).await;
    raw.call(3).await;
}

#[tokio::test(start_paused = true)]
async fn a_block_that_never_ends_is_cut_at_its_bound() {
    let mut raw = Raw::to(|_| ()).await;
    let mut bytes = frame(0x1, 0, 1, &block());
    for _ in 0..300 {
        bytes.extend(frame(0x9, 0, 1, &[0; 1_000]));
    }
    raw.offer(&bytes).await;
    assert_eq!(raw.cut_off().await, (CALM, "header_block_too_large".to_owned()));
}
