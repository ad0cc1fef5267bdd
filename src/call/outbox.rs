//! Messages on their way from a [`MessageSender`](super::MessageSender) to its stream.
//!
//! The sender appends, the connection's task takes: so all messages that are ready when the task comes by leave in one
//! DATA frame, none waits for a later one, and a sender whose stream stands still waits once [`HIGH_WATER`] bytes do.

mod kept;

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    mem,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes, BytesMut};

use self::kept::Kept;
use crate::{
    http2::{Backlog, DataBuf, Queued},
    wire::{ContentType, Encoding, EncodingSet, Metadata, ResponseHeaders, Status, Trailers},
};

/// The queue between a sender and its stream. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    head: Option<Head>,
    trailers: Metadata,
    /// Whole pieces, to be sent in this order before `tail`.
    pieces: VecDeque<DataBuf>,
    /// Small messages, one behind the other.
    tail: BytesMut,
    queued: usize,
    /// What was taken last, which is on its way.
    in_hand: usize,
    /// On a server, the part of all this that the connection's backlog counts.
    counted: Option<Queued>,
    kept: Kept,
    end: Option<End>,
    /// Whether an end was ever set: from then on no message is taken, also while the last ones leave.
    is_ended: bool,
    /// Why nothing more is taken.
    closed: Option<Status>,
    sender: Option<Waker>,
    stream: Option<Waker>,
}

/// Response-Headers that a sender decides on.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) metadata: Metadata,
    pub(crate) encoding: Encoding,
}

impl Head {
    /// -> HEADERS
    pub(crate) fn into_http(self, content_type: ContentType) -> http::Response<()> {
        let Head { metadata, encoding } = self;
        ResponseHeaders { encoding, accept_encoding: EncodingSet::EMPTY, metadata }.to_http(content_type)
    }
}

/// How a stream ends on this side.
#[derive(Debug)]
pub(crate) enum End {
    /// END_STREAM on the last DATA: a client is done sending.
    HalfClose,
    /// Trailers: a server is done.
    Trailers(Trailers),
    /// RST_STREAM with this error code.
    Reset(u32),
}

/// What a stream has to send next.
#[derive(Debug)]
pub(crate) enum Next {
    Head(Head),
    Data(DataBuf),
    End(DataBuf, End),
}

impl Outbox {
    /// An outbox that keeps what was taken, until it is told not to.
    pub(crate) fn keeping() -> Self {
        let outbox = Self::default();
        outbox.lock().kept = Kept::begin();
        outbox
    }

    /// An outbox on a connection with this backlog.
    #[cfg(feature = "server")]
    pub(crate) fn within(backlog: &Backlog) -> Self {
        let outbox = Self::default();
        outbox.lock().counted = Some(backlog.nothing());
        outbox
    }

    /// There was an answer: what was taken is not needed any more.
    pub(crate) fn commit(&self) {
        self.lock().kept.forget();
    }

    /// Has everything taken again, from the first message on. Says whether that can be: all of it is still at hand, and
    /// nobody has given the call up.
    pub(crate) fn rewind(&self) -> bool {
        let mut state = self.lock();
        let Some(pieces) = state.kept.take() else { return false };
        for piece in pieces.into_iter().rev() {
            state.queued += piece.remaining();
            state.pieces.push_front(piece);
        }
        if state.is_ended && state.end.is_none() {
            // A reset would have closed it.
            state.end = Some(End::HalfClose);
        }
        true
    }

    /// Sets Response-Headers.
    pub(crate) fn start(&self, head: Head) {
        self.change(|state| state.head = Some(head));
    }

    /// Appends a message by `encode`, which may give back a tail of shared bytes. `None` if there is no room: while the
    /// high-water mark is reached.
    pub(crate) fn push(
        &self,
        encode: impl FnOnce(&mut BytesMut) -> Result<Option<Bytes>, Status>,
    ) -> Option<Result<(), Status>> {
        let mut state = self.lock();
        if let Some(status) = state.refusal() {
            return Some(Err(status));
        }
        if !state.has_room() {
            return None;
        }
        let pushed = state.append(encode);
        state.count();
        let stream = state.stream.take();
        drop(state);
        wake(stream);
        Some(pushed)
    }

    /// On a server, waits until the connection may have a message more ready, or none is taken any more.
    pub(crate) async fn turn(&self) {
        let Some(backlog) = self.lock().counted.as_ref().map(|counted| counted.backlog().clone()) else {
            return;
        };
        if backlog.has_turn() {
            return;
        }
        let mut turn = pin!(backlog.turn());
        poll_fn(|cx| {
            if turn.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut state = self.lock();
            if state.refusal().is_some() {
                return Poll::Ready(());
            }
            remember(&mut state.sender, cx);
            Poll::Pending
        })
        .await;
    }

    /// Waits until there is room for a message, or none is taken any more.
    pub(crate) async fn room(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            // With too much on its connection it goes on when its own is on its way.
            if state.refusal().is_some() || state.has_room() {
                return Poll::Ready(());
            }
            remember(&mut state.sender, cx);
            Poll::Pending
        })
        .await;
    }

    /// Adds to the Custom-Metadata of Trailers.
    pub(crate) fn set_trailers(&self, trailers: Metadata) {
        self.lock().trailers = trailers;
    }

    /// The Custom-Metadata of Trailers that the sender left.
    pub(crate) fn take_trailers(&self) -> Metadata {
        mem::take(&mut self.lock().trailers)
    }

    /// Says how the stream ends once everything queued is sent. The first end counts.
    pub(crate) fn end(&self, end: End) {
        self.change(|state| {
            if !mem::replace(&mut state.is_ended, true) {
                state.end = Some(end);
            }
        });
    }

    /// Ends the stream at once by RST_STREAM: what is queued is lost, senders fail with `status`.
    pub(crate) fn reset(&self, code: u32, status: Status) {
        self.change(|state| {
            if state.closed.is_none() {
                state.close(status);
                state.is_ended = true;
                state.end = Some(End::Reset(code));
            }
        });
    }

    /// The stream is over: senders fail with `status`.
    pub(crate) fn close(&self, status: Status) {
        self.change(|state| state.close(status));
    }

    /// Closes when the guard is dropped, unless it is closed already: no sender waits for a stream that is gone.
    pub(crate) fn close_on_drop(self, why: &'static str) -> CloseOnDrop {
        CloseOnDrop { outbox: self, why }
    }

    /// What the stream has to send next, all ready messages as one piece.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut state = self.lock();
        if let Some(head) = state.head.take() {
            return Poll::Ready(Next::Head(head));
        }
        let data = state.take_data();
        state.in_hand = data.remaining();
        state.count();
        if state.is_drained()
            && let Some(end) = state.end.take()
        {
            return Poll::Ready(Next::End(data, end));
        }
        if data.has_remaining() {
            let sender = state.sender.take();
            drop(state);
            wake(sender);
            return Poll::Ready(Next::Data(data));
        }
        remember(&mut state.stream, cx);
        let sender = state.sender.take();
        drop(state);
        wake(sender);
        Poll::Pending
    }

    /// Fails once the stream is over.
    pub(crate) fn check_open(&self) -> Result<(), Status> {
        self.lock().refusal().map_or(Ok(()), Err)
    }

    /// Waits until this side resets the stream.
    pub(crate) fn poll_is_reset(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if let Some(End::Reset(_)) = state.end {
            return Poll::Ready(());
        }
        remember(&mut state.stream, cx);
        Poll::Pending
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let (sender, stream) = {
            let mut state = self.lock();
            change(&mut state);
            (state.sender.take(), state.stream.take())
        };
        wake(sender);
        wake(stream);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_data(&mut self) -> DataBuf {
        let data = self.pieces.pop_front().unwrap_or_else(|| DataBuf::from(self.tail.split().freeze()));
        self.queued -= data.remaining();
        self.kept.note(&data);
        if data.remaining() > HIGH_WATER / 2 {
            // A busy stream fills the next piece as well: at its full size from the start, so that it does not grow.
            self.tail.reserve(HIGH_WATER + HIGH_WATER / 8);
        }
        data
    }

    /// Whether a message is taken: not too many wait here, nor anything while too much waits on the connection.
    fn has_room(&self) -> bool {
        let is_backlogged = || self.counted.as_ref().is_some_and(|counted| counted.backlog().is_full());
        self.queued < HIGH_WATER && (self.queued + self.in_hand <= HIGH_WATER || !is_backlogged())
    }

    fn count(&mut self) {
        if let Some(counted) = &mut self.counted {
            counted.set(self.queued + self.in_hand);
        }
    }

    /// Why no message is taken any more.
    fn refusal(&self) -> Option<Status> {
        let ended = || self.is_ended.then(|| Status::cancelled("the call has ended"));
        self.closed.clone().or_else(ended)
    }

    fn is_drained(&self) -> bool {
        self.queued == 0
    }

    fn append(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> Result<Option<Bytes>, Status>,
    ) -> Result<(), Status> {
        let before = self.tail.len();
        let mut shared = encode(&mut self.tail)?;
        if let Some(small) = shared.take_if(|shared| shared.len() <= COPIED_MAX) {
            self.tail.extend_from_slice(&small);
        }
        self.queued += self.tail.len() - before;
        if let Some(shared) = shared {
            self.queued += shared.len();
            let head = self.tail.split().freeze();
            self.pieces.push_back(DataBuf::new(head, shared));
        }
        Ok(())
    }

    fn close(&mut self, status: Status) {
        self.pieces.clear();
        self.tail = BytesMut::new();
        self.queued = 0;
        self.in_hand = 0;
        self.count();
        self.kept.forget();
        self.closed.get_or_insert(status);
    }
}

/// See [`Outbox::close_on_drop`].
pub(crate) struct CloseOnDrop {
    outbox: Outbox,
    why: &'static str,
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.outbox.close(Status::cancelled(self.why));
    }
}

fn remember(place: &mut Option<Waker>, cx: &Context<'_>) {
    if !place.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *place = Some(cx.waker().clone());
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Queued bytes at which a sender waits: what one DATA frame takes well, and little to lose when a call is cancelled.
pub(crate) const HIGH_WATER: usize = 32 * 1024;

// A shared tail no longer than this is copied behind the messages before it: one DATA frame for many costs less than a
// frame for each.
const COPIED_MAX: usize = 4 * 1024;

#[cfg(test)]
mod tests;
