//! The task of a connection: h2, the gate below it and the futures that run beside it, in one poll loop.
//!
//! Each round polls h2 (reads frames, opens streams, writes frames into the gate), lets the gate's bytes out by one
//! `write`, and runs at most [`TASKS_PER_ROUND`] of the futures that are ready. So the peer already works on the first
//! answers while later ones are made: without the small rounds both ends alternate and half of the throughput is lost.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{
    error::Error,
    gate::Gate,
    guard::Meters,
    keepalive::KeepAlive,
    wakes::{ConnectionWaker, TaskWaker, Wakes},
    work,
};
use crate::transport::BoxFuture;

/// Drives one connection; polled by one task until the connection ends.
pub(super) struct Driver<C> {
    connection: C,
    gate: Gate,
    tasks: Tasks,
    connection_waker: Waker,
}

/// What the two sides of a connection do when they are polled.
pub(super) trait Connection {
    /// Reads and writes frames until neither is possible; new streams become tasks.
    fn poll(&mut self, cx: &mut Context<'_>, tasks: &mut Tasks) -> Poll<Result<(), Error>>;
}

impl<C> Driver<C> {
    pub(super) fn new(connection: C, gate: Gate) -> Self {
        let wakes = Arc::new(Wakes::default());
        let connection_waker = Waker::from(Arc::new(ConnectionWaker(Arc::clone(&wakes))));
        connection_waker.wake_by_ref();
        Self {
            connection,
            gate,
            tasks: Tasks { slots: Vec::new(), free: Vec::new(), wakes },
            connection_waker,
        }
    }

    /// Has what is due by time done on this connection's task.
    pub(super) fn watch(&mut self) {
        self.tasks.spawn(self.gate.watch(self.connection_waker.clone()));
    }

    /// Wakes the connection.
    pub(super) fn waker(&self) -> Waker {
        self.connection_waker.clone()
    }

    /// A handle by which others put futures on this connection's task.
    pub(super) fn spawner(&self) -> Spawner {
        Spawner { wakes: Arc::clone(&self.tasks.wakes) }
    }

    /// How many futures run on this connection's task.
    fn task_count(&self) -> usize {
        self.tasks.slots.len() - self.tasks.free.len()
    }

    /// Has the peer asked on this connection's task whether it lives.
    pub(super) fn keep_alive(&mut self, keepalive: KeepAlive, pings: h2::PingPong, meters: Arc<Meters>) {
        let (gate, connection) = (self.gate.clone(), self.connection_waker.clone());
        self.tasks.spawn(Box::pin(async move {
            let error = keepalive.outlived(pings, &meters).await;
            gate.break_off(error);
            connection.wake();
        }));
    }

    pub(super) fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.gate.poll_linger(cx)
    }

    pub(super) fn connection_mut(&mut self) -> &mut C {
        self.connection_waker.wake_by_ref();
        &mut self.connection
    }
}

impl<C: Connection> Driver<C> {
    pub(super) fn poll_rounds(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let wakes = Arc::clone(&self.tasks.wakes);
        let connection_waker = self.connection_waker.clone();
        let mut connection_cx = Context::from_waker(&connection_waker);
        wakes.enter(cx.waker());
        let _round = work::Round::begin();
        for _ in 0..ROUNDS_PER_POLL {
            if wakes.take_connection() {
                if let Poll::Ready(end) = self.connection.poll(&mut connection_cx, &mut self.tasks) {
                    // Nobody is left to answer, and the peer may take its time to close.
                    self.tasks.clear();
                    return Poll::Ready(end);
                }
                // A failed write shows as the end of the connection when h2 reads next.
                let _ = self.gate.poll_flush(&mut connection_cx);
                // Calls that are opened faster than they run wait in the socket: h2 counts no stream that the peer has
                // reset, so their number would have no bound.
                if wakes.ready_count() > READY_MAX || self.gate.resume() {
                    connection_waker.wake_by_ref();
                }
            }
            let ran = self.tasks.run(TASKS_PER_ROUND);
            if wakes.sleep_if_idle() {
                return Poll::Pending;
            }
            // Calls that run elsewhere get their turn before more is read for them.
            if !ran || work::is_time_for_others() || !tokio::task::coop::has_budget_remaining() {
                break;
            }
        }
        wakes.leave();
        // After a mere wake the runtime would poll this connection some sixty times, a tenth of a second if a flood comes on
        // it, before it looks whether others have something to read.
        let _ = pin!(tokio::task::yield_now()).poll(cx);
        Poll::Pending
    }
}

impl<C> Drop for Driver<C> {
    fn drop(&mut self) {
        self.tasks.wakes.close();
    }
}

impl<C> fmt::Debug for Driver<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("tasks", &self.task_count()).finish_non_exhaustive()
    }
}

/// Puts futures on a connection's task, from any thread.
#[derive(Clone)]
pub struct Spawner {
    wakes: Arc<Wakes>,
}

impl Spawner {
    /// Runs `future` on the connection's task; once the connection is over it is dropped instead.
    pub fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.wakes.spawn(future);
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner").finish_non_exhaustive()
    }
}

/// The futures that run on a connection's task, each in a slot whose waker is used again.
pub(super) struct Tasks {
    slots: Vec<Slot>,
    free: Vec<usize>,
    wakes: Arc<Wakes>,
}

struct Slot {
    future: Option<BoxFuture<'static, ()>>,
    waker: Waker,
    task_waker: Arc<TaskWaker>,
}

impl Slot {
    /// Polls the future, if there is one; says whether it is over. One that panics harms no other and is over.
    fn poll(&mut self) -> bool {
        self.task_waker.polled();
        let Some(future) = &mut self.future else { return false };
        let mut cx = Context::from_waker(&self.waker);
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(future).poll(&mut cx)));
        let is_over = !matches!(polled, Ok(Poll::Pending));
        if is_over {
            self.drop_future();
        }
        is_over
    }

    /// Drops the future; what it panics with meanwhile is told by the panic hook.
    fn drop_future(&mut self) {
        let future = self.future.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
    }
}

impl Tasks {
    /// Adds a future; it is polled in the next round.
    pub(super) fn spawn(&mut self, future: BoxFuture<'static, ()>) {
        let index = self.free.pop().unwrap_or_else(|| self.new_slot());
        let slot = &mut self.slots[index];
        slot.future = Some(future);
        slot.waker.wake_by_ref();
    }

    fn new_slot(&mut self) -> usize {
        let index = self.slots.len();
        let task_waker = Arc::new(TaskWaker::new(index, Arc::clone(&self.wakes)));
        let waker = Waker::from(Arc::clone(&task_waker));
        self.slots.push(Slot { future: None, waker, task_waker });
        index
    }

    /// Polls the futures that were woken, at most `limit` of them; says whether there were any.
    fn run(&mut self, limit: usize) -> bool {
        for future in self.wakes.take_spawned() {
            self.spawn(future);
        }
        for count in 0..limit {
            let Some(index) = self.wakes.take_ready() else { return count > 0 };
            if self.slots[index].poll() {
                self.free.push(index);
            }
            if work::is_time_for_others() {
                break;
            }
        }
        true
    }

    /// Drops all futures.
    fn clear(&mut self) {
        for slot in &mut self.slots {
            slot.drop_future();
        }
        self.slots.clear();
        self.free.clear();
        self.wakes.close();
    }
}

// After this many futures the connection is polled and its bytes go out while the rest wait: 8 to 32 measured alike.
const TASKS_PER_ROUND: usize = 16;

// With more futures ready than this the connection reads no further round: more than most peers have calls in flight.
const READY_MAX: usize = 256;

// A connection that always has work hands the thread back after this many rounds, so that others get their turn: within a
// millisecond, whatever comes.
const ROUNDS_PER_POLL: usize = 4;
