//! From an [`Outbox`] to its stream: the loop that runs on the connection's task.
//!
//! It sends what is ready as the window allows, stops at once when either side gives the call up, and tells the sender
//! why when the stream ends before it.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use crate::{
    call::outbox::{End, Next, Outbox},
    http2::{DataBuf, Error, SendHalf},
    wire::Trailers,
};

/// Sends what comes into `outbox` until its end. The sender fails from then on, also if this future is dropped before it
/// was ever polled, as happens to one that is handed to a connection which has just ended.
pub(crate) fn pump(outbox: Outbox, mut half: SendHalf) -> impl Future<Output = Result<(), Error>> {
    let closed = outbox.clone().close_on_drop("the call is over; its status is the receiver's");
    async move {
        let _closed = closed;
        send_all(&outbox, &mut half).await
    }
}

/// Sends what comes into `outbox` until its end, on this half.
pub(crate) async fn send_all(outbox: &Outbox, half: &mut SendHalf) -> Result<(), Error> {
    loop {
        let sent = match next(outbox, half).await? {
            // Response-Headers went out before there was a half to pump into.
            Next::Head(_) => Some(Ok(())),
            Next::Data(data) => unless_reset(outbox, half.send(data)).await,
            Next::End(data, end) => match unless_reset(outbox, send_end(half, data, end)).await {
                Some(sent) => return sent,
                None => None,
            },
        };
        // Without a result the reset is next in the outbox.
        sent.transpose()?;
    }
}

async fn send_end(half: &mut SendHalf, data: DataBuf, end: End) -> Result<(), Error> {
    match end {
        End::HalfClose => half.send_last(data).await,
        End::Trailers(trailers) => send_trailers(half, data, trailers).await,
        End::Reset(code) => {
            half.reset(code);
            Ok(())
        }
    }
}

async fn send_trailers(half: &mut SendHalf, data: DataBuf, trailers: Trailers) -> Result<(), Error> {
    half.send(data).await?;
    half.send_trailers(trailers.to_http())
}

/// What is to be sent next, or how the peer ended the stream first.
async fn next(outbox: &Outbox, half: &mut SendHalf) -> Result<Next, Error> {
    poll_fn(|cx| match outbox.poll_next(cx) {
        Poll::Ready(next) => Poll::Ready(Ok(next)),
        Poll::Pending => half.poll_reset(cx).map(Err),
    })
    .await
}

/// Sends, unless this side gives the call up meanwhile.
async fn unless_reset<T>(outbox: &Outbox, sending: impl Future<Output = T>) -> Option<T> {
    let mut sending = pin!(sending);
    poll_fn(|cx| match sending.as_mut().poll(cx) {
        Poll::Ready(sent) => Poll::Ready(Some(sent)),
        Poll::Pending => outbox.poll_is_reset(cx).map(|()| None),
    })
    .await
}
