//! What has passed over a connection, in numbers that can be read while it runs.
//!
//! Each number has one writer, the guard, and any reader: a reader may see one number a moment before another.

use std::sync::atomic::{AtomicU64, Ordering};

use super::presence::Presence;
use crate::frame::FrameType;

/// The counts of one connection since it began.
#[derive(Debug, Default)]
pub struct Meters {
    pub(super) received: Flow,
    pub(super) sent: Flow,
    pub(super) streams: Count,
    pub(super) cancels: Count,
    pub(super) strikes: Count,
    pub(super) presence: Presence,
}

impl Meters {
    pub(super) fn of(presence: Presence) -> Self {
        Self { presence, ..Self::default() }
    }

    /// What came from the peer.
    pub fn received(&self) -> &Flow {
        &self.received
    }

    /// What went to the peer.
    pub fn sent(&self) -> &Flow {
        &self.sent
    }

    /// Streams that the client has opened, those that were refused among them.
    pub fn streams(&self) -> u64 {
        self.streams.value()
    }

    /// Calls in flight: opened by a client or accepted by a server, and not yet over.
    pub fn open_calls(&self) -> usize {
        self.presence.open()
    }

    /// Calls that a client has opened or a server accepted, in all.
    pub(in crate::http2) fn opened_calls(&self) -> usize {
        self.presence.opened()
    }

    /// RST_STREAM frames that came: calls that the peer gave up.
    pub fn cancels(&self) -> u64 {
        self.cancels.value()
    }

    /// Pings that came sooner than a server allows (gRFC A8).
    pub fn strikes(&self) -> u64 {
        self.strikes.value()
    }
}

/// The counts of one direction.
#[derive(Debug, Default)]
pub struct Flow {
    pub(super) bytes: Count,
    frames: [Count; KINDS],
}

impl Flow {
    /// Bytes of HTTP/2 in all, the preface and frame heads among them.
    pub fn bytes(&self) -> u64 {
        self.bytes.value()
    }

    /// Frames of a type; all unknown types count as one.
    pub fn frames(&self, kind: FrameType) -> u64 {
        self.frames.get(index(kind)).map_or(0, Count::value)
    }

    pub(super) fn frame(&self, kind: FrameType) {
        if let Some(count) = self.frames.get(index(kind)) {
            count.add(1);
        }
    }
}

/// One number; only one thread at a time may add.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, count: usize) {
        // Two plain moves: an atomic addition would cost the connection more than the rest of the guard.
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn index(kind: FrameType) -> usize {
    usize::from(kind.number()).min(KINDS - 1)
}

// RFC 9113 defines ten types; one more for all others.
const KINDS: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_a_count_and_all_unknown_ones_share_one() {
        let flow = Flow::default();
        for number in 0..=u8::MAX {
            flow.frame(FrameType::from_number(number));
        }
        for number in 0..10 {
            assert_eq!(flow.frames(FrameType::from_number(number)), 1);
        }
        assert_eq!(flow.frames(FrameType::Unknown(0x99)), 246);
    }
}
