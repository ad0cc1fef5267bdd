//! Held bytes on their way to the byte stream, and what becomes of them when it fails.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Buf;
use tokio::{io::AsyncWrite, time::Sleep};

use super::Held;

/// A write that failed, and the time until which what the peer has still sent is read.
pub(super) struct Failure {
    pub(super) error: io::Error,
    pub(super) told: Pin<Box<Sleep>>,
}

impl Held {
    /// Writes all that is held, without a flush.
    pub(super) fn poll_write_held(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.bytes.is_empty() {
            let written = Pin::new(&mut self.io).poll_write(cx, &self.bytes);
            self.follow(&written);
            self.wrote(ready!(written));
        }
        Poll::Ready(())
    }

    /// Writes what is held and then `slices` by one `writev`; says how many bytes of `slices` went out.
    pub(super) fn poll_write_through(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<usize> {
        loop {
            let mut vector = [IoSlice::new(&[]); SLICES];
            let first = usize::from(!self.bytes.is_empty());
            vector[0] = IoSlice::new(&self.bytes);
            for (place, slice) in vector[first..].iter_mut().zip(slices) {
                *place = IoSlice::new(slice);
            }
            let used = SLICES.min(first + slices.len());
            let written = Pin::new(&mut self.io).poll_write_vectored(cx, &vector[..used]);
            self.follow(&written);
            let held = self.bytes.len();
            match ready!(written) {
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

    /// Takes note of whether the byte stream takes what is written.
    fn follow(&mut self, written: &Poll<io::Result<usize>>) {
        if written.is_ready() {
            self.guard.flows();
        } else {
            self.guard.sticks();
            self.tell_news();
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

    /// The error with the endpoint in its text, on a client.
    pub(super) fn named(&self, error: io::Error) -> io::Error {
        match &self.opening {
            Some(opening) => opening.name(&error),
            None => error,
        }
    }

    /// Takes note that the byte stream has failed; h2 is told once what the peer has still sent is read.
    pub(super) fn fail(&mut self, error: io::Error) {
        self.bytes.clear();
        self.is_unflushed = false;
        let error = self.named(error);
        let told = || Box::pin(tokio::time::sleep(LAST_READS));
        self.failure.get_or_insert_with(|| Failure { error, told: told() });
    }
}

// A runtime that lets this time pass has looked at its sockets before.
const LAST_READS: Duration = Duration::from_millis(5);

// h2 writes a frame head, the rest of its buffer and a rope of two pieces; one more for what is held.
const SLICES: usize = 8;
