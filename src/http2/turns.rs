//! Who opens the next stream of a connection, while many that were opened before have not left.
//!
//! h2 takes every stream, and keeps those whose HEADERS cannot go out yet: the socket is full, the peer's
//! MAX_CONCURRENT_STREAMS is reached, or the callers are faster than the connection's task. One that is given up meanwhile
//! stays there and costs the peer HEADERS and RST_STREAM later on. So behind [`AHEAD_MAX`] of them calls wait here, in the
//! order they came. Giving up here leaves nothing behind.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{
        AtomicBool,
        Ordering::{Relaxed, SeqCst},
    },
};

use tokio::sync::Semaphore;

use super::{guard::Meters, standing::Standing};

/// The turns of one connection; its handles and its driver share them.
#[derive(Debug)]
pub(super) struct Turns {
    /// Whether calls wait, or will have to.
    is_crowded: AtomicBool,
    queue: Mutex<Queue>,
    /// Its permits are turns.
    given: Semaphore,
    meters: Arc<Meters>,
    standing: Arc<Standing>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Calls that wait, and those that have their turn and have not used it.
    callers: usize,
    /// Turns that were given and are not used.
    given: usize,
}

impl Turns {
    pub(super) fn new(meters: Arc<Meters>, standing: Arc<Standing>) -> Arc<Self> {
        let (is_crowded, queue) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Self { is_crowded, queue, given: Semaphore::new(0), meters, standing })
    }

    /// Whether a call has to wait for its turn.
    pub(super) fn is_crowded(&self) -> bool {
        self.is_crowded.load(Relaxed)
    }

    /// Takes note that a stream was opened.
    pub(super) fn opened(&self) {
        if self.ahead() >= AHEAD_MAX {
            // The driver looks at it after it has let streams out, and whoever comes next looks at those after this.
            self.is_crowded.store(true, SeqCst);
        }
    }

    /// Waits for the turn to open a stream, or for the end of the connection.
    pub(super) async fn take(self: Arc<Self>) -> Turn {
        let mut turn = Turn::wait(self);
        if let Ok(permit) = turn.turns.given.acquire().await {
            permit.forget();
            turn.is_given = true;
        }
        turn
    }

    /// Gives turns for the streams that have left.
    pub(super) fn pass_on(&self) {
        if self.is_crowded.load(SeqCst) {
            self.serve(&mut self.lock());
        }
    }

    /// The connection opens no more streams: nobody waits any longer.
    pub(super) fn close(&self) {
        self.given.close();
    }

    /// How many streams were opened and have not left.
    fn ahead(&self) -> usize {
        self.meters.opened_calls().saturating_sub(self.standing.left())
    }

    fn serve(&self, queue: &mut Queue) {
        let room = AHEAD_MAX.saturating_sub(self.ahead());
        let wanted = queue.callers.saturating_sub(queue.given);
        let more = wanted.min(room.saturating_sub(queue.given));
        if more > 0 {
            queue.given += more;
            self.given.add_permits(more);
        }
        if queue.callers == 0 && room > 0 {
            // Turns of those who gave up with them.
            self.given.forget_permits(std::mem::take(&mut queue.given));
            self.is_crowded.store(false, SeqCst);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place in the queue, or at its head; to be dropped once its stream is open.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    is_given: bool,
}

impl Turn {
    fn wait(turns: Arc<Turns>) -> Self {
        {
            let mut queue = turns.lock();
            queue.callers += 1;
            turns.is_crowded.store(true, SeqCst);
            turns.serve(&mut queue);
        }
        Self { turns, is_given: false }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = self.turns.lock();
        queue.callers -= 1;
        queue.given -= usize::from(self.is_given);
        self.turns.serve(&mut queue);
    }
}

// More calls than most have in flight begin at once without a thought; with their first messages, of at most 16 KiB each,
// they hold 4 MiB at worst.
const AHEAD_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::http2::guard::OpenCall;

    type Waiting = Pin<Box<dyn Future<Output = Turn>>>;

    struct Callers {
        turns: Arc<Turns>,
        left: u32,
    }

    impl Callers {
        /// As many streams opened as begin without waiting.
        fn crowded() -> Self {
            let turns = Turns::new(Arc::default(), Standing::new());
            let callers = Self { turns, left: 0 };
            for _ in 0..AHEAD_MAX {
                assert!(!callers.turns.is_crowded());
                callers.open();
            }
            assert!(callers.turns.is_crowded());
            callers
        }

        /// A stream whose call is given up at once.
        fn open(&self) {
            drop(OpenCall::new(Arc::clone(&self.turns.meters)));
            self.turns.opened();
        }

        fn wait(&self) -> Waiting {
            let mut waiting: Waiting = Box::pin(Arc::clone(&self.turns).take());
            assert!(poll(&mut waiting).is_pending());
            waiting
        }

        /// HEADERS leave, and the driver has been polled.
        fn leave(&mut self, count: u32) {
            for _ in 0..count {
                self.turns.standing.open(2 * self.left + 1);
                self.left += 1;
            }
            self.turns.pass_on();
        }

        fn is_at_rest(&self) -> bool {
            let queue = self.turns.lock();
            (queue.callers, queue.given, self.turns.given.available_permits()) == (0, 0, 0)
                && !self.turns.is_crowded()
        }
    }

    fn poll(waiting: &mut Waiting) -> Poll<Turn> {
        waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    fn ready(waiting: &mut Waiting) -> Turn {
        let Poll::Ready(turn) = poll(waiting) else { panic!("it is its turn") };
        turn
    }

    #[test]
    fn turns_go_to_those_who_came_first_one_for_each_that_leaves() {
        let mut callers = Callers::crowded();
        let mut waiting = [(); 3].map(|()| callers.wait());
        callers.leave(2);
        let [first, second, third] = &mut waiting;
        assert!(poll(third).is_pending());
        for turn in [ready(first), ready(second)] {
            callers.open();
            drop(turn);
            assert!(poll(third).is_pending());
        }
        // Whoever comes now comes behind those who wait.
        assert!(callers.turns.is_crowded());
        callers.leave(1);
        let turn = ready(third);
        callers.open();
        drop((turn, waiting));
        callers.leave(1);
        assert!(callers.is_at_rest());
    }

    #[test]
    fn the_turn_of_one_that_gives_up_goes_to_the_next() {
        let mut callers = Callers::crowded();
        let (first, second, mut third) = (callers.wait(), callers.wait(), callers.wait());
        drop(first);
        callers.leave(1);
        drop(second);
        drop(ready(&mut third));
        assert!(callers.is_at_rest());
    }

    #[test]
    fn turns_that_nobody_takes_are_void() {
        let mut callers = Callers::crowded();
        let waiting = [(); 5].map(|()| callers.wait());
        callers.leave(5);
        drop(waiting);
        assert!(callers.is_at_rest());
    }

    #[test]
    fn who_comes_when_all_have_left_does_not_wait() {
        let callers = Callers::crowded();
        // The driver has been polled before it was known that there is a crowd.
        (0..AHEAD_MAX as u32).for_each(|number| callers.turns.standing.open(2 * number + 1));
        let mut waiting: Waiting = Box::pin(Arc::clone(&callers.turns).take());
        drop(ready(&mut waiting));
        assert!(callers.is_at_rest());
    }

    #[test]
    fn nobody_waits_on_a_connection_that_ends() {
        let callers = Callers::crowded();
        let mut waiting = callers.wait();
        callers.turns.close();
        drop(ready(&mut waiting));
        drop(ready(&mut (Box::pin(Arc::clone(&callers.turns).take()) as Waiting)));
    }
}
