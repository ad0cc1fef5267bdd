//! What must have happened by when, and what happens if it has not.
//!
//! The frames leave marks here as they pass, without a look at the clock where that is not needed. A watcher beside the
//! connection asks what is due, and when to ask again; it is woken in between only when something new is to be waited
//! for that may be due before.

use std::{mem, time::Duration};

use tokio::time::Instant;

use super::{Cut, HandshakeDeadlines, Lifetime};
use crate::frame::ErrorCode;

/// The marks of one server's connection.
#[derive(Debug)]
pub(super) struct Deadlines {
    handshake: HandshakeDeadlines,
    max_idle: Duration,
    grace: Duration,
    start: Instant,
    /// When the connection is old, or its grace over.
    end: Option<Instant>,
    stage: Stage,
    has_settings: bool,
    has_ack: bool,
    /// Since when something that is not whole waits for its rest.
    held: Option<Instant>,
    /// Since when the byte stream takes nothing of what is to be written; kept a while after it has taken something.
    stuck: Option<Instant>,
    is_stuck: bool,
    /// When h2 asked by a PING whether the client has seen the first GOAWAY of a drain.
    pinged: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    Draining,
    Closed,
}

/// What is to be done with the connection now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http2) enum Due {
    /// End it by GOAWAY.
    Cut(Cut),
    /// Let it end with its calls; the text is debug data.
    Drain(&'static str),
    /// Close it whatever is in flight.
    Close,
    /// Go on with the drain as if the PING had been answered.
    Acknowledge,
}

impl Deadlines {
    /// `jitter` is between 0 and 1 and spreads the age by a tenth either way.
    pub(super) fn new(
        handshake: HandshakeDeadlines,
        lifetime: &Lifetime,
        start: Instant,
        jitter: f64,
    ) -> Self {
        let age = lifetime.max_age.as_secs_f64() * (0.9 + 0.2 * jitter);
        Self {
            handshake,
            max_idle: lifetime.max_idle,
            grace: lifetime.max_age_grace,
            start,
            end: Duration::try_from_secs_f64(age).ok().and_then(|age| start.checked_add(age)),
            stage: Stage::Serving,
            has_settings: false,
            has_ack: false,
            held: None,
            stuck: None,
            is_stuck: false,
            pinged: None,
        }
    }

    /// SETTINGS have come.
    pub(super) fn settings(&mut self) {
        self.has_settings = true;
    }

    /// The acknowledgement of this side's SETTINGS has come.
    pub(super) fn settings_ack(&mut self) {
        self.has_ack = true;
    }

    /// What was held has become whole, or has grown by something that has.
    pub(super) fn moved(&mut self) {
        self.held = None;
    }

    /// The rest of something does not come at once; says whether that is news.
    pub(super) fn waits(&mut self, now: impl Fn() -> Instant) -> bool {
        let is_news = self.held.is_none();
        if is_news {
            self.held = Some(now());
        }
        is_news
    }

    /// The byte stream takes no more of what is to be written; says whether that is news. Where it was so a little while ago
    /// the watcher looks soon enough, so that a peer who is merely slower than this side costs no wakes.
    pub(super) fn sticks(&mut self, now: impl Fn() -> Instant) -> bool {
        if mem::replace(&mut self.is_stuck, true) {
            return false;
        }
        self.stuck.replace(now()).is_none()
    }

    /// The byte stream has taken something.
    pub(super) fn flows(&mut self) {
        self.is_stuck = false;
    }

    /// The PING of a drain was sent, or the GOAWAY that follows its answer.
    pub(super) fn drain_pinged(&mut self, at: Option<Instant>) {
        self.pinged = at;
    }

    /// What is due now. `idle` is since when there is no call.
    pub(super) fn due(&mut self, now: Instant, idle: Option<Instant>) -> Option<Due> {
        let is_over = |from: Option<Instant>, len| {
            from.and_then(|from| from.checked_add(len)).is_some_and(|at| at <= now)
        };
        let handshake = &self.handshake;
        let start = Some(self.start);
        if self.stage == Stage::Closed {
            return None;
        }
        let cut = if !self.has_settings && is_over(start, handshake.settings) {
            Cut { code: ErrorCode::SettingsTimeout, debug: "no_settings" }
        } else if !self.has_ack && is_over(start, handshake.settings_ack) {
            Cut { code: ErrorCode::SettingsTimeout, debug: "no_settings_ack" }
        } else if is_over(self.held, handshake.field_block) {
            Cut::calm("field_block_too_slow")
        } else if self.is_stuck && is_over(self.stuck, WRITE_PATIENCE) {
            Cut::calm("nothing_is_read")
        } else {
            self.stuck = self.stuck.filter(|_| self.is_stuck || !is_over(self.stuck, WRITE_PATIENCE));
            return self.due_of_life(now, idle, is_over);
        };
        self.stage = Stage::Closed;
        Some(Due::Cut(cut))
    }

    fn due_of_life(
        &mut self,
        now: Instant,
        idle: Option<Instant>,
        is_over: impl Fn(Option<Instant>, Duration) -> bool,
    ) -> Option<Due> {
        let is_old = self.end.is_some_and(|end| end <= now);
        if is_over(self.pinged, DRAIN_PATIENCE) {
            self.pinged = None;
            return Some(Due::Acknowledge);
        }
        if self.stage == Stage::Draining {
            if !is_old {
                return None;
            }
            self.stage = Stage::Closed;
            return Some(Due::Close);
        }
        let debug = if is_old {
            "max_age"
        } else if is_over(idle, self.max_idle) {
            "max_idle"
        } else {
            return None;
        };
        self.stage = Stage::Draining;
        self.end = now.checked_add(self.grace);
        Some(Due::Drain(debug))
    }

    /// When something may be due next.
    pub(super) fn next(&self, now: Instant, idle: Option<Instant>) -> Option<Instant> {
        if self.stage == Stage::Closed {
            return None;
        }
        let settings = if self.has_settings { None } else { self.start.checked_add(self.handshake.settings) };
        let ack = if self.has_ack { None } else { self.start.checked_add(self.handshake.settings_ack) };
        let held = self.held.and_then(|since| since.checked_add(self.handshake.field_block));
        let pinged = self.pinged.and_then(|since| since.checked_add(DRAIN_PATIENCE));
        let stuck = self.stuck.and_then(|since| since.checked_add(WRITE_PATIENCE));
        let is_serving = self.stage == Stage::Serving;
        // With a call in flight it cannot be idle before it has been for so long from now on.
        let idle = if is_serving { idle.unwrap_or(now).checked_add(self.max_idle) } else { None };
        [settings, ack, held, pinged, stuck, idle, self.end].into_iter().flatten().min()
    }
}

// grpc-go waits as long for the answer to the PING of a drain (rule 44).
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);

// As long as a call may have bytes ready of which none is taken.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lifetime: &Lifetime) -> (Deadlines, impl Fn(u64) -> Instant + use<>) {
        let start = Instant::now();
        let deadlines = Deadlines::new(HandshakeDeadlines::default(), lifetime, start, 0.5);
        (deadlines, move |seconds| start + Duration::from_secs(seconds))
    }

    #[test]
    fn who_reads_nothing_has_half_a_minute() {
        let (mut deadlines, at) = after(&Lifetime::default());
        deadlines.settings();
        deadlines.settings_ack();
        assert!(deadlines.sticks(|| at(100)));
        assert!(!deadlines.sticks(|| at(110)));
        assert_eq!((deadlines.due(at(129), None), deadlines.next(at(129), None)), (None, Some(at(130))));
        // What is taken makes it begin anew, without news.
        deadlines.flows();
        assert!(!deadlines.sticks(|| at(129)));
        assert_eq!((deadlines.due(at(158), None), deadlines.next(at(158), None)), (None, Some(at(159))));
        assert_eq!(deadlines.due(at(159), None), Some(Due::Cut(Cut::calm("nothing_is_read"))));
    }

    #[test]
    fn who_has_read_all_is_not_watched() {
        let (mut deadlines, at) = after(&Lifetime::default());
        deadlines.settings();
        deadlines.settings_ack();
        let unwatched = deadlines.next(at(0), Some(at(0)));
        assert!(deadlines.sticks(|| at(100)));
        deadlines.flows();
        assert_eq!(deadlines.due(at(130), None), None);
        assert_eq!(deadlines.next(at(130), Some(at(0))), unwatched);
        assert!(deadlines.sticks(|| at(140)));
    }

    #[test]
    fn first_words_have_their_time() {
        let (mut silent, at) = after(&Lifetime::default());
        assert_eq!((silent.due(at(9), None), silent.next(at(9), None)), (None, Some(at(10))));
        let code = ErrorCode::SettingsTimeout;
        assert_eq!(silent.due(at(10), None), Some(Due::Cut(Cut { code, debug: "no_settings" })));
        assert_eq!((silent.due(at(99), None), silent.next(at(99), None)), (None, None));

        let (mut deaf, at) = after(&Lifetime::default());
        deaf.settings();
        assert_eq!((deaf.due(at(19), None), deaf.next(at(19), None)), (None, Some(at(20))));
        assert_eq!(deaf.due(at(20), None), Some(Due::Cut(Cut { code, debug: "no_settings_ack" })));

        let (mut polite, at) = after(&Lifetime::default());
        polite.settings();
        polite.settings_ack();
        assert_eq!((polite.due(at(99_999), Some(at(0))), polite.next(at(99_999), None)), (None, None));
    }

    #[test]
    fn a_block_has_its_time_from_its_beginning() {
        let (mut deadlines, at) = after(&Lifetime::default());
        deadlines.settings();
        deadlines.settings_ack();
        assert!(deadlines.waits(|| at(100)));
        assert!(!deadlines.waits(|| at(105)));
        assert_eq!((deadlines.due(at(109), None), deadlines.next(at(109), None)), (None, Some(at(110))));
        deadlines.moved();
        assert_eq!((deadlines.due(at(110), None), deadlines.next(at(110), None)), (None, None));
        deadlines.waits(|| at(200));
        assert_eq!(deadlines.due(at(210), None), Some(Due::Cut(Cut::calm("field_block_too_slow"))));
    }

    #[test]
    fn rule_64_age_drains_and_its_grace_closes() {
        let seconds = Duration::from_secs;
        let lifetime = Lifetime { max_age: seconds(100), max_age_grace: seconds(30), ..Lifetime::default() };
        let (mut deadlines, at) = after(&lifetime);
        deadlines.settings();
        deadlines.settings_ack();
        assert_eq!((deadlines.due(at(99), None), deadlines.next(at(99), None)), (None, Some(at(100))));
        assert_eq!(deadlines.due(at(100), None), Some(Due::Drain("max_age")));
        assert_eq!((deadlines.due(at(129), None), deadlines.next(at(129), None)), (None, Some(at(130))));
        assert_eq!(deadlines.due(at(130), None), Some(Due::Close));
        assert_eq!(deadlines.next(at(130), None), None);
        for (jitter, expected) in [(0.0, 90), (1.0, 110)] {
            let spread = Deadlines::new(HandshakeDeadlines::default(), &lifetime, at(0), jitter);
            assert_eq!(spread.end.map(|end| (end - at(0)).as_secs_f64().round()), Some(f64::from(expected)));
        }
    }

    #[test]
    fn rule_64_idle_is_time_without_a_call() {
        let lifetime = Lifetime { max_idle: Duration::from_secs(50), ..Lifetime::default() };
        let (mut deadlines, at) = after(&lifetime);
        deadlines.settings();
        deadlines.settings_ack();
        assert_eq!((deadlines.due(at(60), None), deadlines.next(at(60), None)), (None, Some(at(110))));
        assert_eq!(deadlines.next(at(80), Some(at(70))), Some(at(120)));
        assert_eq!(deadlines.due(at(119), Some(at(70))), None);
        assert_eq!(deadlines.due(at(120), Some(at(70))), Some(Due::Drain("max_idle")));
    }

    #[test]
    fn rule_44_a_drain_waits_five_seconds_for_its_ping() {
        let (mut deadlines, at) = after(&Lifetime::default());
        deadlines.settings();
        deadlines.settings_ack();
        deadlines.drain_pinged(Some(at(10)));
        assert_eq!((deadlines.due(at(14), None), deadlines.next(at(14), None)), (None, Some(at(15))));
        assert_eq!(deadlines.due(at(15), None), Some(Due::Acknowledge));
        assert_eq!(deadlines.due(at(99), None), None);
    }
}
