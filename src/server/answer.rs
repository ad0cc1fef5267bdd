//! **Response** -> (Response-Headers Length-Prefixed-Message Trailers) / Trailers-Only, as a server writes it: the answer
//! of a method with one response.
//!
//! What the client's window and this connection's buffers allow leaves at once, so most answers cost no future; the rest
//! of a large one is counted in the connection's backlog while it waits. Handlers that waited for something may return all
//! at once: their answers are got ready in turns, while the backlog has room.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use bytes::Buf;

use crate::{
    call::{Deadline, Head, MessageEncoder, Response},
    http2::{Backlog, DataBuf, Respond, Unsent, breathe, error_code, is_time_for_others, worked},
    server::handler::{Accepts, Ended},
    transport::BoxFuture,
    wire::{ContentType, EncodingSet, Status, Trailers},
};

/// Waits until an answer may be got ready; `false` if its call is over before. Boxed, as [`finish`]; `None` if it may be at
/// once.
pub(super) fn turn<'a>(
    respond: &'a mut Respond,
    backlog: &'a Backlog,
    deadline: Option<Deadline>,
) -> Option<BoxFuture<'a, bool>> {
    if backlog.has_turn() && !is_time_for_others() {
        return None;
    }
    Some(Box::pin(async move {
        let mut turn = pin!(backlog.turn());
        let turn = poll_fn(|cx| match respond.poll_reset(cx) {
            Poll::Ready(_) => Poll::Ready(false),
            Poll::Pending => turn.as_mut().poll(cx).map(|()| true),
        });
        let Some(is_open) = Deadline::unless_passed(deadline, turn).await else {
            respond.reset(error_code::CANCEL);
            return false;
        };
        breathe().await;
        is_open
    }))
}

/// Answers with one message or a status. Gives back what has to wait for the client's window.
pub(super) fn answer<R>(
    respond: &mut Respond,
    encoder: MessageEncoder<R>,
    accepts: Accepts,
    ended: Ended<Response<R>>,
) -> Option<Unsent> {
    let Accepts { content_type, encodings } = accepts;
    let result = match ended {
        Ended::Returned(result) => result,
        Ended::DeadlinePassed => {
            respond.reset(error_code::CANCEL);
            return None;
        }
        Ended::Cancelled => return None,
    };
    match result.and_then(|response| encode(response, encoder, encodings)) {
        Ok((head, data, trailers)) => {
            worked(data.remaining());
            // -> HEADERS, DATA, HEADERS with END_STREAM, in one write. A client that is gone needs no answer.
            respond.send_all(head.into_http(content_type), data, trailers.to_http()).ok().flatten()
        }
        Err(status) => {
            fail(respond, status, content_type);
            None
        }
    }
}

/// The three parts of an answer.
fn encode<R>(
    response: Response<R>,
    mut encoder: MessageEncoder<R>,
    accepted: EncodingSet,
) -> Result<(Head, DataBuf, Trailers), Status> {
    let (message, metadata, trailers, wanted) = response.into_parts();
    if accepted.contains(wanted) {
        encoder.set_encoding(wanted);
    }
    let data = encoder.encode(&message)?;
    Ok((Head { metadata, encoding: encoder.encoding() }, data, Trailers::ok(trailers)))
}

/// Sends the rest of an answer. Boxed, because few answers have one, and all calls would take its memory.
pub(super) fn finish<'a>(
    respond: &'a mut Respond,
    unsent: Unsent,
    backlog: &'a Backlog,
    deadline: Option<Deadline>,
) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let _queued = backlog.queue(unsent.remaining());
        if Deadline::unless_passed(deadline, unsent.send()).await.is_none() {
            respond.reset(error_code::CANCEL);
        }
    })
}

/// -> HEADERS with END_STREAM: a status and nothing else.
pub(super) fn fail(respond: &mut Respond, status: Status, content_type: ContentType) {
    let trailers = Trailers::from_status(status);
    // A client that is gone needs no answer.
    let _ = respond.send_only(trailers.to_http_only(content_type, EncodingSet::EMPTY));
}
