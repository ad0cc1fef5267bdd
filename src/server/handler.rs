//! A handler without its message types, and what ends it early.
//!
//! A handler runs until it returns, the client cancels, or the deadline passes; in the last two cases it is dropped where
//! it waits. A panic is its own: the call ends with UNKNOWN (rule 37), the connection and other calls live.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    call::Deadline,
    http2::{RecvHalf, Respond},
    server::settings::Settings,
    transport::{BoxFuture, Peer},
    wire::{RequestHeaders, Status},
};

/// Serves one call of one method.
pub(super) type Handler = Box<dyn Fn(Call) -> BoxFuture<'static, ()> + Send + Sync>;

/// A call whose request headers are read.
pub(super) struct Call {
    pub(super) headers: RequestHeaders,
    pub(super) body: RecvHalf,
    pub(super) respond: Respond,
    pub(super) peer: Arc<Peer>,
    pub(super) settings: Arc<Settings>,
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
    handler: impl Future<Output = Result<T, Status>>,
    deadline: Option<Deadline>,
    mut poll_cancelled: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> Ended<T> {
    let mut handler = pin!(handler);
    let mut passed = pin!(deadline.map(Deadline::passed));
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
        match passed.as_mut().as_pin_mut().map(|passed| passed.poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Ended::DeadlinePassed),
            _ => Poll::Pending,
        }
    })
    .await
}
