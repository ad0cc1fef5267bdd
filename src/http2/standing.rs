//! **What a connection's frames say about its calls** (RFC 9113, sections 5.1.1, 6.5.3 and 6.8), as a client follows them.
//!
//! The gate shows the bytes that pass, each side's frame heads are followed, and what was learnt is kept where a call that
//! has lost its stream can ask: whether the server's SETTINGS hold, which streams were opened, above which one the server
//! has done nothing, how it ended the connection. h2 tells none of that. Nothing here decides; nothing is buffered but the
//! beginning of a GOAWAY.

use std::{
    io::IoSlice,
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicBool, AtomicU32, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
};

use super::heads::{FrameHeads, written};
use crate::frame::{ErrorCode, FrameType, PREFACE};

/// What is known of a connection; calls and the gate share it.
#[derive(Debug)]
pub(super) struct Standing {
    is_settled: AtomicBool,
    opened: AtomicU32,
    /// How many streams were opened.
    left: AtomicUsize,
    is_answered: AtomicBool,
    last: AtomicU32,
    goaway: OnceLock<Goaway>,
    is_goaway_heeded: AtomicBool,
}

/// How the server announced the end of the connection, where it named an error.
#[derive(Debug, PartialEq, Eq)]
struct Goaway {
    code: u32,
    /// The beginning of its Additional Debug Data.
    debug: Vec<u8>,
}

/// What became of a request whose stream ended before there was an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its HEADERS were never written.
    NeverLeft,
    /// The server said that it has done nothing about it.
    Refused,
    /// The server may have acted on it.
    Unknown,
}

impl Standing {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            is_settled: AtomicBool::new(false),
            opened: AtomicU32::new(0),
            left: AtomicUsize::new(0),
            is_answered: AtomicBool::new(false),
            last: AtomicU32::new(u32::MAX),
            goaway: OnceLock::new(),
            is_goaway_heeded: AtomicBool::new(false),
        })
    }

    /// Whether the server's first SETTINGS are applied: they were acknowledged, and h2 does both at once.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled.load(Relaxed)
    }

    /// How many streams have had their HEADERS written.
    pub(super) fn left(&self) -> usize {
        self.left.load(SeqCst)
    }

    /// Whether the server has announced the connection's end.
    pub(super) fn is_ending(&self) -> bool {
        self.last.load(Relaxed) != u32::MAX
    }

    /// Takes note of HEADERS; the connection's task alone does so.
    pub(super) fn open(&self, stream_id: u32) {
        if stream_id > self.opened.load(Relaxed) {
            self.opened.store(stream_id, Relaxed);
            self.left.fetch_add(1, SeqCst);
        }
    }

    /// Whether any stream was answered by HEADERS.
    #[cfg(any(feature = "client", test))]
    pub(super) fn is_answered(&self) -> bool {
        self.is_answered.load(Relaxed)
    }

    /// Whether the server ended the connection because of this client's PINGs (rule 45); true once, so that it is heeded
    /// once.
    pub(super) fn take_too_many_pings(&self) -> bool {
        let is_told = self.goaway.get().is_some_and(|goaway| {
            ErrorCode::from_number(goaway.code) == ErrorCode::EnhanceYourCalm
                && goaway.debug == TOO_MANY_PINGS
        });
        is_told && !self.is_goaway_heeded.swap(true, Relaxed)
    }

    /// What became of the request on this stream, which ended with RST_STREAM(`code`), or with the connection.
    pub(super) fn fate(&self, stream_id: u32, code: Option<u32>) -> Fate {
        if stream_id > self.opened.load(Relaxed) {
            Fate::NeverLeft
        } else if stream_id > self.last.load(Relaxed) || code == Some(REFUSED_STREAM) {
            Fate::Refused
        } else {
            Fate::Unknown
        }
    }
}

/// Follows both directions of a client's connection.
#[derive(Debug)]
pub(super) struct Follower {
    standing: Arc<Standing>,
    sent: FrameHeads,
    received: FrameHeads,
    /// The payload of a GOAWAY, as far as it is here.
    goaway: Option<Vec<u8>>,
}

impl Follower {
    pub(super) fn new(standing: Arc<Standing>) -> Self {
        let (sent, received) = (FrameHeads::behind(PREFACE.len()), FrameHeads::behind(0));
        Self { standing, sent, received, goaway: None }
    }

    /// Takes note of what h2 wrote: the first `count` bytes of `slices`.
    pub(super) fn sent(&mut self, slices: &[IoSlice<'_>], count: usize) {
        written(slices, count).for_each(|part| self.sent_part(part));
    }

    fn sent_part(&mut self, mut bytes: &[u8]) {
        while let Some(head) = self.sent.next(&mut bytes, |_| {}) {
            match head.kind {
                FrameType::Headers => self.standing.open(head.stream_id),
                FrameType::Settings if head.is_ack() => self.standing.is_settled.store(true, Relaxed),
                _ => {}
            }
        }
    }

    /// Takes note of what h2 is about to read.
    pub(super) fn received(&mut self, mut bytes: &[u8]) {
        loop {
            let goaway = &mut self.goaway;
            let head = self.received.next(&mut bytes, |payload| {
                if let Some(goaway) = goaway {
                    let room = GOAWAY_KEPT.saturating_sub(goaway.len()).min(payload.len());
                    goaway.extend_from_slice(payload.split_at(room).0);
                }
            });
            if self.received.payload_left() == 0 || head.is_some() {
                self.take_goaway();
            }
            match head.map(|head| head.kind) {
                Some(FrameType::Headers) => self.standing.is_answered.store(true, Relaxed),
                Some(FrameType::Goaway) => self.goaway = Some(Vec::new()),
                Some(_) => {}
                None => return,
            }
        }
    }

    fn take_goaway(&mut self) {
        let Some(payload) = self.goaway.take() else { return };
        let Some((fixed, debug)) = payload.split_first_chunk::<8>() else { return };
        let [id_3, id_2, id_1, id_0, code @ ..] = *fixed;
        self.standing.last.fetch_min(u32::from_be_bytes([id_3 & 0x7f, id_2, id_1, id_0]), Relaxed);
        let code = u32::from_be_bytes(code);
        if code != 0 {
            let _ = self.standing.goaway.set(Goaway { code, debug: debug.to_vec() });
        }
    }
}

const REFUSED_STREAM: u32 = ErrorCode::RefusedStream.number();

// The debug data of gRFC A8.
const TOO_MANY_PINGS: &[u8] = b"too_many_pings";

// The fixed fields of a GOAWAY and as much of its debug data as names a reason.
const GOAWAY_KEPT: usize = 8 + 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FrameHead;

    fn frame(kind: FrameType, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len()).unwrap();
        [&FrameHead { len, kind, flags, stream_id }.encode()[..], payload].concat()
    }

    fn headers(stream_id: u32) -> Vec<u8> {
        frame(FrameType::Headers, 4, stream_id, b"block")
    }

    fn goaway(last: u32, code: u32, debug: &[u8]) -> Vec<u8> {
        let payload = [&last.to_be_bytes()[..], &code.to_be_bytes(), debug].concat();
        frame(FrameType::Goaway, 0, 0, &payload)
    }

    /// What is known after these bytes, cut into pieces of every length.
    fn after(sent: &[u8], received: &[u8], check: impl Fn(&Standing)) {
        let sent = [&PREFACE[..], &frame(FrameType::Settings, 0, 0, b""), sent].concat();
        for cut in 1..40 {
            let standing = Standing::new();
            let mut follower = Follower::new(Arc::clone(&standing));
            sent.chunks(cut).for_each(|piece| follower.sent(&[IoSlice::new(piece)], piece.len()));
            received.chunks(cut).for_each(|piece| follower.received(piece));
            check(&standing);
        }
    }

    #[test]
    fn settings_hold_once_they_are_acknowledged() {
        after(b"", &frame(FrameType::Settings, 0, 0, b""), |standing| assert!(!standing.is_settled()));
        after(&frame(FrameType::Settings, 1, 0, b""), b"", |standing| assert!(standing.is_settled()));
    }

    // rule 76
    #[test]
    fn a_stream_above_those_opened_never_left() {
        after(&[headers(1), headers(3)].concat(), b"", |standing| {
            assert_eq!(standing.fate(3, None), Fate::Unknown);
            assert_eq!(standing.fate(5, None), Fate::NeverLeft);
        });
    }

    // rules 44 and 76
    #[test]
    fn a_stream_above_the_last_one_of_goaway_was_refused() {
        let opened = [headers(1), headers(3), headers(5)].concat();
        after(&opened, &goaway(i32::MAX as u32, 0, b""), |standing| {
            assert_eq!(standing.fate(5, None), Fate::Unknown);
        });
        let graceful = [goaway(i32::MAX as u32, 0, b""), headers(1), goaway(3, 0, b"max_age")].concat();
        after(&opened, &graceful, |standing| {
            assert_eq!(
                [1, 3, 5].map(|id| standing.fate(id, None)),
                [Fate::Unknown, Fate::Unknown, Fate::Refused]
            );
            assert!(standing.is_answered());
        });
    }

    // rule 76
    #[test]
    fn refused_stream_says_so_itself() {
        after(&headers(1), b"", |standing| {
            assert_eq!(standing.fate(1, Some(REFUSED_STREAM)), Fate::Refused);
            assert_eq!(standing.fate(1, Some(8)), Fate::Unknown);
        });
    }

    // rule 45
    #[test]
    fn too_many_pings_are_told_once() {
        let calm = ErrorCode::EnhanceYourCalm.number();
        after(b"", &goaway(0, calm, b"too_many_pings"), |standing| {
            assert_eq!([(); 2].map(|()| standing.take_too_many_pings()), [true, false]);
        });
        for (code, debug) in [(calm, &b"calm down"[..]), (0, b"too_many_pings"), (calm, &[b'x'; 1000])] {
            let received = [goaway(0, code, debug), headers(1)].concat();
            after(b"", &received, |standing| {
                assert!(!standing.take_too_many_pings() && standing.is_answered());
            });
        }
    }
}
