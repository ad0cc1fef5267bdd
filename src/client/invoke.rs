//! The four call shapes: each function is what travels on the wire, top to bottom.
//!
//! Generated clients end here; with a [`MethodDescriptor`] of your own you may call these without generated code. A call
//! that is dropped is cancelled: RST_STREAM(CANCEL).

use std::pin::pin;

use http::StatusCode;

use crate::{
    call::{
        CallOptions, Deadline, MessageDecoder, MessageEncoder, MessageReceiver, MessageSender,
        MethodDescriptor, Outbox, Request, Response, alongside, check_encoding, pump, with_body_text,
    },
    client::Channel,
    codec,
    http2::{PendingResponse, error_code},
    wire::{Encoding, Metadata, RequestHeaders, ResponseStart, Status, Trailers},
};

/// One request, one response.
///
/// # Errors
/// The status of the call: the server's, or one made here where no status came.
pub async fn unary<Q, R>(
    channel: &Channel,
    method: &MethodDescriptor<Q, R>,
    request: Request<Q>,
) -> Result<Response<R>, Status> {
    let (message, metadata, options) = request.into_parts();
    let call = Call::new(channel, method, options)?;
    let data = call.encoder(method).encode(&message)?;
    let deadline = call.deadline;
    let travel = pin!(async {
        // -> HEADERS
        let connection = channel.connection(&call.options, deadline).await?;
        let (mut send, response) = channel.send_request(connection, call.headers(method, metadata)?)?;
        // -> DATA, END_STREAM; what ends the stream before shows in the answer.
        let mut decoder = call.decoder(method);
        let (answer, is_sent) = {
            let (sending, answer) = (pin!(send.send_last(data)), pin!(receive_one(response, &mut decoder)));
            alongside(sending, answer).await
        };
        if !is_sent && answer.is_ok() {
            // Rule 40: the server had enough.
            send.reset(error_code::NO_ERROR);
        }
        answer
    });
    Deadline::bound(deadline, travel).await
}

/// <- HEADERS, DATA, HEADERS: one message and the metadata around it.
async fn receive_one<R>(
    mut response: PendingResponse,
    decoder: &mut MessageDecoder<R>,
) -> Result<Response<R>, Status> {
    // <- HEADERS
    let (response, mut body) = response.response().await?;
    let headers = match ResponseStart::from_http(response, body.is_end_stream())? {
        ResponseStart::Headers(headers) => headers,
        ResponseStart::TrailersOnly(trailers) => return Err(no_message(trailers)),
        ResponseStart::NotGrpc(status) => return Err(with_body_text(status, &mut body).await),
    };
    decoder.set_encoding(check_encoding(headers.encoding)?);
    // <- DATA
    let message = decoder.next(&mut body).await?;
    if message.is_some() && decoder.next(&mut body).await?.is_some() {
        return Err(Status::unimplemented("a second message in the response to a unary call"));
    }
    // <- HEADERS, END_STREAM
    let trailers = match body.trailers().await? {
        Some(fields) => Trailers::from_http(fields, StatusCode::OK),
        None => return Err(Trailers::missing(StatusCode::OK)),
    };
    match message {
        Some((message, is_compressed)) => {
            trailers.status?;
            Ok(Response::received(message, headers.metadata, trailers.metadata, is_compressed))
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
    let mut message = None;
    let request = request.map(|m| message = Some(m));
    let (mut requests, responses) = bidi_streaming(channel, method, request).await?;
    if let Some(message) = message {
        requests.send(message).await?;
    }
    requests.finish().await?;
    Ok(responses)
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
    let call = Call::new(channel, method, options)?;
    let deadline = call.deadline;
    // -> HEADERS
    let connection = Deadline::bound(deadline, pin!(channel.connection(&call.options, deadline))).await?;
    let spawner = connection.spawner().clone();
    let (send, response) = channel.send_request(connection, call.headers(method, metadata)?)?;
    // -> DATA*, as the sender makes them ready; <- the rest, as the receiver asks for it.
    let outbox = Outbox::default();
    let pumped = outbox.clone();
    spawner.spawn(Box::pin(async move {
        // The receiver learns how the stream ended.
        let _ = pump(&pumped, send).await;
    }));
    let sender = MessageSender::client(outbox.clone(), call.encoder(method), deadline);
    Ok((sender, MessageReceiver::client(response, call.decoder(method), outbox, deadline)))
}

/// What is settled of a call before its first byte.
struct Call<'a> {
    channel: &'a Channel,
    options: CallOptions,
    deadline: Option<Deadline>,
    encoding: Encoding,
}

impl<'a> Call<'a> {
    /// # Errors
    /// DEADLINE_EXCEEDED if the deadline has passed already: nothing is sent (rule 6). UNIMPLEMENTED for an encoding
    /// that is not compiled in.
    fn new<Q, R>(
        channel: &'a Channel,
        method: &MethodDescriptor<Q, R>,
        options: CallOptions,
    ) -> Result<Self, Status> {
        let options = channel.options(options, method);
        let deadline = options.deadline_from_now();
        if let Some(deadline) = deadline.filter(Deadline::is_past) {
            return Err(deadline.exceeded());
        }
        let encoding = options.encoding.unwrap_or_default();
        if !codec::supported().contains(encoding) {
            let name = encoding.name();
            return Err(Status::unimplemented(format!("compression by {name} is not compiled in")));
        }
        Ok(Self { channel, options, deadline, encoding })
    }

    /// Request-Headers as they go out now: `grpc-timeout` is what is left of the deadline.
    fn headers<Q, R>(
        &self,
        method: &MethodDescriptor<Q, R>,
        metadata: Metadata,
    ) -> Result<RequestHeaders, Status> {
        self.channel.headers(method, |headers| {
            headers.timeout = self.deadline.map(|deadline| deadline.to_timeout());
            headers.encoding = self.encoding;
            headers.metadata = metadata;
        })
    }

    fn encoder<Q, R>(&self, method: &MethodDescriptor<Q, R>) -> MessageEncoder<Q> {
        MessageEncoder::new(method.request_codec(), self.encoding, self.options.limits.send_bytes())
    }

    /// The encoding of the answer is known with its headers.
    fn decoder<Q, R>(&self, method: &MethodDescriptor<Q, R>) -> MessageDecoder<R> {
        MessageDecoder::new(method.response_codec(), Encoding::Identity, self.options.limits.recv_bytes())
    }
}
