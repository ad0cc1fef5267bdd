//! Room for the large messages that one peer sends: how many of their bytes its connection may hold at a time.
//!
//! A message takes room when its prefix is read, before it is waited for or inflated, and gives it back when its call
//! lets go of it: a streaming handler by asking for the next one, a unary one by its return. Others of the connection wait
//! their turn meanwhile, in the order they came; what they have received already stays in h2, so the connection's window
//! is wider by as much as they may hold there. Messages of up to [`SMALL`] bytes need no room.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use std::task::Waker;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The room of one connection. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    free: Arc<Semaphore>,
    all: u32,
    waiting: AtomicUsize,
    /// Wakes the connection when the number of those who wait has changed.
    connection: OnceLock<Waker>,
}

impl Room {
    /// Room for so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let all = units(bytes).max(1);
        let free = Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(Semaphore::MAX_PERMITS)));
        let shared = Shared { free, all, waiting: AtomicUsize::new(0), connection: OnceLock::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Says who is to be woken when [`Room::waiting`] has changed.
    pub(super) fn tell(&self, connection: Waker) {
        // It is said once, when the connection begins.
        let _ = self.shared.connection.set(connection);
    }

    /// How many messages wait for room.
    pub(super) fn waiting(&self) -> usize {
        self.shared.waiting.load(Relaxed)
    }

    /// Waits for room for a message of so many bytes; one that is larger than all of it has it for itself.
    pub(crate) async fn take(&self, bytes: usize) -> Held {
        let count = units(bytes).min(self.shared.all);
        if let Ok(permit) = Arc::clone(&self.shared.free).try_acquire_many_owned(count) {
            return Held { permit: Some(permit) };
        }
        let _waiting = Waiting::begin(&self.shared);
        // It fails only for a semaphore that was closed, and nobody closes this one.
        Held { permit: Arc::clone(&self.shared.free).acquire_many_owned(count).await.ok() }
    }
}

/// Room that a message has, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Gives back what is more than this: the message has turned out to be no longer.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let wanted = usize::try_from(units(bytes)).unwrap_or(usize::MAX);
        if let Some(permit) = &mut self.permit {
            drop(permit.split(permit.num_permits().saturating_sub(wanted)));
        }
    }
}

/// One that waits.
struct Waiting<'a> {
    shared: &'a Shared,
}

impl<'a> Waiting<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.waiting.fetch_add(1, Relaxed);
        shared.wake();
        Self { shared }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.waiting.fetch_sub(1, Relaxed);
        self.shared.wake();
    }
}

impl Shared {
    fn wake(&self) {
        if let Some(connection) = self.connection.get() {
            connection.wake_by_ref();
        }
    }
}

/// A semaphore counts no further than it must: KiB.
fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).min(UNITS_MAX)
}

/// What a message may have without asking: a hundred of these are no burden.
pub(crate) const SMALL: usize = 16 * 1024;

// 1 TiB, far below what a semaphore can count on any machine.
const UNITS_MAX: u32 = 1 << 28;

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll},
    };

    use super::*;

    const MIB: usize = 1 << 20;

    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn now(room: &Room, bytes: usize) -> Option<Held> {
        match poll(pin!(room.take(bytes))) {
            Poll::Ready(held) => Some(held),
            Poll::Pending => None,
        }
    }

    #[test]
    fn who_finds_no_room_waits_until_some_is_given_back() {
        let room = Room::new(8 * MIB);
        let (first, second) = (now(&room, 4 * MIB).unwrap(), now(&room, 4 * MIB).unwrap());
        let mut third = pin!(room.take(3 * MIB));
        assert!(poll(third.as_mut()).is_pending());
        assert_eq!(room.waiting(), 1);
        drop(first);
        let Poll::Ready(third) = poll(third.as_mut()) else { panic!("there is room") };
        assert_eq!(room.waiting(), 0);
        drop((second, third));
        assert!(now(&room, 8 * MIB).is_some());
    }

    #[test]
    fn a_message_larger_than_all_room_has_it_alone() {
        let room = Room::new(MIB);
        let large = now(&room, usize::MAX).unwrap();
        assert!(now(&room, SMALL + 1).is_none());
        drop(large);
        assert!(now(&room, SMALL + 1).is_some());
    }

    #[test]
    fn what_a_message_does_not_need_is_given_back() {
        let room = Room::new(4 * MIB);
        let mut held = now(&room, 4 * MIB).unwrap();
        held.shrink(MIB);
        assert!(now(&room, 3 * MIB).is_some());
        assert!(now(&room, 4 * MIB).is_none());
        held.shrink(0);
        assert!(now(&room, 4 * MIB).is_some());
    }

    #[test]
    fn one_that_gives_up_does_not_wait_any_more() {
        let room = Room::new(MIB);
        let _all = now(&room, MIB);
        assert!(now(&room, MIB).is_none());
        assert_eq!(room.waiting(), 0);
    }
}
