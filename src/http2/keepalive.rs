//! **Keepalive** (doc/keepalive.md, gRFC A8): a PING where nothing was heard for a while, and the end of the connection
//! where nothing follows it.
//!
//! Whatever is received shows that the peer lives (rule 58), so a busy connection sends no PING. The silence is looked at
//! every quarter of its time, which costs nothing per frame: the PING comes after `time`, at most a quarter later, and
//! never sooner, so that a peer that counts pings finds no fault. There is no socket option here (rule 65).

use std::{
    io,
    task::{Context, Waker},
    time::Duration,
};

use tokio::time::Instant;

use super::guard::Meters;

/// When a connection asks whether its peer still lives.
///
/// ```
/// use std::time::Duration;
/// use wirepath::http2::KeepAlive;
///
/// let keepalive = KeepAlive::after(Duration::from_secs(30)).timeout(Duration::from_secs(5)).without_calls();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    time: Duration,
    timeout: Duration,
    idle: Idle,
}

/// What is done about a connection without calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idle {
    Left,
    Asked,
}

impl KeepAlive {
    /// A PING once nothing was received for `time`, while there are calls.
    pub fn after(time: Duration) -> Self {
        Self { time: time.min(FOREVER), timeout: TIMEOUT, idle: Idle::Left }
    }

    /// How long after the PING the peer may be silent; 20 seconds unless said otherwise. Then the connection is closed.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: timeout.min(FOREVER), ..self }
    }

    /// Asks also while there are no calls. A client should know that its server permits that: one in its default
    /// settings answers the third such PING within two hours by GOAWAY.
    pub fn without_calls(self) -> Self {
        Self { idle: Idle::Asked, ..self }
    }

    /// With at least this time between two PINGs.
    #[cfg(feature = "client")]
    pub(crate) fn at_least(self, floor: Duration) -> Self {
        Self { time: self.time.max(floor), ..self }
    }

    /// With twice the time, as a client's that was told `too_many_pings` (rule 45).
    #[cfg(feature = "client")]
    pub(crate) fn doubled(self) -> Self {
        Self { time: self.time.saturating_mul(2).min(FOREVER), ..self }
    }

    /// Keeps watch until the peer does not answer, however long that takes, and says so.
    pub(super) async fn outlived(self, mut pings: h2::PingPong, meters: &Meters) -> io::Error {
        let mut vigil = Vigil::new(self, Instant::now());
        loop {
            match vigil.step(Instant::now(), meters.received().bytes(), meters.open_calls()) {
                Step::Wait(until) => tokio::time::sleep_until(until).await,
                Step::Ping => ping(&mut pings),
                Step::Close => break,
            }
        }
        let text = format!("keepalive: the peer did not answer a PING within {:?}", self.timeout);
        io::Error::new(io::ErrorKind::TimedOut, text)
    }

    /// After two hours, as a server asks whether or not there are calls (rule 63).
    #[cfg(feature = "server")]
    pub(crate) fn of_server() -> Self {
        Self::after(SERVER_TIME).without_calls()
    }
}

/// What keepalive knows of one connection.
#[derive(Debug)]
struct Vigil {
    keepalive: KeepAlive,
    /// How much had been received when it was last looked at.
    received: u64,
    heard: Instant,
    asked: Option<Instant>,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing, until this instant.
    Wait(Instant),
    /// Send a PING, and look again.
    Ping,
    /// Close: the peer is gone.
    Close,
}

impl Vigil {
    fn new(keepalive: KeepAlive, now: Instant) -> Self {
        Self { keepalive, received: 0, heard: now, asked: None }
    }

    /// What to do at `now`, with so much received so far and so many calls on the connection.
    fn step(&mut self, now: Instant, received: u64, calls: usize) -> Step {
        let KeepAlive { time, timeout, idle } = self.keepalive;
        if received != self.received {
            (self.received, self.heard, self.asked) = (received, now, None);
        }
        if let Some(asked) = self.asked {
            let end = asked + timeout;
            return if now < end { Step::Wait(end) } else { Step::Close };
        }
        if now < self.heard + time || (calls == 0 && idle == Idle::Left) {
            return Step::Wait(now + time / 4);
        }
        self.asked = Some(now);
        Step::Ping
    }
}

/// Sends a PING. Where an earlier one still has no answer, other frames came since, and that answer will do as well.
fn ping(pings: &mut h2::PingPong) {
    // h2 sends the next one only after the answer to the last one was taken.
    let _ = pings.poll_pong(&mut Context::from_waker(Waker::noop()));
    let _ = pings.send_ping(h2::Ping::opaque());
}

// Rule 58.
const TIMEOUT: Duration = Duration::from_secs(20);

// Rule 63.
#[cfg(feature = "server")]
const SERVER_TIME: Duration = Duration::from_secs(2 * 60 * 60);

// What every clock can hold.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// What is done when all waits are kept: at which second, and what; `received` and `calls` by the second.
    fn steps(
        keepalive: KeepAlive,
        until: u64,
        received: impl Fn(u64) -> u64,
        calls: impl Fn(u64) -> usize,
    ) -> Vec<(u64, Step)> {
        let start = Instant::now();
        let (mut vigil, mut now, mut done) = (Vigil::new(keepalive, start), start, Vec::new());
        loop {
            let second = (now - start).as_secs();
            if second > until {
                return done;
            }
            match vigil.step(now, received(second), calls(second)) {
                Step::Wait(next) => {
                    assert!(next > now, "no busy loop");
                    now = next;
                }
                Step::Ping => done.push((second, Step::Ping)),
                Step::Close => {
                    done.push((second, Step::Close));
                    return done;
                }
            }
        }
    }

    // rules 58 and 59
    #[test]
    fn silence_is_asked_about_and_then_ends_the_connection() {
        let keepalive = KeepAlive::after(secs(40));
        assert_eq!(steps(keepalive, 1000, |_| 0, |_| 1), [(40, Step::Ping), (60, Step::Close)]);
        let keepalive = keepalive.timeout(secs(3));
        assert_eq!(steps(keepalive, 1000, |_| 0, |_| 1), [(40, Step::Ping), (43, Step::Close)]);
    }

    // rule 58
    #[test]
    fn whatever_is_received_is_life() {
        let keepalive = KeepAlive::after(secs(40));
        assert_eq!(steps(keepalive, 1000, |second| second / 30, |_| 1), []);
        // An answer at second 50 of each minute and a half: asked again after 40 seconds of silence, not before.
        let done = steps(keepalive, 119, |second| (second + 40) / 90, |_| 1);
        assert_eq!(done, [(40, Step::Ping), (100, Step::Ping)]);
    }

    // rule 58
    #[test]
    fn without_calls_a_client_does_not_ask() {
        let keepalive = KeepAlive::after(secs(40));
        assert_eq!(steps(keepalive, 1000, |_| 0, |_| 0), []);
        let calls = |second| usize::from(second >= 100);
        assert_eq!(steps(keepalive, 1000, |_| 0, calls), [(100, Step::Ping), (120, Step::Close)]);
    }

    // rule 63
    #[test]
    fn a_server_asks_after_two_hours_whether_or_not_there_are_calls() {
        let done = steps(KeepAlive::of_server(), 10_000, |_| 0, |_| 0);
        assert_eq!(done, [(7200, Step::Ping), (7220, Step::Close)]);
    }

    // rule 45
    #[test]
    fn doubling_ends_at_what_a_clock_can_hold() {
        let doubled = KeepAlive::after(secs(10)).doubled();
        assert_eq!(doubled, KeepAlive::after(secs(20)));
        let never = KeepAlive::after(Duration::MAX).timeout(Duration::MAX).without_calls();
        assert_eq!(never.doubled(), never);
        assert_eq!(steps(never, 1000, |_| 0, |_| 1), []);
    }
}
