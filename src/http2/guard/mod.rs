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
mod cut;
mod meters;
mod originals;
mod outbound;
mod pace;
#[cfg(test)]
mod tests;

use std::{io::IoSlice, sync::Arc};

use bytes::Bytes;

pub use self::meters::{Flow, Meters};
use self::{
    authority::AuthorityCure,
    block::{Front, OpenBlock, fragment, fragments},
    outbound::Outbound,
    pace::Pace,
};
pub(super) use self::{cut::Cut, originals::Originals};
use super::Http2Config;
use crate::frame::{FrameHead, FrameType, PREFACE};

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
            meters: Arc::default(),
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
        self.meters.received.bytes.add(admitted);
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
        if matches!(head.kind, FrameType::Headers | FrameType::PushPromise) {
            return self.admit_block(head, bytes);
        }
        self.judge(head)?;
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
                self.pace.payload(len);
                if self.side == Side::Server
                    && let Some(whole) = bytes.get_mut(..len)
                    && let Some(authority) = self.cure_block(whole, frames)
                {
                    self.originals.put(head.stream_id, authority);
                }
                Ok(Some(len))
            }
        }
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
        match head.kind {
            FrameType::Headers if head.stream_id > self.last_stream_id => {
                self.last_stream_id = head.stream_id;
                self.meters.streams.add(1);
            }
            FrameType::RstStream => self.meters.cancels.add(1),
            _ => {}
        }
        Ok(())
    }

    /// Follows what h2 wrote: the first `count` bytes of `slices`.
    pub(super) fn sent(&mut self, slices: &[IoSlice<'_>], count: usize) {
        let Self { outbound, meters, .. } = self;
        meters.sent.bytes.add(count);
        let mut left = count;
        for slice in slices {
            let part = slice.get(..left.min(slice.len())).unwrap_or_default();
            left -= part.len();
            outbound.follow(part, |head| meters.sent.frame(head.kind));
        }
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
