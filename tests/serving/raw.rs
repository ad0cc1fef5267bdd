//! A client that is nothing but bytes, and what comes back to it, by stream.

use std::{collections::BTreeMap, time::Duration};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use wirepath::frame::{ErrorCode, Frame, FrameHead, FrameReader, FrameType, PREFACE, Payload, Piece, flags};

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By END_STREAM, after these octets of DATA.
    Answered(Vec<u8>),
    /// By RST_STREAM.
    Reset(ErrorCode),
}

/// How a field block travels.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    OneFrame,
    Padded(u8),
    Priority,
    /// CONTINUATIONs of so many octets, after HEADERS that are padded and have priority fields.
    Continued(usize),
}

pub(crate) fn frame(kind: FrameType, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap();
    [&FrameHead { len, kind, flags, stream_id }.encode()[..], payload].concat()
}

/// The preface and empty SETTINGS.
pub(crate) fn opening() -> Vec<u8> {
    [&PREFACE[..], &frame(FrameType::Settings, 0, 0, &[])].concat()
}

/// A block in frames; the stream goes on.
pub(crate) fn headers(stream_id: u32, block: &[u8], shape: Shape) -> Vec<u8> {
    // Not exclusive, on stream 0, of the usual weight.
    let priority = [0, 0, 0, 0, 15];
    let whole =
        |flags, payload: &[u8]| frame(FrameType::Headers, flags | flags::END_HEADERS, stream_id, payload);
    match shape {
        Shape::OneFrame => whole(0, block),
        Shape::Padded(count) => {
            whole(flags::PADDED, &[&[count], block, &vec![0; usize::from(count)]].concat())
        }
        Shape::Priority => whole(flags::PRIORITY, &[&priority, block].concat()),
        Shape::Continued(len) => {
            let (first, rest) = block.split_at(len.min(block.len()));
            let payload = [&[3][..], &priority, first, &[0; 3]].concat();
            let mut frames = frame(FrameType::Headers, flags::PADDED | flags::PRIORITY, stream_id, &payload);
            for fragment in rest.chunks(len) {
                frames.extend(frame(FrameType::Continuation, 0, stream_id, fragment));
            }
            frames.extend(frame(FrameType::Continuation, flags::END_HEADERS, stream_id, &[]));
            frames
        }
    }
}

/// A unary call with an empty message.
pub(crate) fn call(stream_id: u32, block: &[u8], shape: Shape) -> Vec<u8> {
    let data = frame(FrameType::Data, flags::END_STREAM, stream_id, &[0; 5]);
    [headers(stream_id, block, shape), data].concat()
}

/// Writes the pieces one by one, each when what came before has been read, and waits until so many streams have ended.
pub(crate) async fn exchange(
    io: &mut (impl AsyncRead + AsyncWrite + Unpin),
    pieces: impl IntoIterator<Item = &[u8]>,
    streams: usize,
) -> BTreeMap<u32, Ended> {
    for piece in pieces {
        io.write_all(piece).await.unwrap();
        // On a runtime of one thread the server takes its turn.
        tokio::task::yield_now().await;
    }
    let mut reader = FrameReader::of_frames();
    let mut answers = Answers::default();
    let read = async {
        while answers.ended.len() < streams {
            let mut bytes = [0; 4096];
            let count = io.read(&mut bytes).await.unwrap();
            assert!(count > 0, "the connection ends after {:?}", answers.ended);
            reader.push(&bytes[..count]);
            while let Some(piece) = reader.next_piece().unwrap() {
                if let Piece::Frame(frame) = piece {
                    answers.push(&frame);
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("each stream ends");
    answers.ended
}

#[derive(Default)]
struct Answers {
    data: BTreeMap<u32, Vec<u8>>,
    ended: BTreeMap<u32, Ended>,
}

impl Answers {
    fn push(&mut self, frame: &Frame) {
        let stream_id = frame.head.stream_id;
        match frame.parse().unwrap() {
            Payload::Data { data, .. } => self.data.entry(stream_id).or_default().extend_from_slice(data),
            Payload::RstStream { code } => drop(self.ended.insert(stream_id, Ended::Reset(code))),
            Payload::Goaway { code, debug_data, .. } => panic!("{code} {}", debug_data.escape_ascii()),
            _ => {}
        }
        let has_end = matches!(frame.head.kind, FrameType::Data | FrameType::Headers);
        if has_end && frame.head.has(flags::END_STREAM) {
            let data = self.data.remove(&stream_id).unwrap_or_default();
            self.ended.insert(stream_id, Ended::Answered(data));
        }
    }
}
