//! Carries the messages of a streaming call: from its outbox to a stream, and to another one where the first was refused.
//!
//! It runs on the connection's task and stays until the server answers, because only then is it certain that the call need
//! not be sent again (rule 76). When its stream is lost, or the whole connection with it, what was sent so far goes to a
//! new stream in the same order; the receiving half is told which one.

use std::{
    future::poll_fn,
    task::{Context, Poll, Waker},
};

use tokio::{runtime::Handle, sync::oneshot};

use crate::{
    call::{Outbox, Requested, Successor, send_all},
    client::{Channel, call::Call, tries::Tries},
    http2::{SendHalf, Trace},
    wire::Status,
};

/// -> HEADERS, and from then on what comes into the outbox.
///
/// # Errors
/// UNAVAILABLE or DEADLINE_EXCEEDED: there is no connection.
pub(super) async fn carry(channel: &Channel, call: Call, outbox: &Outbox) -> Result<Requested, Status> {
    let tries = call.tries();
    Journey { channel: channel.clone(), call, tries, outbox: outbox.clone() }.begin().await
}

/// A call and what it takes to send it, once more if need be.
struct Journey {
    channel: Channel,
    call: Call,
    tries: Tries,
    outbox: Outbox,
}

impl Journey {
    /// Opens a stream and has its messages carried there.
    async fn begin(mut self) -> Result<Requested, Status> {
        let (half, response) = self.call.open(&self.channel, &mut self.tries).await?;
        let (trace, spawner) = (response.trace(), response.spawner().clone());
        let (request, successor) = Requested::new(response);
        let carrier = Carrier { outbox: self.outbox.clone(), half, trace, next: Some((self, successor)) };
        spawner.spawn(Box::pin(carrier.run()));
        Ok(request)
    }

    /// Begins anew, unless the call is given up before there is a stream.
    async fn begin_again(self, mut successor: oneshot::Sender<Successor>) {
        let outbox = self.outbox.clone();
        let begun = {
            let mut beginning = Box::pin(async {
                self.call.check_deadline()?;
                self.begin().await
            });
            poll_fn(|cx| match beginning.as_mut().poll(cx) {
                Poll::Pending if successor.poll_closed(cx).is_ready() => Poll::Ready(None),
                Poll::Pending => outbox.poll_is_reset(cx).map(|()| None),
                Poll::Ready(begun) => Poll::Ready(Some(begun)),
            })
            .await
        };
        let begun = begun.unwrap_or_else(|| Err(outbox.check_open().err().unwrap_or_else(over)));
        if let Err(status) = &begun {
            outbox.close(status.clone());
        }
        // A receiver that is gone has no use for it.
        let _ = successor.send(begun);
    }
}

/// Sends on one stream.
struct Carrier {
    outbox: Outbox,
    half: SendHalf,
    trace: Trace,
    /// What it takes to send the call again.
    next: Option<(Journey, oneshot::Sender<Successor>)>,
}

impl Carrier {
    async fn run(mut self) {
        if send_all(&self.outbox, &mut self.half).await.is_ok() {
            self.answer_or_end().await;
        }
    }

    /// Waits until the receiving half has its answer or wants none, or the stream is lost.
    async fn answer_or_end(&mut self) {
        let Self { half, next: Some((_, successor)), .. } = self else { return };
        poll_fn(|cx| match successor.poll_closed(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => half.poll_reset(cx).map(|_| ()),
        })
        .await;
    }

    /// Has the call sent again if it may be; says whether it will.
    fn pass_on(&mut self) -> bool {
        let Some((mut journey, successor)) = self.next.take() else { return false };
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(error) = self.half.poll_reset(&mut cx) else { return false };
        let Ok(runtime) = Handle::try_current() else { return false };
        let is_sent_again = !successor.is_closed()
            && journey.tries.permit(self.trace.fate(&error), &self.trace)
            && self.outbox.rewind();
        if is_sent_again {
            // Not on this connection's task: it may be over.
            runtime.spawn(journey.begin_again(successor));
        }
        is_sent_again
    }
}

/// Also one that was never polled, as happens on a connection that has just ended, passes its call on or closes it.
impl Drop for Carrier {
    fn drop(&mut self) {
        if !self.pass_on() {
            self.outbox.close(over());
        }
    }
}

fn over() -> Status {
    Status::cancelled("the call is over; its status is the receiver's")
}
