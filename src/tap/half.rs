//! One direction's bytes cut into the preface and frames, or told to be something else.
//!
//! The first bytes are judged before the frame reader sees them, so that garbage gets its name. Memory is bounded: the
//! reader keeps what came of the frame at hand, and none longer than the receiver allows.

use bytes::BytesMut;

use super::garbage::{self, Garbage, Opening};
use super::record::Direction;
use crate::frame::{self, DEFAULT_MAX_FRAME_SIZE, Frame, FrameError, FrameReader};

/// Cuts one direction into pieces.
#[derive(Debug)]
pub(super) struct Half {
    direction: Direction,
    reader: FrameReader,
    max_frame_size: u32,
    state: State,
}

/// One piece of a direction, at the offset where it begins.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) kind: PieceKind,
}

#[derive(Debug, PartialEq)]
pub(super) enum PieceKind {
    Preface,
    Frame(Frame),
    Garbage(Garbage),
    Broken(FrameError),
}

#[derive(Debug)]
enum State {
    /// Not yet judged; at most a preface's length is needed to judge.
    Opening(BytesMut),
    Frames,
    /// The meaning of what follows is lost.
    Blind,
}

impl Half {
    pub(super) fn new(direction: Direction) -> Self {
        let reader = match direction {
            Direction::ClientToServer => FrameReader::of_client(),
            Direction::ServerToClient => FrameReader::of_server(),
        };
        Half {
            direction,
            reader,
            max_frame_size: DEFAULT_MAX_FRAME_SIZE,
            state: State::Opening(BytesMut::new()),
        }
    }

    /// Takes the next bytes of the direction.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Opening(first) => first.extend_from_slice(bytes),
            State::Frames => self.reader.push(bytes),
            State::Blind => {}
        }
    }

    /// The next complete piece.
    pub(super) fn next(&mut self) -> Option<Piece> {
        if let State::Opening(first) = &self.state {
            match garbage::judge(self.direction, first) {
                Opening::Unsettled => return None,
                Opening::Garbage(garbage) => return Some(self.give_up(0, PieceKind::Garbage(garbage))),
                Opening::Http2 => {
                    self.reader.push(first);
                    self.state = State::Frames;
                }
            }
        }
        match (&self.state, self.reader.next_piece()) {
            (State::Blind, _) | (_, Ok(None)) => None,
            (_, Ok(Some(frame::Piece::Preface))) => Some(Piece { offset: 0, kind: PieceKind::Preface }),
            (_, Ok(Some(frame::Piece::Frame(frame)))) => {
                Some(Piece { offset: frame.offset, kind: PieceKind::Frame(frame) })
            }
            (_, Err(broken)) => Some(self.give_up(broken.offset, PieceKind::Broken(broken.error))),
        }
    }

    /// What remains when no more bytes will come.
    pub(super) fn finish(&mut self) -> Option<Piece> {
        match &self.state {
            State::Opening(first) if !first.is_empty() => {
                let garbage = garbage::judge_ended(first);
                Some(self.give_up(0, PieceKind::Garbage(garbage)))
            }
            State::Frames => {
                let broken = self.reader.finish().err()?;
                Some(self.give_up(broken.offset, PieceKind::Broken(broken.error)))
            }
            _ => None,
        }
    }

    /// Stops reading: the meaning of what follows is lost.
    pub(super) fn stop(&mut self) {
        self.reader = FrameReader::of_frames();
        self.state = State::Blind;
    }

    /// The receiver's SETTINGS_MAX_FRAME_SIZE. An observer cannot know when a smaller one takes effect, so the limit
    /// only grows.
    pub(super) fn allow_frames_of(&mut self, len: u32) {
        self.max_frame_size = self.max_frame_size.max(len);
        self.reader.set_max_frame_size(self.max_frame_size);
    }

    fn give_up(&mut self, offset: u64, kind: PieceKind) -> Piece {
        self.stop();
        Piece { offset, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameType, PREFACE};

    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

    fn pieces(half: &mut Half) -> Vec<Piece> {
        std::iter::from_fn(|| half.next()).collect()
    }

    #[test]
    fn cuts_frames_whatever_the_chunks() {
        let wire = [&PREFACE[..], &SETTINGS, &PING].concat();
        for size in 1..wire.len() {
            let mut half = Half::new(Direction::ClientToServer);
            let mut seen = Vec::new();
            for chunk in wire.chunks(size) {
                half.push(chunk);
                seen.extend(pieces(&mut half));
            }
            assert_eq!(seen.iter().map(|piece| piece.offset).collect::<Vec<_>>(), [0, 24, 33], "{size}");
            assert_eq!(seen[0].kind, PieceKind::Preface);
            let PieceKind::Frame(ping) = &seen[2].kind else { panic!("{:?}", seen[2]) };
            assert_eq!((ping.head.kind, &ping.payload[..]), (FrameType::Ping, &PING[9..]));
            assert_eq!(half.finish(), None);
        }
    }

    #[test]
    fn a_frame_over_the_limit_is_told_and_ends_the_reading() {
        let mut half = Half::new(Direction::ServerToClient);
        half.push(&SETTINGS);
        half.push(&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]);
        let seen = pieces(&mut half);
        let broken = FrameError::FrameTooLarge { kind: FrameType::Data, len: 0xff_ffff, max: 16_384 };
        assert_eq!(seen[1], Piece { offset: 9, kind: PieceKind::Broken(broken) });
        half.push(&SETTINGS);
        assert_eq!((pieces(&mut half), half.finish()), (vec![], None));
    }

    #[test]
    fn an_end_within_a_frame_is_told_once() {
        let mut half = Half::new(Direction::ServerToClient);
        half.push(&SETTINGS);
        half.push(&PING[..12]);
        pieces(&mut half);
        let kind = PieceKind::Broken(FrameError::Truncated { missing: 5 });
        assert_eq!(half.finish(), Some(Piece { offset: 9, kind }));
        assert_eq!(half.finish(), None);
    }

    #[test]
    fn garbage_is_named_and_ends_the_reading() {
        let mut half = Half::new(Direction::ServerToClient);
        half.push(b"HTTP/1.1");
        half.push(b" 200 OK\r\n");
        let kind = PieceKind::Garbage(Garbage::Http1Response);
        assert_eq!(pieces(&mut half), [Piece { offset: 0, kind }]);
        half.push(&SETTINGS);
        assert_eq!(pieces(&mut half), []);
    }
}
