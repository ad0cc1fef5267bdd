//! What a call needs before its first byte, and the opening of its stream.

use std::{future::Future, pin::pin};

use crate::{
    call::{CallOptions, Deadline, MessageDecoder, MessageEncoder, MethodDescriptor},
    client::{
        Channel,
        tries::{Patience, Tries},
    },
    codec,
    http2::{ErrorKind, Fate, PendingResponse, SendHalf, Turn},
    wire::{Encoding, Metadata, RequestHeaders, Status},
};

/// A call with its options and Request-Headers settled; it can be opened more than once.
#[derive(Debug)]
pub(super) struct Call {
    headers: RequestHeaders,
    options: CallOptions,
    pub(super) deadline: Option<Deadline>,
    pub(super) encoding: Encoding,
}

impl Call {
    /// Settles options and headers.
    ///
    /// # Errors
    /// DEADLINE_EXCEEDED if the deadline has passed already: nothing is sent (rule 6). UNIMPLEMENTED for an encoding
    /// that is not compiled in.
    pub(super) fn prepare<Q, R>(
        channel: &Channel,
        method: &MethodDescriptor<Q, R>,
        metadata: Metadata,
        options: CallOptions,
    ) -> Result<Self, Status> {
        let options = channel.options(options, method);
        let deadline = options.deadline_from_now();
        if deadline.is_some_and(|deadline| deadline.is_past()) {
            return Err(Deadline::exceeded());
        }
        let headers = channel.headers(method, |headers| {
            headers.timeout = deadline.map(|deadline| deadline.to_timeout());
            headers.encoding = options.encoding.unwrap_or_default();
            headers.metadata = metadata;
        })?;
        let encoding = headers.encoding;
        if !codec::supported().contains(encoding) {
            let name = encoding.name();
            return Err(Status::unimplemented(format!("compression by {name} is not compiled in")));
        }
        Ok(Self { headers, options, deadline, encoding })
    }

    /// What this call will put up with.
    pub(super) fn tries(&self) -> Tries {
        Tries::new(match self.options.wait_for_ready {
            Some(true) => Patience::WaitForReady,
            Some(false) | None => Patience::Hasty,
        })
    }

    /// Opens a stream and sends HEADERS, on the channel's connection, which is made first if there is none.
    ///
    /// # Errors
    /// UNAVAILABLE or DEADLINE_EXCEEDED: there is no connection, or its turn did not come in time.
    pub(super) async fn open(
        &mut self,
        channel: &Channel,
        tries: &mut Tries,
    ) -> Result<(SendHalf, PendingResponse), Status> {
        loop {
            let connection = channel.connection(self.deadline, tries).await?;
            let trace = connection.trace();
            let _turn = match connection.turn() {
                None => None,
                // Boxed, because it is seldom needed.
                Some(turn) => Some(Box::pin(self.wait_for(turn)).await?),
            };
            let error = match connection.send_request(self.request()) {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            };
            // The connection ended in this instant, or has used up its streams (rule 47). A request that h2 does not take
            // is another matter.
            let is_over = !matches!(error.kind(), ErrorKind::Closed(_)) || !channel.is_ready();
            if !is_over || !tries.permit(Fate::NeverLeft, &trace) {
                return Err(channel.unavailable(&error));
            }
        }
    }

    /// Waits for the turn to open a stream.
    async fn wait_for(&self, turn: impl Future<Output = Turn>) -> Result<Turn, Status> {
        let turn = Deadline::bound(self.deadline, pin!(async { Ok(turn.await) })).await;
        turn.map_err(|status| {
            let text = "behind calls that have not left yet";
            Status::deadline_exceeded(format!("{} {text}", status.message()))
        })
    }

    /// Fails once the deadline has passed.
    pub(super) fn check_deadline(&self) -> Result<(), Status> {
        if self.deadline.is_some_and(|deadline| deadline.is_past()) {
            Err(Deadline::exceeded())
        } else {
            Ok(())
        }
    }

    pub(super) fn encoder<Q, R>(&self, method: &MethodDescriptor<Q, R>) -> MessageEncoder<Q> {
        MessageEncoder::new(method.request_codec(), self.encoding, self.options.limits.send_bytes())
    }

    /// The encoding of the answer is known with its headers.
    pub(super) fn decoder<Q, R>(&self, method: &MethodDescriptor<Q, R>) -> MessageDecoder<R> {
        MessageDecoder::new(method.response_codec(), Encoding::Identity, self.options.limits.recv_bytes())
    }

    /// Request-Headers as they go out now: connecting may have taken some of the time (rule 79).
    fn request(&mut self) -> http::Request<()> {
        if let (Some(timeout), Some(deadline)) = (&mut self.headers.timeout, self.deadline) {
            *timeout = deadline.to_timeout();
        }
        self.headers.clone().to_http()
    }
}
