//! Work that takes much longer than most: large messages inflated, decoded or encoded within one poll.
//!
//! A connection hands its thread back after some rounds of small calls. A hundred messages of 4 MiB in those rounds would
//! hold the thread for half a second, and so would a hundred thousand empty ones, so they are counted, by bytes instead of
//! time: the clock is not read.

use std::cell::Cell;

thread_local! {
    static DONE: Cell<usize> = const { Cell::new(0) };
    static IS_ROUND: Cell<bool> = const { Cell::new(false) };
}

/// Takes note of so many bytes that were worked upon.
pub(crate) fn worked(bytes: usize) {
    DONE.set(DONE.get().saturating_add(bytes));
}

/// Takes note of a message, however small.
pub(crate) fn worked_on_message() {
    worked(OF_MESSAGE);
}

/// Takes note of a stream that is opened.
pub(super) fn worked_on_stream() {
    worked(OF_STREAM);
}

/// Lets others have their turn if it is time, between two pieces of work of one call.
pub(crate) async fn breathe() {
    if is_time_for_others() {
        if !IS_ROUND.get() {
            // A task of its own, for which nobody begins anew.
            DONE.set(0);
        }
        tokio::task::yield_now().await;
    }
}

/// A connection is polled on this thread, until this is dropped.
pub(super) struct Round(());

impl Round {
    pub(super) fn begin() -> Self {
        DONE.set(0);
        IS_ROUND.set(true);
        Self(())
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        IS_ROUND.set(false);
    }
}

/// Whether it is time for others.
pub(crate) fn is_time_for_others() -> bool {
    DONE.get() >= ENOUGH
}

// About a quarter of a millisecond of inflating, less of copying.
const ENOUGH: usize = 1 << 18;

// What a call costs, whatever becomes of it.
const OF_STREAM: usize = 8 * 1024;

// What a message costs beside its bytes, by the same measure: five hundred in a row are as much.
const OF_MESSAGE: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pieces_add_up_until_the_next_poll() {
        let round = Round::begin();
        for _ in 0..7 {
            worked(ENOUGH / 8);
        }
        assert!(!is_time_for_others());
        worked(ENOUGH / 8);
        assert!(is_time_for_others());
        drop(round);
        let _round = Round::begin();
        assert!(!is_time_for_others());
    }

    #[tokio::test]
    async fn within_a_round_it_stays_time_for_others_and_beside_one_it_was_enough_to_yield_once() {
        let round = Round::begin();
        worked(ENOUGH);
        breathe().await;
        assert!(is_time_for_others());
        drop(round);
        breathe().await;
        assert!(!is_time_for_others());
    }
}
