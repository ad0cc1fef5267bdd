//! The half of a call that receives messages.
//!
//! Window is given back chunk by chunk as messages are asked for, so a reader that pauses holds its sender. A client's
//! half also receives what surrounds the messages: Response-Headers before them, the status and Trailers after them.
//! Dropping it before the end is cancelling.

use std::pin::pin;

use crate::{
    call::{Deadline, MessageDecoder, Outbox, Response, sender::DROPPED},
    http2::{PendingResponse, RecvHalf, error_code},
    wire::{Code, Encoding, Metadata, Origin, ResponseStart, Status, Trailers},
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
    Requested(PendingResponse),
    Open(RecvHalf),
    Over(Result<(), Status>),
}

impl<M> MessageReceiver<M> {
    #[cfg(feature = "client")]
    pub(crate) fn client(
        response: PendingResponse,
        decoder: MessageDecoder<M>,
        outbox: Outbox,
        deadline: Option<Deadline>,
    ) -> Self {
        Self::new(Stream::Requested(response), decoder, Some(outbox), deadline)
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
                let status = self.explained(status);
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
        let Some(message) = self.recv().await? else {
            return Err(Status::unimplemented("no message where there must be one"));
        };
        let is_compressed = self.is_compressed;
        if self.recv().await?.is_some() {
            return Err(Status::unimplemented("a second message where there must be one"));
        }
        let trailers = self.trailers.take().unwrap_or_default();
        Ok(Response::received(message, std::mem::take(&mut self.metadata), trailers, is_compressed))
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
            let trailers = match body.trailers().await? {
                Some(fields) => Trailers::from_http(fields, http::StatusCode::OK),
                // Rule 35.
                None => return Err(Trailers::missing(http::StatusCode::OK)),
            };
            self.finish(trailers)?;
        }
        Ok(None)
    }

    /// On a client, waits for the response to begin, once.
    async fn open(&mut self) -> Result<(), Status> {
        let Stream::Requested(request) = &mut self.stream else { return Ok(()) };
        let (response, mut body) = request.response().await?;
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

/// Reads the first header block of a response (rule 28).
pub(crate) fn response_start(
    response: http::Response<()>,
    body: &mut RecvHalf,
) -> Result<ResponseStart, Status> {
    // A connection that broke after Trailers-Only, with the request still open, must not take the status with it.
    let is_only =
        body.is_end_stream() || response.headers().contains_key("grpc-status") && body.is_broken_off();
    ResponseStart::from_http(response, is_only)
}

/// Rule 23: an encoding that was not offered is the server's mistake.
pub(crate) fn check_encoding(encoding: Encoding) -> Result<Encoding, Status> {
    if crate::codec::supported().contains(encoding) {
        Ok(encoding)
    } else {
        Err(Status::new(Code::Internal, format!("grpc-encoding {} was not offered", encoding.name())))
    }
}

/// Rule 32: the first bytes of an answer that is not gRPC say best what it is.
pub(crate) async fn with_body_text(status: Status, body: &mut RecvHalf) -> Status {
    if status.origin() == Origin::Remote {
        return status;
    }
    let mut text = Vec::new();
    while let Ok(Some(data)) = body.data().await {
        text.extend_from_slice(&data[..data.len().min(BODY_TEXT_MAX - text.len())]);
        if text.len() == BODY_TEXT_MAX {
            break;
        }
    }
    if text.is_empty() {
        return status;
    }
    Status::new(
        status.code(),
        format!("{}; it begins: {:?}", status.message(), String::from_utf8_lossy(&text)),
    )
}

// What grpc-go shows of such a body.
const BODY_TEXT_MAX: usize = 1024;
