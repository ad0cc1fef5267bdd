//! A handler without its message types, and what ends it early.
//!
//! A handler runs until it returns, the client cancels, or the deadline passes; in the last two cases it is dropped where
//! it waits. A panic is its own: the call ends with UNKNOWN (rule 37), the connection and other calls live.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    call::{Deadline, MessageDecoder, MessageEncoder, MethodDescriptor, Request},
    codec,
    http2::{Backlog, RecvHalf, Respond, Room},
    server::settings::Settings,
    transport::{BoxFuture, Peer},
    wire::{ContentType, Encoding, EncodingSet, RequestHeaders, Status},
};

/// Serves one call of one method.
pub(super) type Handler = Box<dyn Fn(Call<'_>) -> BoxFuture<'static, ()> + Send + Sync>;

/// A call whose request headers are read.
pub(super) struct Call<'a> {
    /// All but the messages.
    pub(super) request: Request<()>,
    /// Message-Encoding of the request.
    pub(super) encoding: Encoding,
    pub(super) accepts: Accepts,
    pub(super) body: RecvHalf,
    pub(super) respond: Respond,
    /// For the decoder.
    room: Option<Room>,
    pub(super) backlog: Backlog,
    settings: &'a Settings,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        headers: RequestHeaders,
        body: RecvHalf,
        respond: Respond,
        (room, backlog): (Room, Backlog),
        peer: Arc<Peer>,
        settings: &'a Settings,
    ) -> Self {
        let deadline = headers.timeout.map(|timeout| Deadline::after(timeout.duration()));
        Self {
            encoding: headers.encoding,
            accepts: Accepts {
                content_type: headers.content_type.clone(),
                encodings: headers.accept_encoding.intersection(codec::supported()),
            },
            request: Request::received(headers, peer, Arc::clone(respond.meters()), deadline),
            body,
            respond,
            room: Some(room),
            backlog,
            settings,
        }
    }

    /// Both directions' codecs, within the limits of the method.
    pub(super) fn codecs<Q, R>(
        &mut self,
        method: &MethodDescriptor<Q, R>,
    ) -> (MessageDecoder<Q>, MessageEncoder<R>) {
        let limits = self.settings.limits(method.path(), method.limits());
        (
            MessageDecoder::new(method.request_codec(), self.encoding, limits.recv_bytes())
                .within(self.room.take()),
            MessageEncoder::new(method.response_codec(), Encoding::Identity, limits.send_bytes()),
        )
    }
}

/// What the answer may be written in.
pub(super) struct Accepts {
    /// The format of its messages.
    pub(super) content_type: ContentType,
    /// The encodings that the client takes and this side makes.
    pub(super) encodings: EncodingSet,
}

/// How a handler ended.
pub(super) enum Ended<T> {
    /// It returned, or panicked.
    Returned(Result<T, Status>),
    /// The client reset the stream, or the connection is gone: there is nobody to answer.
    Cancelled,
    /// The deadline passed (rule 42).
    DeadlinePassed,
}

/// Runs a handler until it returns or nobody waits for it any more.
pub(super) async fn run<T>(
    mut handler: Pin<&mut impl Future<Output = Result<T, Status>>>,
    deadline: Option<Deadline>,
    mut poll_cancelled: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> Ended<T> {
    // One that had passed on arrival starts no handler (rule 6).
    if deadline.is_some_and(|deadline| deadline.is_past()) {
        return Ended::DeadlinePassed;
    }
    // Boxed, because a timer is large and most calls have none.
    let mut passed = deadline.map(|deadline| Box::pin(deadline.passed()));
    poll_fn(|cx| {
        // A handler that has panicked is not polled again.
        match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
            Ok(Poll::Ready(result)) => return Poll::Ready(Ended::Returned(result)),
            Ok(Poll::Pending) => {}
            Err(_) => return Poll::Ready(Ended::Returned(Err(Status::unknown("the handler panicked")))),
        }
        if poll_cancelled(cx).is_ready() {
            return Poll::Ready(Ended::Cancelled);
        }
        match passed.as_mut().map(|passed| passed.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Ended::DeadlinePassed),
            _ => Poll::Pending,
        }
    })
    .await
}
