//! What all connections of a server share, beside what each has for itself.
//!
//! The bounds of one connection times the number of connections is more than any server has. So beyond a share that nobody
//! takes from it, a connection holds large requests and answers only as far as the others have left some. Who finds
//! nothing left goes on by its own share: one large request after the other, and answers as they are taken.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use tokio::sync::{Notify, Semaphore};

use super::room::{semaphore, units};

/// What one server's connections share. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Pool {
    /// KiB of large requests.
    pub(super) requests: Arc<Semaphore>,
    pub(super) requests_all: u32,
    pub(super) answers: Arc<Answers>,
}

impl Pool {
    /// So many bytes of large requests, and of answers that are not taken.
    pub fn new(request_bytes: usize, answer_bytes: usize) -> Self {
        let all = units(request_bytes);
        Self {
            requests: semaphore(all),
            requests_all: all,
            answers: Arc::new(Answers {
                queued: AtomicUsize::new(0),
                full: answer_bytes,
                room: Notify::new(),
            }),
        }
    }
}

/// The answers of all connections.
#[derive(Debug)]
pub(super) struct Answers {
    queued: AtomicUsize,
    full: usize,
    /// Told when they are no longer too many.
    pub(super) room: Notify,
}

impl Answers {
    pub(super) fn is_full(&self) -> bool {
        self.queued.load(SeqCst) >= self.full
    }

    pub(super) fn add(&self, len: usize) {
        self.queued.fetch_add(len, SeqCst);
    }

    pub(super) fn sub(&self, len: usize) {
        let sum = self.queued.fetch_sub(len, SeqCst);
        if sum >= self.full && sum - len < self.full {
            self.room.notify_waiters();
        }
    }
}
