//! What the calls of one connection have ready for a peer that does not take it.
//!
//! h2 takes of an answer what the peer's window and its own buffers allow; the rest is counted here from [`SMALL`] bytes
//! on. It is full at what [`Backlog::new`] is given, or at [`SHARE`] while the server's connections have too much together.
//! While it is, handlers start and go on as long as they say little, large messages are got ready one after the other
//! ([`Backlog::turn`]), and a call none of whose bytes were taken for [`PATIENCE`] is ended, so that who does not read pays
//! by his own calls.

use std::{
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    pool::{Answers, Pool},
    room::SMALL,
};

/// The backlog of one connection. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Backlog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queued: AtomicUsize,
    full: usize,
    /// What of it nobody takes away.
    share: usize,
    room: Notify,
    /// Calls that got a large message ready while it was full already.
    overdrafts: AtomicUsize,
    /// Those of all connections.
    all: Arc<Answers>,
}

impl Shared {
    fn is_full_with(&self, queued: usize) -> bool {
        queued >= self.full || queued >= self.share && self.all.is_full()
    }
}

impl Backlog {
    /// An empty one, which is full at so many bytes, or earlier where the pool has no more.
    pub(super) fn new(full: usize, pool: &Pool) -> Self {
        let full = full.max(1);
        let (share, all) = (SHARE.min(full), Arc::clone(&pool.answers));
        let shared = Shared {
            queued: AtomicUsize::new(0),
            full,
            share,
            room: Notify::new(),
            overdrafts: AtomicUsize::new(0),
            all,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Whether more has to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.shared.is_full_with(self.shared.queued.load(SeqCst))
    }

    /// Whether a handler may be started or a message of unknown size be got ready: while it is full, as long as that only
    /// led to small ones. So those that say little go on beside one that is not taken.
    pub(crate) fn has_turn(&self) -> bool {
        !self.is_full() || self.shared.overdrafts.load(SeqCst) == 0
    }

    /// Waits for that.
    pub(crate) async fn turn(&self) {
        self.wait_until(Self::has_turn).await;
    }

    async fn wait_until(&self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            let (mut of_this, mut of_all) =
                (pin!(self.shared.room.notified()), pin!(self.shared.all.room.notified()));
            // What was taken between the two looks is told to those who began to wait before the second.
            if !holds(self) {
                poll_fn(|cx| match of_this.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(()),
                    Poll::Pending => of_all.as_mut().poll(cx),
                })
                .await;
            }
        }
    }

    /// Waits for something the peer has to do; `None` if it takes too long while the backlog is full.
    pub(super) async fn patiently<T>(&self, mut future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        loop {
            if let Ok(done) = tokio::time::timeout(PATIENCE, future.as_mut()).await {
                return Some(done);
            }
            if self.is_full() {
                return None;
            }
        }
    }

    /// Counts what a call has ready, if that is more than a little.
    pub(crate) fn queue(&self, len: usize) -> Option<Queued> {
        (len > SMALL).then(|| {
            let mut queued = self.nothing();
            queued.set(len);
            queued
        })
    }

    /// Counts what a call will have ready; nothing yet.
    pub(crate) fn nothing(&self) -> Queued {
        Queued { backlog: self.clone(), len: 0, is_overdraft: false }
    }
}

/// What one call has waiting; it counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Queued {
    backlog: Backlog,
    len: usize,
    is_overdraft: bool,
}

impl Queued {
    /// Now it is so many bytes. A little is not worth counting, nor is each small message that is added to much.
    pub(crate) fn set(&mut self, len: usize) {
        let len = if len <= SMALL { 0 } else { len.next_multiple_of(UNIT) };
        let before = mem::replace(&mut self.len, len);
        if len == before {
            return;
        }
        let shared = &self.backlog.shared;
        if len > before {
            if !self.is_overdraft && self.backlog.is_full() {
                self.is_overdraft = true;
                shared.overdrafts.fetch_add(1, SeqCst);
            }
            shared.queued.fetch_add(len - before, SeqCst);
            shared.all.add(len - before);
            return;
        }
        let sum = shared.queued.fetch_sub(before - len, SeqCst);
        let is_below = |mark| sum >= mark && sum - (before - len) < mark;
        let is_settled = len == 0 && mem::take(&mut self.is_overdraft);
        if is_settled {
            shared.overdrafts.fetch_sub(1, SeqCst);
        }
        if is_settled || is_below(shared.full) || is_below(shared.share) {
            shared.room.notify_waiters();
        }
        shared.all.sub(before - len);
    }

    /// The backlog it counts in.
    pub(crate) fn backlog(&self) -> &Backlog {
        &self.backlog
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.set(0);
    }
}

// How long a call may have bytes ready of which none is taken, while the backlog is full.
const PATIENCE: Duration = Duration::from_secs(30);

// What is counted is rounded up to these: a sender of small messages touches the common count once for many.
const UNIT: usize = 4 * 1024;

// Five answers of a stream's window each: a client that takes its answers hardly notices that others do not.
const SHARE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    fn pool(answers: usize) -> Pool {
        Pool::new(usize::MAX, answers)
    }

    #[test]
    fn it_is_full_until_something_was_taken() {
        let backlog = Backlog::new(100_000, &pool(usize::MAX));
        let (mut first, mut second) = (backlog.nothing(), backlog.nothing());
        first.set(60_000);
        assert!(!backlog.is_full());
        second.set(40_000);
        assert!(backlog.is_full());
        let mut room = pin!(backlog.wait_until(|backlog| !backlog.is_full()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(room.as_mut().poll(&mut cx).is_pending());
        first.set(50_000);
        assert!(room.as_mut().poll(&mut cx).is_ready());
        second.set(90_000);
        assert!(backlog.is_full());
        drop((first, second));
        assert_eq!(backlog.shared.queued.load(SeqCst), 0);
    }

    #[test]
    fn each_keeps_its_share_when_the_others_have_taken_all() {
        let pool = pool(4 * SHARE);
        let (greedy, modest) = (Backlog::new(16 * SHARE, &pool), Backlog::new(16 * SHARE, &pool));
        let (mut of_greedy, mut of_modest) = (greedy.nothing(), modest.nothing());
        of_greedy.set(4 * SHARE);
        of_modest.set(SHARE - UNIT);
        assert_eq!((greedy.is_full(), modest.is_full()), (true, false));
        of_modest.set(SHARE);
        assert!(modest.is_full());
        let mut room = pin!(modest.wait_until(|backlog| !backlog.is_full()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(room.as_mut().poll(&mut cx).is_pending());
        // What others let go of is told, too.
        of_greedy.set(2 * SHARE);
        assert!(room.as_mut().poll(&mut cx).is_ready());
    }

    #[test]
    fn while_it_is_full_only_one_large_message_more_is_got_ready() {
        let backlog = Backlog::new(100_000, &pool(usize::MAX));
        let (mut first, mut second) = (backlog.nothing(), backlog.nothing());
        first.set(100_000);
        assert!(backlog.is_full() && backlog.has_turn());
        second.set(SMALL);
        assert!(backlog.has_turn());
        second.set(SMALL + 1);
        let mut turn = pin!(backlog.turn());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(turn.as_mut().poll(&mut cx).is_pending());
        second.set(0);
        assert!(turn.as_mut().poll(&mut cx).is_ready() && backlog.is_full());
    }

    #[test]
    fn a_little_is_not_counted() {
        let backlog = Backlog::new(1, &pool(usize::MAX));
        let mut queued = backlog.nothing();
        queued.set(SMALL);
        assert!(!backlog.is_full());
        queued.set(SMALL + 1);
        assert!(backlog.is_full());
        queued.set(SMALL);
        assert!(!backlog.is_full());
    }
}
