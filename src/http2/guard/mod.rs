//! What stands between the byte stream and h2, and judges by frame heads what h2 does not.
//!
//! Received frames are followed as their bytes pass, in the buffer where h2 will read them: DATA as it comes, a field
//! block (HEADERS to END_HEADERS) only when it is whole, and as many frames at a time as the [pace] has. What is
//! sent is followed too. A [`Cut`] ends the connection by a GOAWAY that says why. No I/O and no clock on the way of a
//! frame; the gate moves the bytes.
//!
//! A received frame goes through [receiving]: `pace`, then `budgets` and `strikes`, and for a field block `block`,
//! `unended` if it opens a stream, [authority] and `refit`. A sent one goes through [sending]. What is due by time is in
//! [deadlines], the defaults are in [config] and beside their rules, the numbers in [meters].
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

pub(super) mod authority;
mod block;
mod bucket;
mod budgets;
mod config;
mod cut;
mod deadlines;
mod drain;
mod meters;
mod originals;
mod pace;
mod presence;
mod receiving;
mod refit;
mod sending;
mod strikes;
#[cfg(test)]
mod tests;
mod unended;

use std::{
    hash::{BuildHasher, RandomState},
    mem,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use self::{
    authority::AuthorityCure, block::OpenBlock, budgets::Budgets, deadlines::Deadlines, drain::Drain,
    pace::Pace, presence::Presence, strikes::Strikes, unended::Unended,
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
use super::{Http2Config, heads::FrameHeads};
use crate::frame::PREFACE;

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
    outbound: FrameHeads,
    /// The last one that the client has opened.
    last_stream_id: u32,
    /// Streams whose end is not written yet.
    unended: Unended,
    budgets: Budgets,
    strikes: Strikes,
    deadlines: Deadlines,
    drain: Drain,
    /// What was sent has shown that the connection is to be cut.
    overdue: Option<Cut>,
    /// Whether something new is waited for, which may be due before all else.
    has_news: bool,
    /// Only the pace is kept.
    is_unguarded: bool,
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
        let is_idle_bounded = config.lifetime.max_idle < Duration::MAX;
        let presence = if is_idle_bounded { Presence::timed(now) } else { Presence::default() };
        Self {
            side,
            max_frame_size: usize::try_from(config.frame_size()).unwrap_or(usize::MAX),
            pace: Pace::new(),
            payload_left: received,
            block: OpenBlock::default(),
            cure: AuthorityCure::new(usize::try_from(config.header_table_size).unwrap_or(usize::MAX)),
            originals: Originals::default(),
            outbound: FrameHeads::behind(sent),
            last_stream_id: 0,
            unended: Unended::new(config.max_concurrent_streams),
            budgets: Budgets::new(side, now),
            strikes: Strikes::new(config.pings.clone()),
            deadlines: Deadlines::new(config.handshake.clone(), &config.lifetime, now, jitter()),
            drain: Drain::None,
            overdue: None,
            has_news: false,
            is_unguarded: config.is_unguarded,
            meters: Arc::new(Meters::of(presence)),
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

    /// Whether the next stream waits until the peer has taken ends of others.
    pub(super) fn waits_for_ends(&self) -> bool {
        self.unended.is_awaited()
    }

    /// Whether it waits no longer; true once.
    pub(super) fn take_ends(&mut self) -> bool {
        self.unended.take_progress()
    }

    /// Why the connection is to be cut after what was sent.
    pub(super) fn take_overdue(&mut self) -> Option<Cut> {
        self.overdue.take()
    }

    /// Takes note that the rest of what is held does not come at once.
    pub(super) fn waits(&mut self) {
        self.has_news |= self.side == Side::Server && self.deadlines.waits(Instant::now);
    }

    /// Takes note that the byte stream takes no more of what h2 has written.
    pub(super) fn sticks(&mut self) {
        self.has_news |= self.side == Side::Server && self.deadlines.sticks(Instant::now);
    }

    /// Takes note that the byte stream has taken something.
    pub(super) fn flows(&mut self) {
        self.deadlines.flows();
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
        let last_stream_id = if self.side == Side::Server { self.last_stream_id } else { 0 };
        cut.goaway(last_stream_id.min(self.drain.last_stream_id()))
    }
}

/// Somewhere between 0 and 1.
fn jitter() -> f64 {
    let random = RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}
