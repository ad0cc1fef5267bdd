//! The half of a call that receives messages.
//!
//! Window is given back chunk by chunk as messages are asked for, so a reader that pauses holds its sender. A client's
//! half also receives what surrounds the messages: Response-Headers before them, the status and Trailers after them.
//! Dropping it before the end is cancelling.

use std::{mem, pin::pin};

use crate::{
    call::{
        Deadline, MessageDecoder, Outbox, Requested, Response, check_encoding, response_end, response_start,
        sender::DROPPED, with_body_text, with_initial,
    },
    http2::{RecvHalf, error_code},
    wire::{Code, Metadata, Origin, ResponseStart, Status, Trailers},
};

/// Receives the messages of one direction of a call.
#[derive(Debug)]
pub struct MessageReceiver<M> {
    stream: Stream,
    decoder: MessageDecoder<M>,
    deadline: Option<Deadline>,
    /// On a client, the way to stop its sender.
    outbox: Option<Outbox>,
    metadata: Metadata,
    trailers: Option<Metadata>,
    is_compressed: bool,
}

#[derive(Debug)]
enum Stream {
    Requested(Requested),
    Open(RecvHalf),
    Over(Result<(), Status>),
}

impl<M> MessageReceiver<M> {
    #[cfg(feature = "client")]
    pub(crate) fn client(
        request: Requested,
        decoder: MessageDecoder<M>,
        outbox: Outbox,
        deadline: Option<Deadline>,
    ) -> Self {
        Self::new(Stream::Requested(request), decoder, Some(outbox), deadline)
    }

    #[cfg(feature = "server")]
    pub(crate) fn server(body: RecvHalf, decoder: MessageDecoder<M>) -> Self {
        Self::new(Stream::Open(body), decoder, None, None)
    }

    fn new(
        stream: Stream,
        decoder: MessageDecoder<M>,
        outbox: Option<Outbox>,
        deadline: Option<Deadline>,
    ) -> Self {
        let metadata = Metadata::new();
        Self { stream, decoder, deadline, outbox, metadata, trailers: None, is_compressed: false }
    }

    /// The next message; `None` at the end: on a server the client's half-close, on a client status OK.
    ///
    /// # Errors
    /// On a client the status of the call, whoever made it. On a server what is wrong with the client's messages, or
    /// CANCELLED.
    pub async fn recv(&mut self) -> Result<Option<M>, Status> {
        if let Stream::Over(end) = &self.stream {
            return end.clone().map(|()| None);
        }
        self.decoder.breathe().await;
        // Messages often come many to a DATA frame: those at hand cost no future.
        let received = match self.decoder.ready() {
            Ok(None) => self.recv_by_deadline().await,
            ready => ready,
        };
        match received {
            Ok(Some((message, is_compressed))) => {
                self.is_compressed = is_compressed;
                Ok(Some(message))
            }
            Ok(None) => {
                self.end(error_code::NO_ERROR, Ok(()));
                Ok(None)
            }
            Err(status) => {
                let status = self.explained(self.as_seen_here(status));
                self.end_as(Err(status.clone()));
                Err(status)
            }
        }
    }

    /// A reset by this side says no more than that; where a dropped sender was the reason, that is the status.
    fn explained(&self, status: Status) -> Status {
        let is_reset = status.code() == Code::Cancelled && status.origin() == Origin::Local;
        match self.outbox.as_ref().map(Outbox::check_open) {
            Some(Err(reason)) if is_reset && reason.message() == DROPPED => reason,
            _ => status,
        }
    }

    /// On a client, waits for Response-Headers and gives their Custom-Metadata. Empty on a server, and where the server
    /// answered by trailers only.
    ///
    /// # Errors
    /// The status of the call, if it ended instead.
    pub async fn headers(&mut self) -> Result<&Metadata, Status> {
        if let Stream::Requested(_) = self.stream {
            let deadline = self.deadline;
            let opened = {
                let opening = pin!(self.open());
                Deadline::bound(deadline, opening).await
            };
            if opened.is_err() || self.trailers.is_some() {
                self.end_as(opened.clone());
            }
            opened?;
        }
        Ok(&self.metadata)
    }

    /// On a client, the Custom-Metadata of Trailers, once the call has ended.
    pub fn trailers(&self) -> Option<&Metadata> {
        self.trailers.as_ref()
    }

    /// Whether the last message came with its Compressed-Flag set.
    pub fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    /// The one message of a direction that must have just one, with the metadata around it.
    ///
    /// # Errors
    /// As for [`MessageReceiver::recv`]; UNIMPLEMENTED where there is no message or a second one (rule 22, as the gRPC
    /// conformance suite has it).
    pub async fn only_message(mut self) -> Result<Response<M>, Status> {
        let received = self.recv_only().await;
        let metadata = mem::take(&mut self.metadata);
        match received {
            Ok((message, is_compressed)) => {
                let trailers = self.trailers.take().unwrap_or_default();
                Ok(Response::received(message, metadata, trailers, is_compressed))
            }
            Err(status) => Err(with_initial(status, metadata)),
        }
    }

    async fn recv_only(&mut self) -> Result<(M, bool), Status> {
        let Some(message) = self.recv().await? else {
            return Err(Status::unimplemented("no message where there must be one"));
        };
        let is_compressed = self.is_compressed;
        if self.recv().await?.is_some() {
            return Err(Status::unimplemented("a second message where there must be one"));
        }
        Ok((message, is_compressed))
    }

    async fn recv_by_deadline(&mut self) -> Result<Option<(M, bool)>, Status> {
        let deadline = self.deadline;
        let receiving = pin!(self.recv_in_time());
        Deadline::bound(deadline, receiving).await
    }

    async fn recv_in_time(&mut self) -> Result<Option<(M, bool)>, Status> {
        self.open().await?;
        if self.trailers.is_some() {
            return Ok(None);
        }
        let Stream::Open(body) = &mut self.stream else { return Ok(None) };
        if let Some(message) = self.decoder.next(body).await? {
            return Ok(Some(message));
        }
        if self.outbox.is_some() {
            let trailers = response_end(body).await?;
            self.finish(trailers)?;
        }
        Ok(None)
    }

    /// On a client, waits for the response to begin, once.
    async fn open(&mut self) -> Result<(), Status> {
        let Stream::Requested(request) = &mut self.stream else { return Ok(()) };
        let (response, mut body) = request.response().await?;
        if let Some(outbox) = &self.outbox {
            outbox.commit();
        }
        match response_start(response, &mut body)? {
            ResponseStart::Headers(headers) => {
                self.decoder.set_encoding(check_encoding(headers.encoding)?);
                self.metadata = headers.metadata;
                self.stream = Stream::Open(body);
                Ok(())
            }
            ResponseStart::TrailersOnly(trailers) => {
                // It is held open until `end`, which says to the peer how.
                self.stream = Stream::Open(body);
                self.finish(trailers)
            }
            ResponseStart::NotGrpc(status) => Err(with_body_text(status, &mut body).await),
        }
    }

    /// Takes note of the peer's status and trailers.
    fn finish(&mut self, trailers: Trailers) -> Result<(), Status> {
        self.trailers = Some(trailers.metadata);
        trailers.status
    }

    /// Rule 43: a lost connection is UNAVAILABLE for a client; a server's call is cancelled by it.
    fn as_seen_here(&self, status: Status) -> Status {
        if self.outbox.is_none() && status.code() == Code::Unavailable {
            return Status::cancelled(status.message());
        }
        status
    }

    /// Ends with CANCEL, or where the peer has ended the call already by asking it to let go (rule 40).
    fn end_as(&mut self, end: Result<(), Status>) {
        let code = if self.trailers.is_some() { error_code::NO_ERROR } else { error_code::CANCEL };
        self.end(code, end);
    }

    /// Lets go of the stream. A sender that is not done stops: the server has said all it will, or nobody listens.
    fn end(&mut self, code: u32, end: Result<(), Status>) {
        if let Some(outbox) = &self.outbox {
            outbox.reset(code, Status::cancelled("the call is over; its status is the receiver's"));
        }
        self.stream = Stream::Over(end);
    }
}

impl<M> Drop for MessageReceiver<M> {
    fn drop(&mut self) {
        if !matches!(self.stream, Stream::Over(_)) {
            self.end(error_code::CANCEL, Err(Status::cancelled("the receiver was dropped")));
        }
    }
}
