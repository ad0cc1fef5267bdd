//! Work that takes much longer than most: large messages inflated, decoded or encoded within one poll.
//!
//! A connection hands its thread back after some rounds of small calls. A hundred messages of 4 MiB in those rounds would
//! hold the thread for half a second, so large ones are counted, by bytes instead of time: the clock is not read.

use std::cell::Cell;

thread_local! {
    static DONE: Cell<usize> = const { Cell::new(0) };
}

/// Takes note of so many bytes that were worked upon.
pub(crate) fn worked(bytes: usize) {
    DONE.set(DONE.get().saturating_add(bytes));
}

/// Lets others have their turn if it is time, between two pieces of work of one call. On a task of its own, where nobody
/// begins anew, it is always time once it was.
pub(crate) async fn breathe() {
    if is_enough() {
        tokio::task::yield_now().await;
    }
}

/// A connection begins to be polled on this thread.
pub(super) fn begin() {
    DONE.set(0);
}

/// Whether it is time for others.
pub(super) fn is_enough() -> bool {
    DONE.get() >= ENOUGH
}

// About a millisecond of inflating, less of copying.
const ENOUGH: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pieces_add_up_until_the_next_poll() {
        begin();
        for _ in 0..7 {
            worked(ENOUGH / 8);
        }
        assert!(!is_enough());
        worked(ENOUGH / 8);
        assert!(is_enough());
        begin();
        assert!(!is_enough());
    }
}
