//! What the calls of one connection have ready for a peer that does not take it.
//!
//! h2 takes of an answer what the peer's window and its own buffers allow; the rest is counted here from [`SMALL`] bytes
//! on. While there is more than [`Backlog::new`] allows, no handler is started and no sender goes on, and a call none of
//! whose bytes were taken for [`PATIENCE`] is ended, so that who does not read pays by his own calls.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::room::SMALL;

/// The backlog of one connection. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Backlog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queued: AtomicUsize,
    full: usize,
    room: Notify,
}

impl Backlog {
    /// An empty one, which is full at so many bytes.
    pub(super) fn new(full: usize) -> Self {
        Self { shared: Arc::new(Shared { queued: AtomicUsize::new(0), full, room: Notify::new() }) }
    }

    /// Whether more has to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.shared.queued.load(SeqCst) >= self.shared.full
    }

    /// Waits while it is full.
    pub(crate) async fn room(&self) {
        while self.is_full() {
            let room = self.shared.room.notified();
            // What was taken between the two looks is told to those who began to wait before the second.
            if self.is_full() {
                room.await;
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
        Queued { backlog: self.clone(), len: 0 }
    }
}

/// What one call has waiting; it counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Queued {
    backlog: Backlog,
    len: usize,
}

impl Queued {
    /// Now it is so many bytes. A little is not worth counting, nor is each small message that is added to much.
    pub(crate) fn set(&mut self, len: usize) {
        let len = if len <= SMALL { 0 } else { len.next_multiple_of(UNIT) };
        let before = std::mem::replace(&mut self.len, len);
        if len == before {
            return;
        }
        let shared = &self.backlog.shared;
        if len > before {
            shared.queued.fetch_add(len - before, SeqCst);
            return;
        }
        let sum = shared.queued.fetch_sub(before - len, SeqCst);
        if sum >= shared.full && sum - (before - len) < shared.full {
            shared.room.notify_waiters();
        }
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

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Waker},
    };

    use super::*;

    #[test]
    fn it_is_full_until_something_was_taken() {
        let backlog = Backlog::new(100_000);
        let (mut first, mut second) = (backlog.nothing(), backlog.nothing());
        first.set(60_000);
        assert!(!backlog.is_full());
        second.set(40_000);
        assert!(backlog.is_full());
        let mut room = pin!(backlog.room());
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
    fn a_little_is_not_counted() {
        let backlog = Backlog::new(1);
        let mut queued = backlog.nothing();
        queued.set(SMALL);
        assert!(!backlog.is_full());
        queued.set(SMALL + 1);
        assert!(backlog.is_full());
        queued.set(SMALL);
        assert!(!backlog.is_full());
    }
}
