//! Who woke a connection's task: the connection itself, or which of the tasks that run beside it.
//!
//! One runtime task drives a connection and all futures that run on it. Each has a waker of its own that notes who was
//! woken; the runtime's waker is called only while the task is not running, so a wake during a poll costs no rescheduling.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

use crate::transport::BoxFuture;

/// The wakes of one connection's task that are not yet served.
#[derive(Default)]
pub(super) struct Wakes {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The runtime's waker for the task that drives the connection.
    runtime: Option<Waker>,
    /// Whether that task is being polled now.
    running: bool,
    connection: bool,
    ready: VecDeque<usize>,
    spawned: Vec<BoxFuture<'static, ()>>,
    /// Set when the driver is gone: nothing spawned will ever run.
    closed: bool,
}

impl State {
    fn is_idle(&self) -> bool {
        !self.connection && self.ready.is_empty() && self.spawned.is_empty()
    }

    /// The waker to call once the lock is free.
    fn waker_if_asleep(&self) -> Option<Waker> {
        if self.running { None } else { self.runtime.clone() }
    }
}

impl Wakes {
    /// The runtime polls the task: remembers its waker and holds back wakes until [`Wakes::sleep_if_idle`] or
    /// [`Wakes::leave`].
    pub(super) fn enter(&self, runtime: &Waker) {
        let mut state = self.lock();
        state.running = true;
        if !state.runtime.as_ref().is_some_and(|known| known.will_wake(runtime)) {
            state.runtime = Some(runtime.clone());
        }
    }

    /// Lets the task sleep unless somebody was woken meanwhile; says whether it may.
    pub(super) fn sleep_if_idle(&self) -> bool {
        let mut state = self.lock();
        state.running = !state.is_idle();
        !state.running
    }

    /// The task yields with work left and sees to its own waking.
    pub(super) fn leave(&self) {
        self.lock().running = false;
    }

    /// Whether the connection was woken since the last call.
    pub(super) fn take_connection(&self) -> bool {
        mem::take(&mut self.lock().connection)
    }

    /// The next task that was woken.
    pub(super) fn take_ready(&self) -> Option<usize> {
        self.lock().ready.pop_front()
    }

    /// How many tasks are woken and not yet polled.
    pub(super) fn ready_count(&self) -> usize {
        self.lock().ready.len()
    }

    /// The futures handed over since the last call.
    pub(super) fn take_spawned(&self) -> Vec<BoxFuture<'static, ()>> {
        mem::take(&mut self.lock().spawned)
    }

    /// Hands a future to the task; gives it back by dropping it when the driver is gone.
    pub(super) fn spawn(&self, future: BoxFuture<'static, ()>) {
        let waker = {
            let mut state = self.lock();
            if state.closed {
                drop(state);
                return drop(future);
            }
            state.spawned.push(future);
            state.waker_if_asleep()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Drops what was handed over and refuses more.
    pub(super) fn close(&self) {
        let orphans = {
            let mut state = self.lock();
            state.closed = true;
            mem::take(&mut state.spawned)
        };
        drop(orphans);
    }

    fn note(&self, note: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.lock();
            note(&mut state);
            state.waker_if_asleep()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the connection.
pub(super) struct ConnectionWaker(pub(super) Arc<Wakes>);

impl Wake for ConnectionWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.note(|state| state.connection = true);
    }
}

/// Wakes the task in one slot, once until it is polled again.
pub(super) struct TaskWaker {
    slot: usize,
    queued: AtomicBool,
    wakes: Arc<Wakes>,
}

impl TaskWaker {
    pub(super) fn new(slot: usize, wakes: Arc<Wakes>) -> Self {
        Self { slot, queued: AtomicBool::new(false), wakes }
    }

    /// From here on a wake queues the task again.
    pub(super) fn polled(&self) {
        self.queued.store(false, Ordering::Release);
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.wakes.note(|state| state.ready.push_back(self.slot));
        }
    }
}
