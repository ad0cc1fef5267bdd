//! One direction of a connection, cut anywhere: the connection preface, then frames (RFC 9113, sections 3.4 and 4.1)
//!
//! [`FrameReader`] keeps only what has arrived and not been read: at most one head and one payload of the allowed
//! size, and what was pushed last. A head that promises too much is refused before its payload comes. Every piece
//! and every error carries its offset from the first octet of the direction.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::settings::{MAX_MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE};
use super::{FrameError, FrameHead, FrameType, Payload};

/// The client's first 24 octets.
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// SETTINGS_MAX_FRAME_SIZE until a side sets it.
pub const DEFAULT_MAX_FRAME_SIZE: u32 = MIN_MAX_FRAME_SIZE;

/// Cuts the bytes of one direction into the preface and frames.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    offset: u64,
    expects: Expects,
    max_frame_size: u32,
}

impl FrameReader {
    /// Reads what a client sends: the preface, SETTINGS, then any frame.
    pub fn of_client() -> Self {
        Self::new(Expects::Preface)
    }

    /// Reads what a server sends: SETTINGS, then any frame.
    pub fn of_server() -> Self {
        Self::new(Expects::FirstSettings)
    }

    /// Reads frames from a point where one begins, with no demand on the first.
    pub fn of_frames() -> Self {
        Self::new(Expects::Frame)
    }

    /// Sets the largest payload taken: the other side's acknowledged SETTINGS_MAX_FRAME_SIZE, clamped to the range of
    /// the RFC. [`DEFAULT_MAX_FRAME_SIZE`] until set.
    pub fn set_max_frame_size(&mut self, max: u32) {
        self.max_frame_size = max.clamp(MIN_MAX_FRAME_SIZE, MAX_MAX_FRAME_SIZE);
    }

    /// Takes the next bytes of the direction. After an error they are dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        if !matches!(self.expects, Expects::Nothing(_)) {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Gives the next piece, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`FrameError::Preface`], [`FrameError::FirstFrame`], [`FrameError::FrameTooLarge`]. There is no way to find the
    /// next frame after that, so each further call gives the same error.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, ReadError> {
        let piece = match self.expects {
            Expects::Preface => self.next_preface(),
            Expects::FirstSettings | Expects::Frame => self.next_frame(),
            Expects::Nothing(error) => return Err(error),
        };
        piece.map_err(|error| self.fail(error))
    }

    /// Checks that the direction ends between frames.
    ///
    /// # Errors
    /// [`FrameError::Truncated`], or the error that ended the reading before.
    pub fn finish(&self) -> Result<(), ReadError> {
        if let Expects::Nothing(error) = self.expects {
            return Err(error);
        }
        let needed = match (self.expects, self.head()) {
            (Expects::Preface, _) => PREFACE.len(),
            (_, Some(head)) => FrameHead::LEN.saturating_add(payload_len(&head)),
            (_, None) if self.buffer.is_empty() => 0,
            (_, None) => FrameHead::LEN,
        };
        match u32::try_from(needed.saturating_sub(self.buffer.len())) {
            Ok(0) => Ok(()),
            missing => Err(ReadError {
                offset: self.offset,
                error: FrameError::Truncated { missing: missing.unwrap_or(u32::MAX) },
            }),
        }
    }

    /// Octets read so far: the offset of the next piece.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Octets that wait for the rest of their frame.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    fn new(expects: Expects) -> Self {
        Self { buffer: BytesMut::new(), offset: 0, expects, max_frame_size: DEFAULT_MAX_FRAME_SIZE }
    }

    fn next_preface(&mut self) -> Result<Option<Piece>, FrameError> {
        let pairs = self.buffer.iter().zip(PREFACE);
        // A wrong octet is told at once: HTTP/1.1 and TLS clients wait for an answer and send no more.
        if let Some((at, (found, _))) = pairs.enumerate().find(|(_, (found, expected))| found != expected) {
            return Err(FrameError::Preface { at, found: *found });
        }
        if self.buffer.len() < PREFACE.len() {
            return Ok(None);
        }
        self.take(PREFACE.len());
        self.expects = Expects::FirstSettings;
        Ok(Some(Piece::Preface))
    }

    fn next_frame(&mut self) -> Result<Option<Piece>, FrameError> {
        let Some(head) = self.head() else { return Ok(None) };
        if matches!(self.expects, Expects::FirstSettings) && !is_settings(&head) {
            return Err(FrameError::FirstFrame { kind: head.kind });
        }
        if head.len > self.max_frame_size {
            let FrameHead { kind, len, .. } = head;
            return Err(FrameError::FrameTooLarge { kind, len, max: self.max_frame_size });
        }
        let payload_len = payload_len(&head);
        if self.buffer.len() < FrameHead::LEN.saturating_add(payload_len) {
            return Ok(None);
        }
        let offset = self.offset;
        self.take(FrameHead::LEN);
        let payload = self.take(payload_len);
        self.expects = Expects::Frame;
        Ok(Some(Piece::Frame(Frame { offset, head, payload })))
    }

    fn head(&self) -> Option<FrameHead> {
        self.buffer.first_chunk().map(FrameHead::parse)
    }

    /// Moves on by `len` octets, which the buffer holds.
    fn take(&mut self, len: usize) -> Bytes {
        self.offset = self.offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        self.buffer.split_to(len).freeze()
    }

    fn fail(&mut self, error: FrameError) -> ReadError {
        let error = ReadError { offset: self.offset, error };
        self.expects = Expects::Nothing(error);
        self.buffer = BytesMut::new();
        error
    }
}

/// What the bytes of a direction are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The client's connection preface, [`PREFACE`], at offset 0.
    Preface,
    /// A frame.
    Frame(Frame),
}

/// One frame and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Offset of the head's first octet from the first octet of the direction.
    pub offset: u64,
    /// The nine octets.
    pub head: FrameHead,
    /// The octets after them, as many as the head says. They share memory with what was pushed beside them.
    pub payload: Bytes,
}

impl Frame {
    /// Reads the payload by its type.
    ///
    /// # Errors
    /// As [`Payload::parse`].
    pub fn parse(&self) -> Result<Payload<'_>, FrameError> {
        Payload::parse(&self.head, &self.payload)
    }
}

/// A broken rule and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// Offset of the piece that breaks it.
    pub offset: u64,
    /// The rule.
    pub error: FrameError,
}

impl std::error::Error for ReadError {}

/// `offset 39: SETTINGS length must be a multiple of 6: 7 (RFC 9113 6.5)`
impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {}: {}", self.offset, self.error)
    }
}

#[derive(Clone, Copy, Debug)]
enum Expects {
    Preface,
    FirstSettings,
    Frame,
    Nothing(ReadError),
}

fn is_settings(head: &FrameHead) -> bool {
    head.kind == FrameType::Settings && !head.is_ack()
}

fn payload_len(head: &FrameHead) -> usize {
    usize::try_from(head.len).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\xff\xff";
    const SETTINGS_ACK: &[u8] = b"\0\0\0\x04\x01\0\0\0\0";
    const DATA: &[u8] = b"\0\0\x05\0\x01\0\0\0\x01hello";

    fn read_all(reader: &mut FrameReader) -> Result<Vec<Piece>, ReadError> {
        std::iter::from_fn(|| reader.next_piece().transpose()).collect()
    }

    /// Offset, type and payload length of each frame; the preface is left out.
    fn outline(pieces: &[Piece]) -> Vec<(u64, FrameType, usize)> {
        let frame = |piece: &Piece| match piece {
            Piece::Preface => None,
            Piece::Frame(frame) => Some((frame.offset, frame.head.kind, frame.payload.len())),
        };
        pieces.iter().filter_map(frame).collect()
    }

    #[test]
    fn bytes_cut_anywhere_give_the_same_pieces() {
        let bytes = [&PREFACE[..], SETTINGS, SETTINGS_ACK, DATA].concat();
        let expected = [(24, FrameType::Settings, 6), (39, FrameType::Settings, 0), (48, FrameType::Data, 5)];
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut reader = FrameReader::of_client();
                let mut pieces = Vec::new();
                for part in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    reader.push(part);
                    pieces.extend(read_all(&mut reader).unwrap());
                }
                assert_eq!(pieces.first(), Some(&Piece::Preface));
                assert_eq!(outline(&pieces), expected, "cut at {first} and {second}");
                assert_eq!((reader.offset(), reader.buffered(), reader.finish()), (62, 0, Ok(())));
            }
        }
    }

    #[test]
    fn a_server_begins_with_settings() {
        let mut reader = FrameReader::of_server();
        reader.push(SETTINGS);
        let pieces = read_all(&mut reader).unwrap();
        assert_eq!(outline(&pieces), [(0, FrameType::Settings, 6)]);
        let Some(Piece::Frame(frame)) = pieces.first() else { panic!("a frame") };
        assert!(matches!(frame.parse(), Ok(Payload::Settings(_))));
    }

    #[test]
    fn tells_at_once_what_is_no_preface() {
        for (bytes, at, found) in
            [(&b"GET"[..], 0, b'G'), (b"\x16\x03", 0, 0x16), (b"PRI * HTTP/1", 11, b'1')]
        {
            let mut reader = FrameReader::of_client();
            reader.push(bytes);
            let expected = ReadError { offset: 0, error: FrameError::Preface { at, found } };
            assert_eq!(reader.next_piece(), Err(expected));
        }
    }

    #[test]
    fn the_first_frame_must_be_settings() {
        for (bytes, kind) in [(DATA, FrameType::Data), (SETTINGS_ACK, FrameType::Settings)] {
            let mut reader = FrameReader::of_client();
            reader.push(PREFACE);
            reader.push(bytes);
            assert_eq!(reader.next_piece(), Ok(Some(Piece::Preface)));
            let expected = ReadError { offset: 24, error: FrameError::FirstFrame { kind } };
            assert_eq!(reader.next_piece(), Err(expected));

            let mut reader = FrameReader::of_frames();
            reader.push(bytes);
            assert!(matches!(reader.next_piece(), Ok(Some(Piece::Frame(_)))));
        }
    }

    #[test]
    fn refuses_a_large_frame_by_its_head() {
        let head = b"\0\x40\x01\0\0\0\0\0\x01";
        let mut reader = FrameReader::of_frames();
        reader.push(DATA);
        reader.push(head);
        assert!(reader.next_piece().is_ok());
        let error = FrameError::FrameTooLarge { kind: FrameType::Data, len: 16_385, max: 16_384 };
        assert_eq!(reader.next_piece(), Err(ReadError { offset: 14, error }));

        let mut reader = FrameReader::of_frames();
        reader.set_max_frame_size(16_385);
        reader.push(head);
        assert_eq!(reader.next_piece(), Ok(None));
    }

    #[test]
    fn the_largest_frame_is_one_that_the_rfc_allows() {
        for (asked, max) in [(0, 16_384), (20_000, 20_000), (u32::MAX, 0xff_ffff)] {
            let mut reader = FrameReader::of_frames();
            reader.set_max_frame_size(asked);
            assert_eq!(reader.max_frame_size, max);
        }
    }

    #[test]
    fn allocates_what_arrived_and_not_what_was_promised() {
        let mut reader = FrameReader::of_frames();
        reader.set_max_frame_size(u32::MAX);
        reader.push(b"\xff\xff\xff\0\0\0\0\0\x01");
        assert_eq!(reader.next_piece(), Ok(None));
        assert!(reader.buffer.capacity() < 1024);
    }

    #[test]
    fn after_an_error_nothing_is_kept() {
        let mut reader = FrameReader::of_client();
        reader.push(b"GET / HTTP/1.1");
        let error = reader.next_piece().unwrap_err();
        reader.push(PREFACE);
        assert_eq!((reader.next_piece(), reader.finish()), (Err(error), Err(error)));
        assert_eq!((reader.buffered(), reader.offset()), (0, 0));
        assert_eq!(error.to_string(), "offset 0: not the connection preface: 0x47 at octet 0 (RFC 9113 3.4)");
    }

    #[test]
    fn tells_how_much_is_missing_at_the_end() {
        let start = [&PREFACE[..], SETTINGS].concat();
        // (octets that arrive, offset of the piece that is cut, octets missing)
        let cases = [
            (start[..3].to_vec(), 0, 21),
            (start[..24 + 8].to_vec(), 24, 1),
            (start[..24 + 9].to_vec(), 24, 6),
            ([&start, &DATA[..4]].concat(), 39, 5),
            ([&start, &DATA[..12]].concat(), 39, 2),
        ];
        for (bytes, offset, missing) in cases {
            let mut reader = FrameReader::of_client();
            reader.push(&bytes);
            read_all(&mut reader).unwrap();
            let expected = ReadError { offset, error: FrameError::Truncated { missing } };
            assert_eq!(reader.finish(), Err(expected), "{} octets", bytes.len());
        }
    }
}
