//! The end of a connection that the guard cuts: GOAWAY behind the frame that is being written, then nothing more.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{io::AsyncWrite, time::Sleep};

use super::Held;
use crate::http2::guard::Cut;

/// A connection that is being cut.
pub(super) struct Cutting {
    cut: Cut,
    /// Whether GOAWAY is among the held bytes or has left.
    is_told: bool,
    /// When the peer has had time enough to take it.
    over: Pin<Box<Sleep>>,
}

impl Held {
    /// Begins to cut the connection: h2 is given nothing more and its frames are dropped.
    pub(super) fn cut(&mut self, cut: Cut) {
        if self.cutting.is_none() {
            let over = Box::pin(tokio::time::sleep(LAST_WORDS));
            self.cutting = Some(Cutting { cut, is_told: false, over });
            self.tell_between_frames();
        }
    }

    /// Takes what h2 writes after the cut: only the rest of the frame that it had begun goes out.
    pub(super) fn write_cut(&mut self, slices: &[IoSlice<'_>]) {
        for slice in slices {
            let mut rest = &slice[..];
            while self.guard.unfinished() > 0 && !rest.is_empty() {
                let count = self.guard.unfinished().min(rest.len());
                self.bytes.extend_from_slice(&rest[..count]);
                self.guard.sent(&[IoSlice::new(&rest[..count])], count);
                rest = &rest[count..];
            }
            self.tell_between_frames();
        }
    }

    /// Waits until GOAWAY is written, not for long, and then tells h2 why the connection is over.
    pub(super) fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_written = self.poll_write_held(cx).is_ready();
        let Some(cutting) = &mut self.cutting else { return Poll::Pending };
        if !(cutting.is_told && is_written) {
            ready!(cutting.over.as_mut().poll(cx));
        }
        // The peer sees the end at once, while what it still sends is read and forgotten.
        let _ = Pin::new(&mut self.io).poll_shutdown(cx);
        let Cut { code, debug } = cutting.cut;
        let error = io::Error::new(io::ErrorKind::ConnectionAborted, format!("cut off by {code}: {debug}"));
        Poll::Ready(Err(self.named(error)))
    }

    fn tell_between_frames(&mut self) {
        let Some(cutting) = &mut self.cutting else { return };
        if !cutting.is_told && self.guard.unfinished() == 0 {
            cutting.is_told = true;
            self.bytes.extend_from_slice(&self.guard.goaway(&cutting.cut));
        }
    }
}

// A peer that reads takes a GOAWAY within this time; one that does not is not waited for.
const LAST_WORDS: Duration = Duration::from_millis(500);
