//! The watcher: a future beside the connection that does what is due by time.
//!
//! It sleeps until the guard's next deadline, or for ever if there is none, and is woken in between only by news of the
//! guard's. No frame waits for it.

use std::{
    future::{Future, poll_fn},
    io::IoSlice,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

use super::{Gate, Held, lock};
use crate::{
    frame::ErrorCode,
    http2::guard::{Due, goaway},
    transport::BoxFuture,
};

/// What h2 is to do with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http2) enum Order {
    /// Let it end with its calls.
    Drain,
    /// Close it whatever is in flight.
    Close,
}

impl Gate {
    /// Watches the deadlines; `connection` wakes h2.
    pub(in crate::http2) fn watch(&self, connection: Waker) -> BoxFuture<'static, ()> {
        let gate = self.clone();
        Box::pin(async move {
            let mut sleep = pin!(tokio::time::sleep(Duration::ZERO));
            poll_fn(|cx| gate.poll_watch(cx, sleep.as_mut(), &connection)).await;
        })
    }

    fn poll_watch(&self, cx: &mut Context<'_>, mut sleep: Pin<&mut Sleep>, connection: &Waker) -> Poll<()> {
        loop {
            let next = {
                let mut held = lock(&self.shared);
                held.watcher = Some(cx.waker().clone());
                let now = Instant::now();
                while let Some(due) = held.guard.due(now) {
                    held.carry_out(due);
                    connection.wake_by_ref();
                }
                held.guard.next_due(now)
            };
            let Some(next) = next else { return Poll::Pending };
            sleep.as_mut().reset(next);
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// What h2 is to do since the last call.
    pub(in crate::http2) fn take_order(&self) -> Option<Order> {
        lock(&self.shared).order.take()
    }
}

impl Held {
    fn carry_out(&mut self, due: Due) {
        match due {
            Due::Cut(cut) => self.cut(cut),
            Due::Drain(debug) => {
                // Behind a GOAWAY that names the last stream none may name a later one.
                if !self.guard.is_draining() {
                    self.farewell = Some(goaway(STREAM_ID_MAX, ErrorCode::NoError, debug));
                    self.say_farewell();
                }
                self.order = Some(Order::Drain);
            }
            Due::Close => self.order = Some(Order::Close),
            Due::Acknowledge => self.is_unanswered = true,
        }
    }

    /// Follows what h2 wrote.
    pub(super) fn sent(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>], count: usize) {
        self.guard.sent(slices, count);
        if self.guard.take_ends() {
            cx.waker().wake_by_ref();
        }
        if let Some(follower) = &mut self.follower {
            follower.sent(slices, count);
        }
        if let Some(cut) = self.guard.take_overdue() {
            self.cut(cut);
            cx.waker().wake_by_ref();
        }
        self.say_farewell();
        self.tell_news();
    }

    /// Puts the first GOAWAY of a drain, which says why, between two frames of h2's.
    fn say_farewell(&mut self) {
        if self.farewell.is_some() && self.guard.unfinished() == 0 {
            self.bytes.extend_from_slice(&self.farewell.take().unwrap_or_default());
        }
    }

    /// Wakes the watcher if something new may be due before what it waits for.
    pub(super) fn tell_news(&mut self) {
        if self.guard.take_news()
            && let Some(watcher) = &self.watcher
        {
            watcher.wake_by_ref();
        }
    }

    /// Answers the PING of a drain in the client's stead (rule 44).
    pub(super) fn acknowledge(&mut self) {
        if self.is_unanswered
            && let Some(frame) = self.guard.acknowledgement()
        {
            self.is_unanswered = false;
            self.admitted = frame.len();
            let held = self.ahead.split();
            self.ahead.extend_from_slice(&frame);
            self.ahead.extend_from_slice(&held);
        }
    }
}

// RFC 9113, section 6.8: nothing is refused yet.
const STREAM_ID_MAX: u32 = (1 << 31) - 1;
