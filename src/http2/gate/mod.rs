//! The gate between h2 and the byte stream: it holds written bytes until the driver lets them out.
//!
//! h2 flushes after every DATA frame of 256 bytes and more, one system call each. The gate answers h2's flush at once,
//! keeps small writes, and sends them by one `write` when the [driver](super::Driver) says so; a large write goes out
//! with what is held before it in one `writev`, without a copy. What the peer sent passes as the [guard](super::guard)
//! admits it. A write that fails does not hide what the peer has still sent: reads go on to the end of the byte stream,
//! then the failure is told.

mod cutting;
mod reading;
mod watching;
mod writing;

use std::{
    future::Future,
    io::{self, IoSlice},
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) use self::watching::Order;
use self::{cutting::Cutting, writing::Failure};
use super::{
    guard::{Guard, Meters, Originals},
    opening::Opening,
    standing::Follower,
};
use crate::transport::Io;

/// The driver's side: lets the held bytes out.
#[derive(Clone)]
pub(super) struct Gate {
    shared: Arc<Mutex<Held>>,
}

/// h2's side: a byte stream whose flush waits for the driver.
pub(super) struct GatedIo {
    shared: Arc<Mutex<Held>>,
}

/// Puts a gate before a byte stream; a client says what it expects of it.
pub(super) fn gate(io: Box<dyn Io>, guard: Guard, opening: Option<Opening>) -> (GatedIo, Gate) {
    let held = Held {
        io,
        bytes: BytesMut::new(),
        is_unflushed: false,
        failure: None,
        cutting: None,
        opening,
        guard,
        ahead: BytesMut::new(),
        admitted: 0,
        is_paused: false,
        watcher: None,
        order: None,
        farewell: None,
        is_unanswered: false,
        follower: None,
    };
    let shared = Arc::new(Mutex::new(held));
    (GatedIo { shared: Arc::clone(&shared) }, Gate { shared })
}

impl Gate {
    /// The counts of this connection.
    pub(super) fn meters(&self) -> Arc<Meters> {
        Arc::clone(lock(&self.shared).guard.meters())
    }

    /// What peers really sent as `:authority`.
    pub(super) fn originals(&self) -> Originals {
        lock(&self.shared).guard.originals().clone()
    }

    /// Has all that passes from now on told to `follower`.
    pub(super) fn tell(&self, follower: Follower) {
        lock(&self.shared).follower = Some(follower);
    }

    /// Ends the byte stream for h2 with this error; the connection has to be polled for it.
    pub(super) fn break_off(&self, error: io::Error) {
        lock(&self.shared).fail(error);
    }

    /// Writes all held bytes to the byte stream, and has it pass on what it keeps itself.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut held = lock(&self.shared);
        if held.bytes.is_empty() && !held.is_unflushed {
            return Poll::Ready(());
        }
        ready!(held.poll_write_held(cx));
        let flushed = ready!(Pin::new(&mut held.io).poll_flush(cx));
        held.is_unflushed = false;
        if let Err(error) = flushed {
            held.fail(error);
        }
        if held.failure.is_some() {
            // h2 learns of it when it reads next.
            cx.waker().wake_by_ref();
        }
        Poll::Ready(())
    }

    /// Begins a new round of reading; says whether the last one left something unread.
    pub(super) fn resume(&mut self) -> bool {
        let mut held = lock(&self.shared);
        held.guard.refill();
        mem::take(&mut held.is_paused)
    }

    /// Reads and forgets what the peer still sends, until it closes too.
    pub(super) fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut held = lock(&self.shared);
        let mut scrap = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut scrap);
            match ready!(Pin::new(&mut held.io).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    }
}

struct Held {
    io: Box<dyn Io>,
    /// Written by h2, not yet let out.
    bytes: BytesMut,
    /// Whether something was written since the byte stream was flushed.
    is_unflushed: bool,
    failure: Option<Failure>,
    cutting: Option<Cutting>,
    opening: Option<Opening>,
    guard: Guard,
    /// Read from the byte stream, not yet given to h2.
    ahead: BytesMut,
    /// How much of `ahead` the guard has admitted.
    admitted: usize,
    /// Whether h2 asked for more than this round has.
    is_paused: bool,
    /// Wakes the [watcher](watching).
    watcher: Option<Waker>,
    order: Option<Order>,
    /// A GOAWAY to be put between two frames of h2's.
    farewell: Option<Vec<u8>>,
    /// Whether the PING of a drain is to be answered in the peer's stead.
    is_unanswered: bool,
    /// On a client, learns what the frames say about its calls.
    follower: Option<Follower>,
}

impl AsyncRead for GatedIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut held = lock(&self.shared);
        let before = buf.filled().len();
        let read = held.poll_read(cx, buf);
        if let Some(follower) = &mut held.follower {
            follower.received(&buf.filled()[before..]);
        }
        if read.is_ready() || held.is_paused || !tokio::task::coop::has_budget_remaining() {
            return read;
        }
        // What the peer sent before it closed is in the socket already, but the runtime may not have looked there yet.
        if let Some(failure) = &mut held.failure {
            ready!(failure.told.as_mut().poll(cx));
        }
        held.failure.take().map_or(Poll::Pending, |failure| Poll::Ready(Err(failure.error)))
    }
}

impl AsyncWrite for GatedIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut held = lock(&self.shared);
        let len = slices.iter().map(|slice| slice.len()).sum();
        if held.failure.is_some() {
            cx.waker().wake_by_ref();
            return Poll::Ready(Ok(len));
        }
        if held.cutting.is_some() {
            held.write_cut(slices);
            return Poll::Ready(Ok(len));
        }
        if len > WRITE_THROUGH || held.bytes.len() + len > HELD_MAX {
            let count = ready!(held.poll_write_through(cx, slices));
            held.sent(cx, slices, count);
            return Poll::Ready(Ok(count));
        }
        for slice in slices {
            held.bytes.extend_from_slice(slice);
        }
        held.sent(cx, slices, len);
        Poll::Ready(Ok(len))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut held = lock(&self.shared);
        ready!(held.poll_write_held(cx));
        Pin::new(&mut held.io).poll_shutdown(cx)
    }
}

fn lock(shared: &Mutex<Held>) -> MutexGuard<'_, Held> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

// A write larger than this goes to the socket without a copy.
const WRITE_THROUGH: usize = 16 * 1024;

// At most this many bytes wait for the driver; the next write first sends them.
const HELD_MAX: usize = 64 * 1024;
