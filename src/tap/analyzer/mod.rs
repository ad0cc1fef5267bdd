//! Bytes of both directions of one connection in, events out: pure, no clock, no I/O.
//!
//! What one direction says changes how the other is read: SETTINGS_MAX_FRAME_SIZE and SETTINGS_HEADER_TABLE_SIZE are the
//! receiver's. Memory is bounded whatever the peers do: frames by the receiver's limit, header blocks, open calls and the
//! bytes of unfinished messages by limits of its own. Nothing a peer sends makes it panic.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::blocks::Blocks;
use super::call::Call;
use super::event::{Broken, CallRecord, Event, EventKind, HeaderBlock};
use super::half::{Half, Piece, PieceKind};
use super::messages::Budget;
use super::record::Direction;
use crate::frame::{Frame, FrameError, Payload, SettingId, Settings};

/// Reads one connection; see the [module](super).
#[derive(Debug)]
pub struct Analyzer {
    client: Side,
    server: Side,
    calls: HashMap<u32, Call>,
    calls_begun: u64,
    budget: Budget,
}

/// What one end sends.
#[derive(Debug)]
struct Side {
    half: Half,
    blocks: Blocks,
}

impl Analyzer {
    /// Reads a connection from its first byte on.
    pub fn new() -> Self {
        Analyzer {
            client: Side::new(Direction::ClientToServer),
            server: Side::new(Direction::ServerToClient),
            calls: HashMap::new(),
            calls_begun: 0,
            budget: Budget::new(MESSAGE_BUDGET),
        }
    }

    /// Takes the next bytes of a direction, cut anywhere; gives what they complete.
    ///
    /// The directions may be pushed in any order that keeps causes before effects; that of a
    /// [`Recording`](super::Recording) does.
    pub fn push(&mut self, direction: Direction, bytes: &[u8], at: Duration) -> Vec<Event> {
        let mut seen = Seen { at, direction, offset: 0, events: Vec::new() };
        self.side(direction).half.push(bytes);
        while let Some(piece) = self.side(direction).half.next() {
            self.piece(piece, &mut seen);
        }
        seen.events
    }

    /// No more bytes will come in this direction; tells of one that ends within a frame.
    pub fn finish(&mut self, direction: Direction, at: Duration) -> Vec<Event> {
        let mut seen = Seen { at, direction, offset: 0, events: Vec::new() };
        if let Some(piece) = self.side(direction).half.finish() {
            self.piece(piece, &mut seen);
        }
        seen.events
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ClientToServer => &mut self.client,
            Direction::ServerToClient => &mut self.server,
        }
    }

    fn piece(&mut self, piece: Piece, seen: &mut Seen) {
        seen.offset = piece.offset;
        match piece.kind {
            PieceKind::Preface => seen.event(EventKind::Preface),
            PieceKind::Garbage(garbage) => seen.event(EventKind::Garbage(garbage)),
            PieceKind::Broken(error) => seen.event(EventKind::Broken(Broken::Frame(error))),
            PieceKind::Frame(frame) => {
                seen.event(EventKind::Frame(frame.clone()));
                if let Err(error) = self.frame(&frame, seen) {
                    // An error of one stream leaves frames and HPACK in step; one of the connection does not.
                    if error.stream_id().is_none() {
                        self.side(seen.direction).half.stop();
                    }
                    seen.event(EventKind::Broken(Broken::Frame(error)));
                }
            }
        }
    }

    fn frame(&mut self, frame: &Frame, seen: &mut Seen) -> Result<(), FrameError> {
        let payload = frame.parse()?;
        if let Some(block) = self.side(seen.direction).blocks.push(frame, &payload)? {
            seen.event(EventKind::HeaderBlock(block.clone()));
            self.header_block(&block, seen);
        }
        let stream_id = frame.head.stream_id;
        match payload {
            Payload::Settings(settings) => self.settings(&settings, seen.direction),
            Payload::SettingsAck => self.side(seen.direction).blocks.sender_acknowledged(),
            Payload::Data { data, .. } => {
                let data = frame.payload.slice_ref(data);
                self.data(stream_id, data, frame.head.is_end_stream(), seen);
            }
            Payload::RstStream { code } => {
                self.with_call(stream_id, seen, |call, _, emit| {
                    call.reset(code, emit);
                    Ok(())
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// What the sender of these settings allows the other end.
    fn settings(&mut self, settings: &Settings<'_>, direction: Direction) {
        let other = self.side(direction.reverse());
        other.blocks.receiver_set(settings);
        if let Some(len) = settings.get(SettingId::MaxFrameSize) {
            other.half.allow_frames_of(len);
        }
    }

    fn header_block(&mut self, block: &HeaderBlock, seen: &mut Seen) {
        let direction = seen.direction;
        let is_new = direction == Direction::ClientToServer && !self.calls.contains_key(&block.stream_id);
        if is_new
            && self.calls.len() < MAX_OPEN_CALLS
            && let Some(call) = Call::begin(self.calls_begun.saturating_add(1), block)
        {
            self.calls_begun = self.calls_begun.saturating_add(1);
            self.calls.insert(block.stream_id, call);
        }
        self.with_call(block.stream_id, seen, |call, _, emit| {
            call.headers(direction, block, emit);
            Ok(())
        });
    }

    fn data(&mut self, stream_id: u32, data: Bytes, end_stream: bool, seen: &mut Seen) {
        let direction = seen.direction;
        self.with_call(stream_id, seen, |call, budget, emit| {
            let read = call.data(direction, data, budget, emit);
            if end_stream {
                call.end(direction, emit);
            }
            read
        });
    }

    /// Moves the stream's call on, if it is one, and forgets it when it is over or no longer readable.
    fn with_call(
        &mut self,
        stream_id: u32,
        seen: &mut Seen,
        advance: impl FnOnce(&mut Call, &mut Budget, &mut Vec<CallRecord>) -> Result<(), u8>,
    ) {
        let Some(call) = self.calls.get_mut(&stream_id) else { return };
        let mut records = Vec::new();
        let advanced = advance(call, &mut self.budget, &mut records);
        if call.is_over() || advanced.is_err() {
            call.release(&mut self.budget);
            self.calls.remove(&stream_id);
        }
        records.into_iter().for_each(|record| seen.event(EventKind::Call(record)));
        if let Err(flag) = advanced {
            seen.event(EventKind::Broken(Broken::CompressedFlag { stream_id, flag }));
        }
    }
}

impl Default for Analyzer {
    fn default() -> Self {
        Analyzer::new()
    }
}

impl Side {
    fn new(direction: Direction) -> Self {
        Side { half: Half::new(direction), blocks: Blocks::new() }
    }
}

/// The events of one push, and what is common to those of one piece.
struct Seen {
    at: Duration,
    direction: Direction,
    offset: u64,
    events: Vec<Event>,
}

impl Seen {
    fn event(&mut self, kind: EventKind) {
        self.events.push(Event { at: self.at, direction: self.direction, offset: self.offset, kind });
    }
}

/// Calls that are followed at a time; the frames of further ones are still shown.
const MAX_OPEN_CALLS: usize = 4096;

/// Bytes of all unfinished messages of a connection together.
const MESSAGE_BUDGET: usize = 16 << 20;

#[cfg(test)]
mod tests;
