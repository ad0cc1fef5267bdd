//! Ping strikes (gRFC A8; rules 60 to 62), as grpc-go's server counts them.
//!
//! The first ping of a connection is free, and so is the first after HEADERS or DATA were sent, which wipes the strikes
//! out. So those who probe for bandwidth are never struck: they ping when data has come.

use std::time::Duration;

use tokio::time::Instant;

use super::{Cut, PingPolicy};

/// The pings of one client so far.
#[derive(Debug)]
pub(super) struct Strikes {
    policy: PingPolicy,
    last: Option<Instant>,
    count: u32,
    is_wiped: bool,
}

/// Whether the client has a call in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calls {
    None,
    Some,
}

impl Strikes {
    pub(super) fn new(policy: PingPolicy) -> Self {
        Self { policy, last: None, count: 0, is_wiped: false }
    }

    /// The server sent HEADERS or DATA.
    pub(super) fn wipe(&mut self) {
        self.is_wiped = true;
    }

    /// A ping has come; says whether it is a strike.
    ///
    /// # Errors
    /// It is one too many.
    pub(super) fn ping(&mut self, now: Instant, calls: Calls) -> Result<bool, Cut> {
        let last = self.last.replace(now);
        if std::mem::take(&mut self.is_wiped) {
            self.count = 0;
            return Ok(false);
        }
        let least = match calls {
            Calls::None if !self.policy.permit_without_calls => LEAST_WITHOUT_CALLS,
            _ => self.policy.min_time,
        };
        let is_strike = last.is_some_and(|last| now.saturating_duration_since(last) < least);
        if is_strike {
            self.count = self.count.saturating_add(1);
        }
        if is_strike && self.policy.max_strikes > 0 && self.count > self.policy.max_strikes {
            return Err(Cut::calm("too_many_pings"));
        }
        Ok(is_strike)
    }
}

// Without calls, and without leave to ping then (gRFC A8).
const LEAST_WITHOUT_CALLS: Duration = Duration::from_secs(2 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client does, after so many seconds.
    enum Step {
        Ping(u64, Calls, Option<bool>),
        Sent,
    }
    use Step::{Ping, Sent};

    fn follow(policy: PingPolicy, steps: &[Step]) {
        let mut now = Instant::now();
        let mut strikes = Strikes::new(policy);
        for (number, step) in steps.iter().enumerate() {
            match *step {
                Sent => strikes.wipe(),
                Ping(after, calls, expected) => {
                    now += Duration::from_secs(after);
                    assert_eq!(strikes.ping(now, calls).ok(), expected, "step {number}");
                }
            }
        }
    }

    #[test]
    fn rule_61_the_third_bad_ping_is_one_too_many() {
        for calls in [Calls::None, Calls::Some] {
            let (first, bad) = (Ping(0, calls, Some(false)), || Ping(1, calls, Some(true)));
            follow(PingPolicy::default(), &[first, bad(), bad(), Ping(1, calls, None)]);
        }
    }

    #[test]
    fn rule_60_five_minutes_suffice_with_a_call_and_two_hours_without() {
        let (calls, fine) = (Calls::Some, Some(false));
        follow(
            PingPolicy::default(),
            &[Ping(0, calls, fine), Ping(300, calls, fine), Ping(299, calls, Some(true))],
        );
        let calls = Calls::None;
        follow(
            PingPolicy::default(),
            &[Ping(0, calls, fine), Ping(7_200, calls, fine), Ping(300, calls, Some(true))],
        );
        let permitting = PingPolicy { permit_without_calls: true, ..PingPolicy::default() };
        follow(permitting, &[Ping(0, calls, fine), Ping(300, calls, fine)]);
    }

    #[test]
    fn rule_62_what_the_server_sends_wipes_strikes_out() {
        let ping = |expected| Ping(1, Calls::Some, Some(expected));
        let rounds: Vec<_> = (0..100).flat_map(|_| [Sent, ping(false), ping(true), ping(true)]).collect();
        follow(PingPolicy::default(), &rounds);
        // As with 161 pings that probe for bandwidth, each after data.
        let probing: Vec<_> = (0..161).flat_map(|_| [Sent, Ping(0, Calls::Some, Some(false))]).collect();
        follow(PingPolicy::default(), &probing);
    }

    #[test]
    fn zero_strikes_means_no_limit() {
        let policy = PingPolicy { max_strikes: 0, ..PingPolicy::default() };
        let pings: Vec<_> = (0..100).map(|number| Ping(0, Calls::None, Some(number > 0))).collect();
        follow(policy, &pings);
    }
}
