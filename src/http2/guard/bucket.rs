//! Something a peer may do, so much at once and so much a second.

use std::time::Duration;

use tokio::time::Instant;

/// What a bucket holds when it is full, and what a second adds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    pub(super) at_once: u32,
    pub(super) a_second: u32,
}

/// What is left of an allowance. The clock is read only when it is used up.
#[derive(Debug)]
pub(super) struct Bucket {
    allowance: Allowance,
    left: u32,
    filled: Instant,
}

impl Bucket {
    pub(super) fn new(allowance: Allowance, now: Instant) -> Self {
        Self { allowance, left: allowance.at_once, filled: now }
    }

    /// Takes one; says whether there was one.
    pub(super) fn take(&mut self, now: impl Fn() -> Instant) -> bool {
        self.take_all(1, now)
    }

    /// Takes so many, or what is left of them; says whether there were as many.
    pub(super) fn take_all(&mut self, count: u32, now: impl Fn() -> Instant) -> bool {
        if self.left < count {
            self.fill(now());
        }
        let had = self.left >= count;
        self.left = self.left.saturating_sub(count);
        had
    }

    /// Gives some back, for something that makes more of it legitimate about now.
    pub(super) fn earn(&mut self, count: u32) {
        let filled = self.left.saturating_add(count).min(self.allowance.at_once);
        self.left = self.left.max(filled);
    }

    /// Gives some back beyond the brim, for something that makes as many legitimate whenever they come.
    pub(super) fn owe(&mut self, count: u32) {
        self.left = self.left.saturating_add(count);
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).min(LONG);
        let due = passed.as_micros().saturating_mul(u128::from(self.allowance.a_second)) / MICROS;
        if due > 0 {
            self.earn(u32::try_from(due).unwrap_or(u32::MAX));
            self.filled = now;
        }
    }
}

// Fills every bucket.
const LONG: Duration = Duration::from_secs(3600);

const MICROS: u128 = 1_000_000;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const FEW: Allowance = Allowance { at_once: 10, a_second: 5 };

    fn taken(bucket: &mut Bucket, now: Instant) -> u32 {
        let mut count = 0;
        while bucket.take(|| now) {
            count += 1;
        }
        count
    }

    #[test]
    fn a_bucket_fills_with_time_and_not_beyond_its_brim() {
        let start = Instant::now();
        let mut bucket = Bucket::new(FEW, start);
        for (millis, expected) in
            [(0, 10), (100, 0), (200, 1), (300, 0), (1_200, 5), (60_000, 10), (60_001, 0)]
        {
            assert_eq!(taken(&mut bucket, start + Duration::from_millis(millis)), expected, "{millis} ms");
        }
    }

    #[test]
    fn the_clock_is_read_only_when_nothing_is_left() {
        let start = Instant::now();
        let reads = Cell::new(0);
        let mut bucket = Bucket::new(FEW, start);
        let now = || {
            reads.set(reads.get() + 1);
            start
        };
        assert!((0..10).all(|_| bucket.take(now)));
        assert_eq!(reads.get(), 0);
        assert!(!bucket.take(now));
        assert_eq!(reads.get(), 1);
    }

    #[test]
    fn what_is_earned_is_bounded_too() {
        let start = Instant::now();
        let mut bucket = Bucket::new(FEW, start);
        taken(&mut bucket, start);
        bucket.earn(3);
        assert_eq!(taken(&mut bucket, start), 3);
        bucket.earn(u32::MAX);
        assert_eq!(taken(&mut bucket, start), 10);
    }

    #[test]
    fn what_is_owed_is_kept_beyond_the_brim() {
        let start = Instant::now();
        let mut bucket = Bucket::new(FEW, start);
        bucket.owe(30);
        bucket.earn(5);
        assert_eq!(taken(&mut bucket, start), 40);
        bucket.owe(30);
        assert!(!bucket.take_all(31, || start + Duration::from_secs(60)), "time fills to the brim alone");
        bucket.owe(u32::MAX);
        bucket.owe(u32::MAX);
        assert!(bucket.take_all(u32::MAX, || start));
    }
}
