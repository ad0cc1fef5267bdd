//! What stands between the byte stream and h2, and judges by frame heads what h2 does not.
//!
//! Received frames are followed as their bytes pass, in the buffer where h2 will read them: DATA as it comes, a field
//! block (HEADERS to END_HEADERS) only when it is whole, and as many frames at a time as the [pace](pace) has. What is
//! sent is followed too. A [`Cut`] ends the connection by a GOAWAY that says why. No I/O and no clock on the way of a
//! frame; the gate moves the bytes.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions
    )
)]

mod authority;
mod block;
mod bucket;
mod budgets;
mod config;
mod cut;
mod deadlines;
mod drain;
mod meters;
mod originals;
mod outbound;
mod pace;
mod presence;
mod skim;
mod strikes;
#[cfg(test)]
mod tests;

use std::{
    hash::{BuildHasher, RandomState},
    io::IoSlice,
    mem,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use self::{
    authority::AuthorityCure,
    block::{Front, OpenBlock, fragment, fragments},
    budgets::Budgets,
    deadlines::Deadlines,
    drain::Drain,
    outbound::Outbound,
    pace::Pace,
    skim::representations,
    strikes::{Calls, Strikes},
};
pub use self::{
    config::{HandshakeDeadlines, Lifetime, PingPolicy},
    meters::{Flow, Meters},
};
pub(super) use self::{
    cut::{Cut, goaway},
    deadlines::Due,
    originals::Originals,
    presence::OpenCall,
};
use super::Http2Config;
use crate::frame::{ErrorCode, FrameHead, FrameType, PREFACE};

/// Follows one connection, both directions.
#[derive(Debug)]
pub(super) struct Guard {
    side: Side,
    max_frame_size: usize,
    pace: Pace,
    /// What is left of a payload, or of the preface, that passes as it comes.
    payload_left: usize,
    block: OpenBlock,
    cure: AuthorityCure,
    originals: Originals,
    outbound: Outbound,
    last_stream_id: u32,
    budgets: Budgets,
    strikes: Strikes,
    deadlines: Deadlines,
    drain: Drain,
    /// What was sent has shown that the connection is to be cut.
    overdue: Option<Cut>,
    /// Whether something new is waited for, which may be due before all else.
    has_news: bool,
    is_off: bool,
    meters: Arc<Meters>,
}

/// Which side of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

impl Guard {
    pub(super) fn new(side: Side, config: &Http2Config) -> Self {
        let (received, sent) = match side {
            Side::Server => (PREFACE.len(), 0),
            Side::Client => (0, PREFACE.len()),
        };
        let now = Instant::now();
        Self {
            side,
            max_frame_size: config.max_frame_size(),
            pace: Pace::new(),
            payload_left: received,
            block: OpenBlock::default(),
            cure: AuthorityCure::default(),
            originals: Originals::default(),
            outbound: Outbound::new(sent),
            last_stream_id: 0,
            budgets: Budgets::new(side, now),
            strikes: Strikes::new(config.pings.clone()),
            deadlines: Deadlines::new(config.handshake.clone(), &config.lifetime, now, jitter()),
            drain: Drain::None,
            overdue: None,
            has_news: false,
            is_off: config.is_unguarded,
            meters: Arc::new(Meters::new(now, config.lifetime.max_idle < Duration::MAX)),
        }
    }

    /// The counts of this connection.
    pub(super) fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// The authorities that were cured.
    pub(super) fn originals(&self) -> &Originals {
        &self.originals
    }

    /// Begins a new round of reading.
    pub(super) fn refill(&mut self) {
        self.pace.refill();
    }

    /// Whether the next frame waits for the next round.
    pub(super) fn is_paused(&self) -> bool {
        self.payload_left == 0 && self.pace.is_over()
    }

    /// How many of these bytes, which follow on those admitted before, h2 may have now. The rest comes again at the
    /// front of the next call: the beginning of a head or of a field block, or what belongs to the next round.
    ///
    /// # Errors
    /// The connection is to be ended.
    pub(super) fn admit(&mut self, bytes: &mut [u8]) -> Result<usize, Cut> {
        let mut admitted = 0;
        while let Some(rest) = bytes.get_mut(admitted..)
            && let Some(count) = self.admit_next(rest)?
        {
            admitted += count;
        }
        if admitted > 0 {
            self.deadlines.moved();
            self.meters.received.bytes.add(admitted);
        }
        Ok(admitted)
    }

    /// How many bytes at the front are the next thing that can be admitted: payload, a head, a block.
    fn admit_next(&mut self, bytes: &mut [u8]) -> Result<Option<usize>, Cut> {
        if self.payload_left > 0 {
            let count = self.payload_left.min(bytes.len());
            self.payload_left -= count;
            self.pace.payload(count);
            return Ok((count > 0).then_some(count));
        }
        if self.pace.is_over() {
            return Ok(None);
        }
        let Some(head) = bytes.first_chunk().map(FrameHead::parse) else { return Ok(None) };
        if self.is_off {
            self.pace.frame();
        } else if matches!(head.kind, FrameType::Headers | FrameType::PushPromise) {
            return self.admit_block(head, bytes);
        } else {
            self.judge(head)?;
            blank_out(head, bytes);
        }
        self.payload_left = usize::try_from(head.len).unwrap_or(usize::MAX);
        Ok(Some(FrameHead::LEN))
    }

    fn admit_block(&mut self, head: FrameHead, bytes: &mut [u8]) -> Result<Option<usize>, Cut> {
        match self.block.look(bytes, self.max_frame_size)? {
            Front::Partial => Ok(None),
            Front::Broken { len } => {
                // h2 ends the connection when it sees this, whatever follows.
                self.payload_left = usize::MAX;
                Ok(Some(len))
            }
            Front::Whole { len, frames } => {
                self.judge(head)?;
                for _ in 1..frames {
                    self.judge(FrameHead { len: 0, kind: FrameType::Continuation, flags: 0, ..head })?;
                }
                // An octet of a block can stand for a whole field.
                self.pace.payload(len.saturating_mul(BLOCK_WEIGHT));
                if self.side == Side::Server
                    && let Some(whole) = bytes.get_mut(..len)
                {
                    self.price_fields(whole, frames)?;
                    if let Some(authority) = self.cure_block(whole, frames) {
                        self.originals.put(head.stream_id, authority);
                    }
                }
                Ok(Some(len))
            }
        }
    }

    /// Prices the fields of a block that may hold more than most.
    fn price_fields(&mut self, bytes: &mut [u8], frames: usize) -> Result<(), Cut> {
        if bytes.len() <= FEW_FIELDS {
            return Ok(());
        }
        let count = match frames {
            1 => fragment(bytes).map_or(0, |block| representations(block)),
            _ => fragments(bytes).map_or(0, |fragments| representations(&fragments.concat())),
        };
        self.budgets.fields(count.saturating_sub(FEW_FIELDS), Instant::now)
    }

    /// Has the field block in these frames cured where it stands. Gives the authority that really came, if it was.
    fn cure_block(&mut self, bytes: &mut [u8], frames: usize) -> Option<Bytes> {
        if frames == 1 {
            return self.cure.cure(fragment(bytes)?);
        }
        let fragments = fragments(bytes)?;
        let mut joined = fragments.concat();
        let authority = self.cure.cure(&mut joined)?;
        let mut cured = &joined[..];
        for fragment in fragments {
            let (part, rest) = cured.split_at_checked(fragment.len())?;
            fragment.copy_from_slice(part);
            cured = rest;
        }
        Some(authority)
    }

    /// Judges a frame that was received, before h2 sees it.
    fn judge(&mut self, head: FrameHead) -> Result<(), Cut> {
        self.pace.frame();
        self.meters.received.frame(head.kind);
        self.budgets.received(&head, Instant::now)?;
        match head.kind {
            FrameType::Headers if head.stream_id > self.last_stream_id => {
                self.last_stream_id = head.stream_id;
                self.meters.streams.add(1);
            }
            FrameType::RstStream => self.meters.cancels.add(1),
            FrameType::Settings => self.deadlines.settings(head.is_ack()),
            FrameType::Ping if self.side == Side::Server && !head.is_ack() => {
                let calls = if self.meters.open_calls() == 0 { Calls::None } else { Calls::Some };
                if self.strikes.ping(Instant::now(), calls)? {
                    self.meters.strikes.add(1);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Follows what h2 wrote: the first `count` bytes of `slices`.
    pub(super) fn sent(&mut self, slices: &[IoSlice<'_>], count: usize) {
        if self.is_off {
            return;
        }
        let Self { outbound, meters, side, budgets, strikes, deadlines, drain, overdue, has_news, .. } = self;
        meters.sent.bytes.add(count);
        let mut left = count;
        for slice in slices {
            let part = slice.get(..left.min(slice.len())).unwrap_or_default();
            left -= part.len();
            outbound.follow(part, |head, rest| {
                meters.sent.frame(head.kind);
                match head.kind {
                    FrameType::Data | FrameType::Headers => {
                        strikes.wipe();
                        budgets.sent(head.kind);
                    }
                    FrameType::RstStream if *side == Side::Server && is_for_an_error(rest) => {
                        *overdue = budgets.stream_error(Instant::now).err().or(*overdue);
                    }
                    FrameType::Goaway | FrameType::Ping if *side == Side::Server && !head.is_ack() => {
                        let next = drain.after(head.kind, rest);
                        if mem::replace(drain, next) != next {
                            let is_pinged = matches!(next, Drain::Pinged(_));
                            deadlines.drain_pinged(is_pinged.then(Instant::now));
                            *has_news |= is_pinged;
                        }
                    }
                    _ => {}
                }
            });
        }
    }

    /// Why the connection is to be cut after what was sent.
    pub(super) fn take_overdue(&mut self) -> Option<Cut> {
        self.overdue.take()
    }

    /// Takes note that the rest of what is held does not come at once.
    pub(super) fn waits(&mut self) {
        self.has_news |= self.side == Side::Server && self.deadlines.waits(Instant::now);
    }

    /// Whether [`Guard::next_due`] may be earlier than it was.
    pub(super) fn take_news(&mut self) -> bool {
        mem::take(&mut self.has_news)
    }

    /// Whether h2 has begun to drain.
    pub(super) fn is_draining(&self) -> bool {
        self.drain != Drain::None
    }

    /// What is due now.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        self.deadlines.due(now, self.meters.presence.idle())
    }

    /// When something may be due.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        self.deadlines.next(now, self.meters.presence.idle())
    }

    /// The answer to a drain's PING, if h2 still waits for it and a frame may stand here among those received.
    pub(super) fn acknowledgement(&mut self) -> Option<Vec<u8>> {
        if self.payload_left == 0 { self.drain.acknowledgement() } else { None }
    }

    /// How many bytes at least belong to the frame that h2 is writing; 0 between two frames.
    pub(super) fn unfinished(&self) -> usize {
        self.outbound.unfinished()
    }

    /// The GOAWAY of a cut.
    pub(super) fn goaway(&self, cut: &Cut) -> Vec<u8> {
        // The peer of a client opens no streams.
        cut.goaway(if self.side == Side::Server { self.last_stream_id } else { 0 })
    }
}

/// Makes an empty DATA frame one that h2 ignores: it forgives a hundred in the life of a connection, whatever the peer's
/// reason.
fn blank_out(head: FrameHead, bytes: &mut [u8]) {
    if head.kind == FrameType::Data
        && head.len == 0
        && !head.is_end_stream()
        && let Some(kind) = bytes.get_mut(3)
    {
        *kind = IGNORED;
    }
}

/// Whether a RST_STREAM with this payload says that the peer broke a rule. One whose code is not there yet counts.
fn is_for_an_error(payload: &[u8]) -> bool {
    let code = payload.first_chunk().map(|code| ErrorCode::from_number(u32::from_be_bytes(*code)));
    !matches!(code, Some(ErrorCode::NoError | ErrorCode::Cancel | ErrorCode::InternalError))
}

/// Somewhere between 0 and 1.
fn jitter() -> f64 {
    let random = RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

// A call of gRPC has some ten fields and little metadata: up to here they are free. No fewer octets hold more fields.
const FEW_FIELDS: usize = 64;

// Decoding takes some ten times as long for an octet as handing DATA on.
const BLOCK_WEIGHT: usize = 16;

// A type that nobody defined, which a receiver ignores (RFC 9113, section 5.5).
const IGNORED: u8 = 0xfb;
