//! Streams that a client has opened and whose end is not written yet.
//!
//! h2 counts a stream no more once its answer is queued, and an answer without DATA is queued without end where the client
//! does not read. So a client that has many more ends to take than streams it may have at a time gets no further stream
//! until it has taken some. What ends a stream on either side may count twice, never less than once.

/// How many there are.
#[derive(Debug)]
pub(super) struct Unended {
    count: usize,
    max: usize,
    /// Whether the next stream waits.
    is_awaited: bool,
}

impl Unended {
    pub(super) fn new(max_concurrent_streams: u32) -> Self {
        let streams = usize::try_from(max_concurrent_streams).unwrap_or(usize::MAX);
        Self { count: 0, max: streams.saturating_add(QUEUED_MAX), is_awaited: false }
    }

    /// A stream is about to be opened; says whether it may.
    pub(super) fn open(&mut self) -> bool {
        self.is_awaited = self.count >= self.max;
        if !self.is_awaited {
            self.count += 1;
        }
        !self.is_awaited
    }

    /// A stream has ended for the client.
    pub(super) fn end(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.is_awaited
    }

    /// Whether a stream that waited may be opened now; true once.
    pub(super) fn take_progress(&mut self) -> bool {
        let may_open = self.is_awaited && self.count < self.max;
        if may_open {
            self.is_awaited = false;
        }
        may_open
    }
}

// Beside the streams that a client may have at a time. Whoever reads has fewer to take; of 16 KiB each, which is a large
// header list, they are 4 MiB.
const QUEUED_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_waits_for_an_end_and_is_told_once() {
        let mut unended = Unended::new(100);
        assert!((0..356).all(|_| unended.open()));
        assert!(!unended.take_progress());
        assert!(!unended.open() && !unended.open() && unended.is_awaited());
        assert!(!unended.take_progress());
        unended.end();
        assert!(unended.take_progress() && !unended.take_progress());
        assert!(unended.open() && !unended.open());
    }

    #[test]
    fn ends_that_count_twice_save_nothing_up() {
        let mut unended = Unended::new(0);
        (0..1_000).for_each(|_| unended.end());
        assert_eq!((0..1_000).filter(|_| unended.open()).count(), QUEUED_MAX);
    }
}
