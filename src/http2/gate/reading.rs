//! What was received on its way to h2: read where h2 will have it, judged there, and held back only where it must be.
//!
//! A read goes into h2's own buffer, behind the few bytes that were held back before. Where more is held, such as a long
//! field block, it grows in the gate until it is whole.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::Held;

impl Held {
    /// Gives h2 what the guard admits.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        while self.cutting.is_none() {
            if self.admitted == 0 {
                self.acknowledge();
            }
            if self.admitted == 0 && !self.ahead.is_empty() {
                match self.guard.admit(&mut self.ahead) {
                    Ok(count) => self.admitted = count,
                    Err(cut) => self.cut(cut),
                }
            }
            if self.admitted > 0 {
                let count = self.admitted.min(buf.remaining());
                buf.put_slice(&self.ahead[..count]);
                self.ahead.advance(count);
                self.admitted -= count;
                return Poll::Ready(Ok(()));
            }
            if self.guard.waits_for_ends() {
                // What is written wakes the connection.
                return Poll::Pending;
            }
            if self.guard.is_paused() {
                self.is_paused = true;
                return Poll::Pending;
            }
            let is_end = if self.ahead.len() < HELD_IN_PLACE.min(buf.remaining()) {
                ready!(self.poll_read_in_place(cx, buf))?
            } else {
                ready!(self.poll_read_ahead(cx))?
            };
            if is_end || buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
        self.poll_cut(cx)
    }

    /// Reads into h2's buffer and takes out what is not admitted. Says whether the byte stream has ended.
    fn poll_read_in_place(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = buf.filled().len();
        buf.put_slice(&self.ahead);
        let held = buf.filled().len();
        let read = self.poll_read_stream(cx, buf);
        if read.is_pending() && held > before {
            self.guard.waits();
            self.tell_news();
        }
        if !matches!(read, Poll::Ready(Ok(()))) || buf.filled().len() == held {
            buf.set_filled(before);
            return read.map_ok(|()| true);
        }
        let bytes = &mut buf.filled_mut()[before..];
        let admitted = match self.guard.admit(bytes) {
            Ok(count) => count,
            Err(cut) => {
                self.cut(cut);
                0
            }
        };
        self.ahead.clear();
        self.ahead.extend_from_slice(&bytes[admitted..]);
        buf.set_filled(before + admitted);
        Poll::Ready(Ok(false))
    }

    /// Reads behind what is held. Says whether the byte stream has ended.
    fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.ahead.reserve(READ_AHEAD);
        let Poll::Ready(read) = pin!(self.io.read_buf(&mut self.ahead)).poll(cx) else {
            self.guard.waits();
            self.tell_news();
            return Poll::Pending;
        };
        Poll::Ready(match (read, &self.opening) {
            (Ok(0), Some(opening)) => Err(opening.ended()),
            (Ok(count), _) => Ok(count == 0),
            (Err(error), _) => Err(self.named(error)),
        })
    }

    /// Reads from the byte stream; a client sees first whether it is HTTP/2 at all.
    fn poll_read_stream(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(opening) = &mut self.opening else { return Pin::new(&mut self.io).poll_read(cx, buf) };
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
}

// More than the head of a frame and most field blocks; copied again with each read until it is whole.
const HELD_IN_PLACE: usize = 1024;

const READ_AHEAD: usize = 8 * 1024;
