//! **Transparent retry** (gRFC A6): a request that the server has not seen is sent again, and counts as no attempt.
//!
//! One that never left is sent again as often as it takes; one that the server refused (REFUSED_STREAM, or a stream above
//! the last one of its GOAWAY), once (rule 76). Connections that come to nothing are spaced out: a server that accepts
//! and closes must not be connected to over and over.

use std::{mem, time::Duration};

use crate::{
    client::pauses,
    http2::{Fate, Trace},
};

/// What one call has been through before its answer.
#[derive(Debug)]
pub(super) struct Tries {
    patience: Patience,
    was_refused: bool,
    /// Connections on which nothing was ever answered, one after the other.
    fruitless: u32,
}

/// What a call does about a server that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// It fails with the first attempt (rule 68).
    Hasty,
    /// It waits until its deadline (doc/wait-for-ready.md).
    WaitForReady,
}

impl Tries {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, was_refused: false, fruitless: 0 }
    }

    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    /// Whether a request of this fate is sent again; the trace is of the stream or connection that is lost.
    pub(super) fn permit(&mut self, fate: Fate, trace: &Trace) -> bool {
        let last = match trace.is_connection_answered() {
            true => Connection::Answered,
            false => Connection::Fruitless,
        };
        self.permit_after(fate, last)
    }

    fn permit_after(&mut self, fate: Fate, connection: Connection) -> bool {
        let is_permitted = match fate {
            Fate::NeverLeft => true,
            Fate::Refused => !mem::replace(&mut self.was_refused, true),
            Fate::Unknown => false,
        };
        is_permitted && self.permit_connection(connection)
    }

    /// Whether there is to be another connection after this one.
    pub(super) fn permit_connection(&mut self, last: Connection) -> bool {
        self.fruitless = match last {
            Connection::Answered => 0,
            Connection::Fruitless => self.fruitless.saturating_add(1),
        };
        self.patience == Patience::WaitForReady || self.fruitless < ENOUGH
    }

    /// How long to wait before the next connection.
    pub(super) fn pause(&self) -> Duration {
        // The first loss is that of a server that made room for its successor.
        self.fruitless.checked_sub(2).map_or(Duration::ZERO, pauses::growing)
    }
}

/// What a connection that is lost had been good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// The server had answered some call.
    Answered,
    /// It never did, or it ended before there was a call.
    Fruitless,
}

// Within some 150 ms: a restart that drops what its listener held is over, a server that drops all has been asked enough.
const ENOUGH: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    use super::Connection::{Answered, Fruitless};

    // rule 76
    #[test]
    fn refused_once_and_never_left_without_end() {
        let mut tries = Tries::new(Patience::Hasty);
        for _ in 0..1000 {
            assert!(tries.permit_after(Fate::NeverLeft, Answered));
        }
        assert!(tries.permit_after(Fate::Refused, Answered));
        assert!(tries.permit_after(Fate::NeverLeft, Answered));
        assert!(!tries.permit_after(Fate::Refused, Answered));
        assert!(!Tries::new(Patience::WaitForReady).permit_after(Fate::Unknown, Answered));
    }

    #[test]
    fn connections_that_come_to_nothing_are_spaced_out_and_end_a_hasty_call() {
        let mut tries = Tries::new(Patience::Hasty);
        let mut pauses = vec![tries.pause()];
        while tries.permit_after(Fate::NeverLeft, Fruitless) {
            pauses.push(tries.pause());
        }
        assert_eq!(pauses[..2], [Duration::ZERO; 2]);
        assert!(pauses[2..].iter().all(|pause| *pause > Duration::from_millis(10)), "{pauses:?}");
        assert!(pauses.iter().sum::<Duration>() < Duration::from_millis(400), "{pauses:?}");
        assert!(tries.permit_after(Fate::NeverLeft, Answered) && tries.pause().is_zero());
    }

    #[test]
    fn a_call_that_waits_for_its_server_goes_on() {
        let mut tries = Tries::new(Patience::WaitForReady);
        assert!((0..1000).all(|_| tries.permit_after(Fate::NeverLeft, Fruitless)));
        assert!(tries.pause() > Duration::from_millis(700));
    }
}
