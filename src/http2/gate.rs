//! The gate between h2 and the byte stream: it holds written bytes until the driver lets them out.
//!
//! h2 flushes after every DATA frame of 256 bytes and more, one system call each. The gate answers h2's flush at once,
//! keeps small writes, and sends them by one `write` when the [driver](super::Driver) says so; a large write goes out
//! with what is held before it in one `writev`, without a copy. What the peer sent passes round by round, as the
//! [pace](super::pace) has it. A write that fails does not hide what the peer has still sent: reads go on to the end of
//! the byte stream, then the failure is told.

use std::{
    future::Future,
    io::{self, IoSlice},
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use super::{opening::Opening, pace::Pace, standing::Watch};
use crate::transport::Io;

/// The driver's side: lets the held bytes out.
pub(super) struct Gate {
    shared: Arc<Mutex<Held>>,
}

/// h2's side: a byte stream whose flush waits for the driver.
pub(super) struct GatedIo {
    shared: Arc<Mutex<Held>>,
}

/// What only a client asks of its byte stream: that a server speaks, and what it says about calls.
pub(super) struct OfServer {
    pub(super) opening: Opening,
    pub(super) watch: Watch,
}

/// Puts a gate before a byte stream.
pub(super) fn gate(io: Box<dyn Io>, pace: Pace, of_server: Option<OfServer>) -> (GatedIo, Gate) {
    let held = Held {
        io,
        bytes: BytesMut::new(),
        is_unflushed: false,
        failure: None,
        of_server,
        reads: 0,
        pace,
        read_ahead: Bytes::new(),
        is_paused: false,
    };
    let shared = Arc::new(Mutex::new(held));
    (GatedIo { shared: Arc::clone(&shared) }, Gate { shared })
}

impl Gate {
    /// Writes all held bytes to the byte stream, and has it pass on what it keeps itself.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut held = lock(&self.shared);
        if held.bytes.is_empty() && !held.is_unflushed {
            return Poll::Ready(());
        }
        ready!(held.poll_drain(cx));
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
        held.pace.refill();
        mem::take(&mut held.is_paused)
    }

    /// How often something was read: a peer that sends anything at all lives.
    pub(super) fn reads(&self) -> u64 {
        lock(&self.shared).reads
    }

    /// Ends the byte stream for h2 with this error; the connection has to be polled for it.
    pub(super) fn break_off(&self, error: io::Error) {
        lock(&self.shared).fail(error);
    }

    /// Another handle to the same gate.
    pub(super) fn share(&self) -> Gate {
        Gate { shared: Arc::clone(&self.shared) }
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

/// A write that failed, and the time until which what the peer has still sent is read.
struct Failure {
    error: io::Error,
    told: Pin<Box<Sleep>>,
}

struct Held {
    io: Box<dyn Io>,
    /// Written by h2, not yet let out.
    bytes: BytesMut,
    /// Whether something was written since the byte stream was flushed.
    is_unflushed: bool,
    failure: Option<Failure>,
    of_server: Option<OfServer>,
    /// How often something was read.
    reads: u64,
    pace: Pace,
    /// Read from the byte stream, left for a later round.
    read_ahead: Bytes,
    /// Whether h2 asked for more than this round has.
    is_paused: bool,
}

impl Held {
    /// Gives h2 what belongs to this round.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.pace.is_over() {
            self.is_paused = true;
            return Poll::Pending;
        }
        let before = buf.filled().len();
        if self.read_ahead.is_empty() {
            ready!(self.poll_read_stream(cx, buf))?;
        } else {
            let count = self.read_ahead.len().min(buf.remaining());
            buf.put_slice(&self.read_ahead.split_to(count));
        }
        let read = &buf.filled()[before..];
        let admitted = self.pace.admit(read);
        self.reads += 1;
        if let Some(of_server) = &mut self.of_server {
            of_server.watch.received(&read[..admitted]);
        }
        if admitted < read.len() {
            self.read_ahead = [&read[admitted..], &self.read_ahead].concat().into();
            buf.set_filled(before + admitted);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads from the byte stream; a client sees first whether it is HTTP/2 at all.
    fn poll_read_stream(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(OfServer { opening, .. }) = &mut self.of_server else {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        };
        while opening.wants() > 0 {
            let mut bytes = vec![0; opening.wants().min(buf.remaining())];
            let mut first = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut first)).map_err(|error| opening.name(&error))?;
            if let Some(all) = opening.push(first.filled())? {
                buf.put_slice(&all);
                return Poll::Ready(Ok(()));
            }
        }
        let before = buf.filled().len();
        Poll::Ready(match ready!(Pin::new(&mut self.io).poll_read(cx, buf)) {
            Ok(()) if buf.filled().len() == before => Err(opening.ended()),
            Ok(()) => Ok(()),
            Err(error) => Err(opening.name(&error)),
        })
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.bytes.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.bytes));
            self.wrote(written);
        }
        Poll::Ready(())
    }

    /// Writes what is held and then `slices` by one `writev`; says how many bytes of `slices` went out.
    fn poll_write_through(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<usize> {
        loop {
            let mut vector = [IoSlice::new(&[]); SLICES];
            let first = usize::from(!self.bytes.is_empty());
            vector[0] = IoSlice::new(&self.bytes);
            for (place, slice) in vector[first..].iter_mut().zip(slices) {
                *place = IoSlice::new(slice);
            }
            let used = SLICES.min(first + slices.len());
            let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, &vector[..used]));
            let held = self.bytes.len();
            match written {
                Ok(count) if count > held => {
                    self.is_unflushed = true;
                    self.bytes.clear();
                    return Poll::Ready(count - held);
                }
                written => self.wrote(written),
            }
            if self.failure.is_some() {
                // h2 learns of it when it reads next.
                cx.waker().wake_by_ref();
                return Poll::Ready(slices.iter().map(|slice| slice.len()).sum());
            }
        }
    }

    /// Takes note of what h2 got rid of: the first `count` bytes of these.
    fn note_sent(&mut self, slices: &[IoSlice<'_>], mut count: usize) {
        let Some(OfServer { watch, .. }) = &mut self.of_server else { return };
        for slice in slices {
            let (sent, _) = slice.split_at(count.min(slice.len()));
            watch.sent(sent);
            count -= sent.len();
        }
    }

    /// Takes note of a write of held bytes; after a failure nothing more is held.
    fn wrote(&mut self, written: io::Result<usize>) {
        match written {
            Ok(0) => self.fail(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                self.is_unflushed = true;
                self.bytes.advance(count);
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.bytes.clear();
        self.is_unflushed = false;
        let error = match &self.of_server {
            Some(of_server) => of_server.opening.name(&error),
            None => error,
        };
        let told = || Box::pin(tokio::time::sleep(LAST_READS));
        self.failure.get_or_insert_with(|| Failure { error, told: told() });
    }
}

impl AsyncRead for GatedIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut held = lock(&self.shared);
        let read = held.poll_read(cx, buf);
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
        if len > WRITE_THROUGH || held.bytes.len() + len > HELD_MAX {
            let count = ready!(held.poll_write_through(cx, slices));
            held.note_sent(slices, count);
            return Poll::Ready(Ok(count));
        }
        for slice in slices {
            held.bytes.extend_from_slice(slice);
        }
        held.note_sent(slices, len);
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
        ready!(held.poll_drain(cx));
        Pin::new(&mut held.io).poll_shutdown(cx)
    }
}

fn lock(shared: &Mutex<Held>) -> MutexGuard<'_, Held> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

// A runtime that lets this time pass has looked at its sockets before.
const LAST_READS: Duration = Duration::from_millis(5);

// A write larger than this goes to the socket without a copy.
const WRITE_THROUGH: usize = 16 * 1024;

// At most this many bytes wait for the driver; the next write first sends them.
const HELD_MAX: usize = 64 * 1024;

// h2 writes a frame head, the rest of its buffer and a rope of two pieces; one more for what is held.
const SLICES: usize = 8;
