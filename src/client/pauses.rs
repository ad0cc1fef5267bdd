//! How long a client waits between two attempts to connect (doc/connection-backoff.md, for a server on the same machine).
//!
//! A process on the same machine is back within milliseconds, and an attempt in vain costs microseconds. So the 1 s that
//! the document begins with is 20 ms here, and a socket file that is absent or refuses is tried at a steady rate for as
//! long as a call waits for it: calls are back within 20 ms of the bind, also after a long outage.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    time::Duration,
};

/// Why an attempt failed, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nobody listens: the server has not started yet, or has ended.
    Absent,
    /// The server let the connection go before it said its SETTINGS, as one does that is about to end.
    Dropped,
    /// The server lives, but its backlog is full.
    Full,
    /// This client may not connect, or no server can be there: no later attempt will do better.
    Final,
    /// Anything else.
    Other,
}

impl Cause {
    pub(super) fn of(error: &io::Error) -> Self {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotFound,
            PermissionDenied, UnexpectedEof, WouldBlock,
        };
        match error.kind() {
            NotFound | ConnectionRefused => Cause::Absent,
            UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe => Cause::Dropped,
            WouldBlock => Cause::Full,
            PermissionDenied | InvalidInput => Cause::Final,
            _ => Cause::Other,
        }
    }
}

/// Before the next attempt at a local socket at which nobody listens, for so long now.
pub(super) fn absent(outage: Duration) -> Duration {
    jittered(if outage < EARLY { EARLY_PAUSE } else { LATE_PAUSE })
}

/// Before the next attempt after so many that failed otherwise.
pub(super) fn growing(failures: u32) -> Duration {
    let exponent = i32::try_from(failures).unwrap_or(i32::MAX).min(64);
    jittered(FIRST_PAUSE.mul_f32(GROWTH.powi(exponent).min(LONGEST_PAUSE_FACTOR)))
}

/// Before the next attempt at a backlog that was full so often.
pub(super) fn full(failures: u32) -> Duration {
    jittered(FULL_PAUSE * (1 << failures.min(5)))
}

/// Give or take a fifth, so that clients that failed together do not come back together.
fn jittered(pause: Duration) -> Duration {
    // Seeded anew each time.
    let random = RandomState::new().hash_one(0_u8);
    pause.mul_f32(0.8 + 0.4 * (random >> 48) as f32 / 65_536.0)
}

// Early in an outage most servers come back: 1,000 attempts in 10 s cost some milliseconds of processor time.
const EARLY: Duration = Duration::from_secs(10);
const EARLY_PAUSE: Duration = Duration::from_millis(10);
const LATE_PAUSE: Duration = Duration::from_millis(15);

// The growth is that of doc/connection-backoff.md.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const GROWTH: f32 = 1.6;
const LONGEST_PAUSE_FACTOR: f32 = 50.0;

// A backlog of thousands empties within tens of milliseconds.
const FULL_PAUSE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn an_absent_server_is_found_within_20_ms() {
        for _ in 0..100 {
            assert!((millis(8)..=millis(13)).contains(&absent(Duration::ZERO)));
            assert!((millis(12)..=millis(18)).contains(&absent(Duration::from_secs(3600))));
        }
    }

    // rule 66
    #[test]
    fn other_pauses_grow_by_1_6_to_1_s_give_or_take_a_fifth() {
        for (failures, expected) in [(0, 20), (1, 32), (2, 51), (5, 209), (9, 1000), (1000, 1000)] {
            let pause = growing(failures);
            let expected = millis(expected);
            assert!(
                pause > expected.mul_f32(0.79) && pause < expected.mul_f32(1.21),
                "{failures}: {pause:?}"
            );
        }
    }

    #[test]
    fn clients_that_failed_together_do_not_come_back_together() {
        let pauses: std::collections::HashSet<_> = (0..100).map(|_| full(5)).collect();
        assert!(pauses.len() > 50, "{}", pauses.len());
        assert!(pauses.iter().all(|pause| *pause < millis(40)));
    }

    #[test]
    fn what_failed_says_whether_to_try_again() {
        use io::ErrorKind as Kind;
        for (kind, cause) in [
            (Kind::NotFound, Cause::Absent),
            (Kind::ConnectionRefused, Cause::Absent),
            (Kind::WouldBlock, Cause::Full),
            (Kind::PermissionDenied, Cause::Final),
            (Kind::ConnectionReset, Cause::Dropped),
            (Kind::UnexpectedEof, Cause::Dropped),
            (Kind::InvalidData, Cause::Other),
            (Kind::TimedOut, Cause::Other),
        ] {
            assert_eq!(Cause::of(&kind.into()), cause, "{kind:?}");
        }
    }
}
