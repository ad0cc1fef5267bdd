//! The two halves of a stream.
//!
//! Capacity is awaited before DATA is queued, so that h2 buffers no more than it may send; window is given back chunk by
//! chunk as the receiving half is read. Dropping a half whose stream is not over resets the stream with CANCEL once both
//! are gone; h2 itself turns that into NO_ERROR where a server has already sent its trailers (RFC 9113, section 8.1).

use std::{
    fmt,
    future::poll_fn,
    mem,
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;

use crate::{
    http2::{DataBuf, Error, Initiator, backlog::Backlog, error_code, guard::OpenCall},
    transport::BoxFuture,
};

/// The half that sends DATA and trailers.
pub struct SendHalf {
    stream: h2::SendStream<DataBuf>,
    /// How large a piece may be queued without waiting for the window; nothing after the first one.
    unawaited: usize,
    /// On a server, what the connection has ready in all.
    backlog: Option<Backlog>,
}

impl SendHalf {
    pub(super) fn new(stream: h2::SendStream<DataBuf>) -> Self {
        Self { stream, unawaited: QUEUED_UNAWAITED, backlog: None }
    }

    /// A half that loses patience with a peer who takes nothing while too much waits for it.
    pub(super) fn within(stream: h2::SendStream<DataBuf>, backlog: Option<Backlog>) -> Self {
        Self { backlog, ..Self::new(stream) }
    }

    /// Sends DATA, as the peer's window and this connection's buffers allow.
    pub async fn send(&mut self, mut data: DataBuf) -> Result<(), Error> {
        while !self.try_send(&mut data)? {
            self.growth().await?;
        }
        Ok(())
    }

    /// Sends DATA and then END_STREAM, on the last DATA frame.
    pub async fn send_last(&mut self, mut data: DataBuf) -> Result<(), Error> {
        while !self.try_send_last(&mut data)? {
            self.growth().await?;
        }
        Ok(())
    }

    /// Sends what may leave now of what [`SendHalf::send`] is given, and leaves the rest; says whether that was all.
    pub fn try_send(&mut self, data: &mut DataBuf) -> Result<bool, Error> {
        let is_all = self.send_all_but_last(data)?;
        if is_all && data.has_remaining() {
            self.stream.send_data(mem::take(data), false)?;
        }
        Ok(is_all)
    }

    /// The same of [`SendHalf::send_last`].
    pub fn try_send_last(&mut self, data: &mut DataBuf) -> Result<bool, Error> {
        let is_all = self.send_all_but_last(data)?;
        if is_all {
            self.stream.send_data(mem::take(data), true)?;
        }
        Ok(is_all)
    }

    /// Sends trailers: one HEADERS frame with END_STREAM.
    pub fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), Error> {
        Ok(self.stream.send_trailers(trailers)?)
    }

    /// Sends RST_STREAM with this error code.
    pub fn reset(&mut self, code: u32) {
        self.stream.send_reset(code.into());
    }

    /// Waits until the peer resets the stream or the connection ends.
    pub fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        self.stream.poll_reset(cx).map(reset_error)
    }

    /// Sends all pieces that fit behind what is queued already, but for the last; says whether that one fits too.
    fn send_all_but_last(&mut self, data: &mut DataBuf) -> Result<bool, Error> {
        // h2 would keep all that is queued, whatever the window.
        while data.remaining() > self.unawaited {
            self.stream.reserve_capacity(data.remaining());
            match self.stream.capacity() {
                0 => return Ok(false),
                capacity if capacity >= data.remaining() => break,
                capacity => self.stream.send_data(data.split_to(capacity), false)?,
            }
        }
        self.unawaited = 0;
        Ok(true)
    }

    /// Waits until more fits: only where nothing does, because h2 tells growth alone. Boxed, because most of what is sent
    /// fits, and every stream would take its memory.
    fn growth(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let Self { stream, backlog, .. } = self;
            let growth = pin!(poll_fn(|cx| stream.poll_capacity(cx)));
            let grown = match backlog {
                None => Some(growth.await),
                Some(backlog) => backlog.patiently(growth).await,
            };
            match grown {
                Some(Some(capacity)) => Ok(capacity.map(drop)?),
                Some(None) => Err(poll_fn(|cx| self.poll_reset(cx)).await),
                None => {
                    self.reset(error_code::ENHANCE_YOUR_CALM);
                    Err(Error::reset(error_code::ENHANCE_YOUR_CALM, Initiator::Local))
                }
            }
        })
    }
}

impl fmt::Debug for SendHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendHalf").field("stream", &self.stream.stream_id()).finish_non_exhaustive()
    }
}

/// The half that receives DATA and trailers.
pub struct RecvHalf {
    stream: h2::RecvStream,
    /// A payload that [`RecvHalf::is_broken_off`] came upon.
    ahead: Option<Bytes>,
    /// On a client, the call is in flight until this is dropped.
    _open: Option<OpenCall>,
}

impl RecvHalf {
    pub(super) fn new(stream: h2::RecvStream) -> Self {
        Self { stream, ahead: None, _open: None }
    }

    pub(super) fn of_client(stream: h2::RecvStream, open: Option<OpenCall>) -> Self {
        Self { stream, ahead: None, _open: open }
    }

    /// The payload of the next DATA frame; `None` at the end of DATA. Its window is given back at once, because only a
    /// reader that wants more asks.
    pub async fn data(&mut self) -> Result<Option<Bytes>, Error> {
        poll_fn(|cx| self.poll_data(cx)).await
    }

    /// See [`RecvHalf::data`].
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        let data = match self.ahead.take() {
            Some(data) => Poll::Ready(Some(Ok(data))),
            None => self.stream.poll_data(cx),
        };
        data.map(|data| {
            let Some(data) = data.transpose()? else { return Ok(None) };
            // It fails only for more than was received.
            let _ = self.stream.flow_control().release_capacity(data.len());
            Ok(Some(data))
        })
    }

    /// The trailers after the last DATA, if the stream ended with some.
    pub async fn trailers(&mut self) -> Result<Option<HeaderMap>, Error> {
        Ok(poll_fn(|cx| self.stream.poll_trailers(cx)).await?)
    }

    /// Whether END_STREAM has been received and nothing is left to read.
    pub fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    /// Whether nothing is left to read because the stream was broken off: h2 then no longer knows of an END_STREAM that
    /// came before.
    pub fn is_broken_off(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        match self.stream.poll_data(&mut cx) {
            Poll::Ready(Some(Ok(data))) => {
                self.ahead = Some(data);
                false
            }
            Poll::Ready(Some(Err(_))) => true,
            Poll::Ready(None) | Poll::Pending => false,
        }
    }
}

impl fmt::Debug for RecvHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvHalf").field("stream", &self.stream.stream_id()).finish_non_exhaustive()
    }
}

/// What `poll_reset` found: the peer's code, or the end of the connection.
pub(super) fn reset_error(reset: Result<h2::Reason, h2::Error>) -> Error {
    match reset {
        Ok(reason) => Error::reset(reason.into(), Initiator::Remote),
        Err(error) => error.into(),
    }
}

// The first piece of a stream, if no larger than this, is queued without waiting for the window, which spares a unary
// call the look at it. It is one per stream, so the memory is bounded by the number of streams.
const QUEUED_UNAWAITED: usize = 16 * 1024;
