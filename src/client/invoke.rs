//! The four call shapes: each function is what travels on the wire, top to bottom.
//!
//! Generated clients end here; with a [`MethodDescriptor`] of your own you may call these without generated code. A call
//! that is dropped is cancelled: RST_STREAM(CANCEL).

use std::pin::pin;

use crate::{
    call::{
        CallOptions, Deadline, End, MessageDecoder, MessageEncoder, MessageReceiver, MessageSender,
        MethodDescriptor, Outbox, Request, Response, alongside, check_encoding, pump, response_end,
        response_start, with_body_text, with_initial,
    },
    client::Channel,
    codec,
    http2::{PendingResponse, RecvHalf, error_code},
    wire::{Encoding, Metadata, Origin, RequestHeaders, ResponseStart, Status, Trailers},
};

/// One request, one response.
///
/// # Errors
/// The status of the call: the server's, or one made here where no status came. Its metadata is that of Response-Headers
/// and then that of Trailers.
///
/// UNIMPLEMENTED for a server that breaks the call's shape: status OK with no message, or a second message. So
/// doc/statuscodes.md and the gRPC conformance suite have it; grpc-go says INTERNAL there.
pub async fn unary<Q, R>(
    channel: &Channel,
    method: &MethodDescriptor<Q, R>,
    request: Request<Q>,
) -> Result<Response<R>, Status> {
    let (message, metadata, options) = request.into_parts();
    let call = Call::prepare(channel, method, metadata, options)?;
    let data = call.encoder(method).encode(&message)?;
    let deadline = call.deadline;
    let mut decoder = call.decoder(method);
    // -> HEADERS
    let connection = channel.connection(&call.options, deadline).await?;
    let (mut send, response) = channel.send_request(connection, call.into_headers())?;
    let travel = pin!(async {
        // -> DATA, END_STREAM; what ends the stream before shows in the answer.
        let (answer, is_sent) = {
            let (sending, answer) = (pin!(send.send_last(data)), pin!(receive_one(response, &mut decoder)));
            alongside(sending, answer).await
        };
        if !is_sent && is_complete(&answer) {
            // Rule 40: the server had enough.
            send.reset(error_code::NO_ERROR);
        }
        answer
    });
    Deadline::bound(deadline, travel).await
}

/// Whether the server has said all it will: status OK, or another one of its own.
fn is_complete<R>(answer: &Result<Response<R>, Status>) -> bool {
    answer.as_ref().err().is_none_or(|status| status.origin() == Origin::Remote)
}

/// <- HEADERS, DATA, HEADERS: one message and the metadata around it.
async fn receive_one<R>(
    mut response: PendingResponse,
    decoder: &mut MessageDecoder<R>,
) -> Result<Response<R>, Status> {
    // <- HEADERS
    let (response, mut body) = response.response().await?;
    let headers = match response_start(response, &mut body)? {
        ResponseStart::Headers(headers) => headers,
        ResponseStart::TrailersOnly(trailers) => return Err(no_message(trailers)),
        ResponseStart::NotGrpc(status) => return Err(with_body_text(status, &mut body).await),
    };
    decoder.set_encoding(check_encoding(headers.encoding)?);
    // <- DATA, HEADERS
    match receive_message(&mut body, decoder).await {
        Ok((message, is_compressed, trailers)) => {
            Ok(Response::received(message, headers.metadata, trailers, is_compressed))
        }
        Err(status) => Err(with_initial(status, headers.metadata)),
    }
}

/// <- DATA, HEADERS: the message, whether it came compressed, and the metadata of Trailers.
async fn receive_message<R>(
    body: &mut RecvHalf,
    decoder: &mut MessageDecoder<R>,
) -> Result<(R, bool, Metadata), Status> {
    // <- DATA
    let message = decoder.next(body).await?;
    if message.is_some() && decoder.next(body).await?.is_some() {
        return Err(Status::unimplemented("a second message in the response to a unary call"));
    }
    // <- HEADERS, END_STREAM
    let trailers = response_end(body).await?;
    match message {
        Some((message, is_compressed)) => {
            trailers.status?;
            Ok((message, is_compressed, trailers.metadata))
        }
        None => Err(no_message(trailers)),
    }
}

/// The status of an answer without a message; status OK without one breaks the call's shape (rule 22).
fn no_message(trailers: Trailers) -> Status {
    let without = || Status::unimplemented("status OK without a message in the response to a unary call");
    trailers.status.err().unwrap_or_else(without)
}

/// Many requests, one response: send, finish, then [`MessageReceiver::only_message`].
///
/// # Errors
/// The status of a call that could not begin.
pub async fn client_streaming<Q, R>(
    channel: &Channel,
    method: &MethodDescriptor<Q, R>,
    request: Request<()>,
) -> Result<(MessageSender<Q>, MessageReceiver<R>), Status> {
    bidi_streaming(channel, method, request).await
}

/// One request, many responses.
///
/// # Errors
/// The status of a call that could not begin.
pub async fn server_streaming<Q, R>(
    channel: &Channel,
    method: &MethodDescriptor<Q, R>,
    request: Request<Q>,
) -> Result<MessageReceiver<R>, Status> {
    let (message, metadata, options) = request.into_parts();
    let call = Call::prepare(channel, method, metadata, options)?;
    let (decoder, deadline, outbox) = (call.decoder(method), call.deadline, Outbox::default());
    // A message that cannot be sent opens no stream.
    let encoder = call.encoder(method);
    if let Some(pushed) = outbox.push(|buf| encoder.encode_to(&message, call.encoding, buf)) {
        pushed?;
    }
    outbox.end(End::HalfClose);
    // -> HEADERS, DATA, END_STREAM; <- the rest, as the receiver asks for it.
    let response = open(channel, call, &outbox).await?;
    Ok(MessageReceiver::client(response, decoder, outbox, deadline))
}

/// Many of both, in any order.
///
/// # Errors
/// The status of a call that could not begin.
pub async fn bidi_streaming<Q, R>(
    channel: &Channel,
    method: &MethodDescriptor<Q, R>,
    request: Request<()>,
) -> Result<(MessageSender<Q>, MessageReceiver<R>), Status> {
    let ((), metadata, options) = request.into_parts();
    let call = Call::prepare(channel, method, metadata, options)?;
    let (encoder, decoder, deadline) = (call.encoder(method), call.decoder(method), call.deadline);
    let outbox = Outbox::default();
    // -> HEADERS, DATA*, as the sender makes them ready; <- the rest, as the receiver asks for it.
    let response = open(channel, call, &outbox).await?;
    let sender = MessageSender::client(outbox.clone(), encoder, deadline);
    Ok((sender, MessageReceiver::client(response, decoder, outbox, deadline)))
}

/// -> HEADERS, and from then on what comes into the outbox.
async fn open(channel: &Channel, call: Call, outbox: &Outbox) -> Result<PendingResponse, Status> {
    let connection = channel.connection(&call.options, call.deadline).await?;
    let spawner = connection.spawner().clone();
    let (send, response) = channel.send_request(connection, call.into_headers())?;
    let pumped = pump(outbox.clone(), send);
    spawner.spawn(Box::pin(async move {
        // The receiver learns how the stream ended.
        let _ = pumped.await;
    }));
    Ok(response)
}

/// What a call needs before its first byte.
struct Call {
    headers: RequestHeaders,
    options: CallOptions,
    deadline: Option<Deadline>,
    encoding: Encoding,
}

impl Call {
    /// Settles options and headers.
    ///
    /// # Errors
    /// DEADLINE_EXCEEDED if the deadline has passed already: nothing is sent (rule 6). UNIMPLEMENTED for an encoding
    /// that is not compiled in.
    fn prepare<Q, R>(
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

    /// Request-Headers as they go out now: connecting may have taken some of the time.
    fn into_headers(mut self) -> RequestHeaders {
        if let (Some(timeout), Some(deadline)) = (&mut self.headers.timeout, self.deadline) {
            *timeout = deadline.to_timeout();
        }
        self.headers
    }

    fn encoder<Q, R>(&self, method: &MethodDescriptor<Q, R>) -> MessageEncoder<Q> {
        MessageEncoder::new(method.request_codec(), self.encoding, self.options.limits.send_bytes())
    }

    /// The encoding of the answer is known with its headers.
    fn decoder<Q, R>(&self, method: &MethodDescriptor<Q, R>) -> MessageDecoder<R> {
        MessageDecoder::new(method.response_codec(), Encoding::Identity, self.options.limits.recv_bytes())
    }
}
