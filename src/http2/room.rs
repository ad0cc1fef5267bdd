//! Room for the large messages that one peer sends: how many of their bytes its connection may hold at a time.
//!
//! A message takes room when its prefix is read, before it is waited for or inflated, and gives it back when its call
//! lets go of it: a streaming handler by asking for the next one, a unary one by its return. Others of the connection wait
//! their turn meanwhile, in the order they came; what they have received already stays in h2, so the connection's window
//! is wider by as much as they may hold there. Messages of up to [`SMALL`] bytes need no room.
//!
//! Before it is decoded a message that will be larger then takes more of another kind: those that become many times their
//! size are decoded one after the other. Both are held at once and taken in this order, so that none waits for itself.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Poll, Waker},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::pool::Pool;

/// The room of one connection. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    free: Arc<Semaphore>,
    all: u32,
    /// What messages become beyond their bytes.
    decoded: Arc<Semaphore>,
    decoded_all: u32,
    /// One message of this connection needs nothing of the pool.
    own: Arc<Semaphore>,
    pool: Pool,
    waiting: AtomicUsize,
    /// Wakes the connection when the number of those who wait has changed.
    connection: OnceLock<Waker>,
}

impl Room {
    /// Room for so many bytes, and for so many more that they become decoded.
    pub(super) fn new(bytes: usize, decoded: usize, pool: Pool) -> Self {
        let (all, decoded_all) = (units(bytes).max(1), units(decoded).max(1));
        let shared = Shared {
            free: semaphore(all),
            all,
            decoded: semaphore(decoded_all),
            decoded_all,
            own: semaphore(1),
            pool,
            waiting: AtomicUsize::new(0),
            connection: OnceLock::new(),
        };
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
        let of_pool = count.min(self.shared.pool.requests_all).max(1);
        if let Ok(permit) = Arc::clone(&self.shared.free).try_acquire_many_owned(count)
            && let Some(place) = self.place(of_pool)
        {
            return Held { permit: Some(permit), place: Some(place), decoded: None };
        }
        let _waiting = Waiting::begin(&self.shared);
        // It fails only for a semaphore that was closed, and nobody closes these.
        let permit = Arc::clone(&self.shared.free).acquire_many_owned(count).await.ok();
        Held { permit, place: self.any_place(of_pool).await, decoded: None }
    }

    /// Waits until a message may be decoded that will be so many bytes larger then; one that exceeds all is alone.
    pub(crate) async fn expand(&self, held: &mut Held, more: usize) {
        let count = units(more).min(self.shared.decoded_all);
        let decoded = Arc::clone(&self.shared.decoded);
        held.decoded = match Arc::clone(&decoded).try_acquire_many_owned(count) {
            Ok(permit) => Some(permit),
            Err(_) => {
                let _waiting = Waiting::begin(&self.shared);
                decoded.acquire_many_owned(count).await.ok()
            }
        };
    }

    /// A place of the connection's own, or of the pool.
    fn place(&self, of_pool: u32) -> Option<OwnedSemaphorePermit> {
        let Shared { own, pool, .. } = &*self.shared;
        let place = Arc::clone(own).try_acquire_owned();
        place.or_else(|_| Arc::clone(&pool.requests).try_acquire_many_owned(of_pool)).ok()
    }

    /// Waits for whichever is free first.
    async fn any_place(&self, of_pool: u32) -> Option<OwnedSemaphorePermit> {
        let Shared { own, pool, .. } = &*self.shared;
        let mut of_its_own = pin!(Arc::clone(own).acquire_owned());
        let mut shared = pin!(Arc::clone(&pool.requests).acquire_many_owned(of_pool));
        let place = poll_fn(|cx| match of_its_own.as_mut().poll(cx) {
            Poll::Ready(place) => Poll::Ready(place),
            Poll::Pending => shared.as_mut().poll(cx),
        });
        place.await.ok()
    }
}

/// Room that a message has, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    permit: Option<OwnedSemaphorePermit>,
    place: Option<OwnedSemaphorePermit>,
    decoded: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Gives back what is more than this: the message has turned out to be no longer.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let wanted = usize::try_from(units(bytes)).unwrap_or(usize::MAX);
        for permit in [&mut self.permit, &mut self.place].into_iter().flatten() {
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

pub(super) fn semaphore(units: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(usize::try_from(units).unwrap_or(Semaphore::MAX_PERMITS)))
}

/// A semaphore counts no further than it must: KiB.
pub(super) fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).min(UNITS_MAX)
}

/// What a message may have without asking: a hundred of these are no burden.
pub(crate) const SMALL: usize = 16 * 1024;

// 1 TiB, far below what a semaphore can count on any machine.
const UNITS_MAX: u32 = 1 << 28;

#[cfg(test)]
mod tests {
    use std::task::Context;

    use super::*;

    const MIB: usize = 1 << 20;

    fn room(bytes: usize) -> Room {
        Room::new(bytes, 16 * MIB, Pool::new(usize::MAX, usize::MAX))
    }

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
        let room = room(8 * MIB);
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
        let room = room(MIB);
        let large = now(&room, usize::MAX).unwrap();
        assert!(now(&room, SMALL + 1).is_none());
        drop(large);
        assert!(now(&room, SMALL + 1).is_some());
    }

    #[test]
    fn what_a_message_does_not_need_is_given_back() {
        let room = room(4 * MIB);
        let mut held = now(&room, 4 * MIB).unwrap();
        held.shrink(MIB);
        assert!(now(&room, 3 * MIB).is_some());
        assert!(now(&room, 4 * MIB).is_none());
        held.shrink(0);
        assert!(now(&room, 4 * MIB).is_some());
    }

    #[test]
    fn one_that_gives_up_does_not_wait_any_more() {
        let room = room(MIB);
        let _all = now(&room, MIB);
        assert!(now(&room, MIB).is_none());
        assert_eq!(room.waiting(), 0);
    }

    #[test]
    fn what_grows_much_is_decoded_alone_and_what_does_not_beside_it() {
        let room = room(8 * MIB);
        let (mut first, mut second) = (now(&room, MIB).unwrap(), now(&room, MIB).unwrap());
        assert!(poll(pin!(room.expand(&mut first, 100 * MIB))).is_ready());
        assert!(poll(pin!(room.expand(&mut second, MIB))).is_pending());
        assert!(poll(pin!(room.expand(&mut second, 0))).is_ready());
        drop(first);
        assert!(poll(pin!(room.expand(&mut second, MIB))).is_ready());
    }

    #[test]
    fn each_connection_has_one_message_whatever_the_others_hold() {
        let pool = Pool::new(4 * MIB, usize::MAX);
        let connection = || Room::new(8 * MIB, MIB, pool.clone());
        let (greedy, modest) = (connection(), connection());
        let mut held = [4, 4].map(|mib| now(&greedy, mib * MIB).unwrap());
        let first = now(&modest, 4 * MIB).unwrap();
        assert!(now(&modest, MIB).is_none());
        held[1].shrink(2 * MIB);
        assert!(now(&modest, MIB).is_some());
        held[1].shrink(4 * MIB);
        let _rest = now(&modest, 2 * MIB).unwrap();
        assert!(now(&modest, MIB).is_none());
        drop(first);
        assert!(now(&modest, MIB).is_some());
    }
}
