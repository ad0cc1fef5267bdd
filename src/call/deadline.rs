//! **Deadline**: the instant at which a call is given up, here.
//!
//! On the wire it is a [`Timeout`], a duration; each side turns that into an instant of its own clock. A deadline that
//! passes ends the call with DEADLINE_EXCEEDED on this side and RST_STREAM(CANCEL) on the wire (rules 41 and 42).

use std::{future::Future, pin::Pin, time::Duration};

use tokio::time::Instant;

use crate::wire::{Code, Origin, Status, Timeout};

/// An instant on this machine's monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The instant `timeout` from now; a timeout beyond what the clock can hold is 30 years.
    pub fn after(timeout: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(timeout).unwrap_or_else(|| now + FAR_FUTURE))
    }

    /// The time left; zero once it has passed.
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn is_past(&self) -> bool {
        self.remaining().is_zero()
    }

    /// What the peer is told.
    pub fn to_timeout(&self) -> Timeout {
        Timeout::from_duration(self.remaining())
    }

    /// The earlier of two, where absent means never.
    pub(crate) fn earlier(a: Option<Deadline>, b: Option<Deadline>) -> Option<Deadline> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Runs `future` until the deadline, if there is one.
    pub(crate) async fn bound<T>(
        deadline: Option<Deadline>,
        future: Pin<&mut impl Future<Output = Result<T, Status>>>,
    ) -> Result<T, Status> {
        let Some(deadline) = deadline else { return future.await };
        match tokio::time::timeout_at(deadline.0, future).await {
            // A reset that the server's own deadline caused may arrive before this side's timer fires. A status that
            // the server sent is no such thing, though it may be read late.
            Ok(Err(status)) if is_reset(&status) && deadline.is_past() => Err(Deadline::exceeded()),
            Ok(result) => result,
            Err(_) => Err(Deadline::exceeded()),
        }
    }

    /// Runs `future`, but gives it up at the deadline, if there is one.
    #[cfg(feature = "server")]
    pub(crate) async fn unless_passed<T>(
        deadline: Option<Deadline>,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline.0, future).await.ok(),
            None => Some(future.await),
        }
    }

    /// Waits for it.
    pub(crate) async fn passed(self) {
        tokio::time::sleep_until(self.0).await;
    }

    /// The status of a call that is given up.
    pub(crate) fn exceeded() -> Status {
        Status::deadline_exceeded("the deadline has passed")
    }
}

fn is_reset(status: &Status) -> bool {
    status.code() == Code::Cancelled && status.origin() == Origin::Local
}

const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[test]
    fn the_longest_timeout_does_not_overflow_the_clock() {
        assert!(Deadline::after(Duration::MAX).remaining() > Duration::from_secs(1_000_000));
    }

    #[test]
    fn the_earlier_of_two_deadlines_counts() {
        let (soon, late) = (Deadline::after(Duration::from_secs(1)), Deadline::after(Duration::from_secs(2)));
        assert_eq!(Deadline::earlier(Some(late), Some(soon)), Some(soon));
        assert_eq!(Deadline::earlier(None, Some(late)), Some(late));
        assert_eq!(Deadline::earlier(None, None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_future_that_outlives_its_deadline_is_given_up() {
        let deadline = Some(Deadline::after(Duration::from_millis(5)));
        let status = Deadline::bound::<()>(deadline, pin!(std::future::pending())).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }

    /// Rule 41.
    #[tokio::test(start_paused = true)]
    async fn a_cancel_that_arrives_after_the_deadline_is_the_deadline() {
        let deadline = Deadline::after(Duration::from_millis(5));
        let late = async {
            tokio::time::advance(Duration::from_millis(6)).await;
            Err::<(), _>(Status::cancelled("reset"))
        };
        let status = Deadline::bound(Some(deadline), pin!(late)).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }
}
