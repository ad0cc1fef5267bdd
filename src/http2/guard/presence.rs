//! Which connections have a call in flight, and since when those that have none are idle.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::Meters;

/// The calls in flight on one connection, from any thread.
pub(super) struct Presence {
    /// Calls that began, and those that are over.
    opened: AtomicUsize,
    over: AtomicUsize,
    start: Instant,
    /// Whether anybody asks since when it is idle: else the clock is not read.
    is_timed: bool,
    /// Milliseconds after the start.
    idle_since: AtomicU64,
}

impl Presence {
    /// That of a connection of which somebody asks since when it is idle.
    pub(super) fn timed(start: Instant) -> Self {
        Self { start, is_timed: true, ..Self::default() }
    }

    pub(super) fn open(&self) -> usize {
        // In this order, because a call begins before it is over.
        let over = self.over.load(Ordering::Acquire);
        self.opened().wrapping_sub(over)
    }

    /// How many calls began.
    pub(super) fn opened(&self) -> usize {
        self.opened.load(Ordering::Acquire)
    }

    /// Since when there is no call.
    pub(super) fn idle(&self) -> Option<Instant> {
        let since = Duration::from_millis(self.idle_since.load(Ordering::Acquire));
        if self.open() > 0 { None } else { self.start.checked_add(since) }
    }

    fn leave(&self) {
        if self.is_timed && self.open() == 1 {
            let since = self.start.elapsed().as_millis();
            self.idle_since.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Release);
        }
        self.over.fetch_add(1, Ordering::AcqRel);
    }
}

impl Default for Presence {
    fn default() -> Self {
        let count = || AtomicUsize::new(0);
        let (opened, over, idle_since) = (count(), count(), AtomicU64::new(0));
        Self { opened, over, start: Instant::now(), is_timed: false, idle_since }
    }
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").field("open", &self.open()).finish_non_exhaustive()
    }
}

/// A call that counts as in flight until this is dropped.
#[derive(Debug)]
pub(in crate::http2) struct OpenCall {
    meters: Arc<Meters>,
}

impl OpenCall {
    pub(in crate::http2) fn new(meters: Arc<Meters>) -> Self {
        meters.presence.opened.fetch_add(1, Ordering::Relaxed);
        Self { meters }
    }

    pub(in crate::http2) fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.meters.presence.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn idle_is_since_the_last_call_ended() {
        let start = Instant::now();
        let meters = Arc::new(Meters::of(Presence::timed(start)));
        assert_eq!(meters.presence.idle(), Some(start));
        let first = OpenCall::new(Arc::clone(&meters));
        let second = OpenCall::new(Arc::clone(&meters));
        assert_eq!((meters.open_calls(), meters.presence.idle()), (2, None));
        drop(first);
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(meters.presence.idle(), None);
        drop(second);
        assert_eq!(meters.presence.idle(), Some(start + Duration::from_secs(7)));
    }
}
