//! The four call shapes: each function is what travels on the wire, top to bottom.
//!
//! Generated clients end here; with a [`MethodDescriptor`] of your own you may call these without generated code. A call
//! that is dropped is cancelled: RST_STREAM(CANCEL).

use std::pin::pin;

use crate::{
    call::{
        Deadline, End, MessageDecoder, MessageReceiver, MessageSender, MethodDescriptor, Outbox, Request,
        Response, alongside, check_encoding, response_end, response_start, with_body_text, with_initial,
    },
    client::{Channel, call::Call, carry::carry},
    http2::{PendingResponse, RecvHalf, error_code},
    wire::{Metadata, Origin, ResponseStart, Status, Trailers},
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
    let mut call = Call::prepare(channel, method, metadata, options)?;
    let (mut tries, mut decoder) = (call.tries(), call.decoder(method));
    loop {
        let data = call.encoder(method).encode(&message)?;
        // -> HEADERS
        let (mut send, mut response) = call.open(channel, &mut tries).await?;
        let answer = {
            let travel = pin!(async {
                // -> DATA, END_STREAM; what ends the stream before shows in the answer.
                let (answer, is_sent) = {
                    let answer = pin!(receive_one(&mut response, &mut decoder));
                    alongside(pin!(send.send_last(data)), answer).await
                };
                if !is_sent && is_complete(&answer) {
                    // Rule 40: the server had enough.
                    send.reset(error_code::NO_ERROR);
                }
                answer
            });
            Deadline::bound(call.deadline, travel).await
        };
        // Rule 76: what the server has not seen is sent again.
        if answer.is_ok() || !tries.permit(response.fate(), &response.trace()) {
            return answer;
        }
        call.check_deadline()?;
    }
}

/// Whether the server has said all it will: status OK, or another one of its own.
fn is_complete<R>(answer: &Result<Response<R>, Status>) -> bool {
    answer.as_ref().err().is_none_or(|status| status.origin() == Origin::Remote)
}

/// <- HEADERS, DATA, HEADERS: one message and the metadata around it.
async fn receive_one<R>(
    response: &mut PendingResponse,
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
    let (decoder, deadline, outbox) = (call.decoder(method), call.deadline, Outbox::keeping());
    // A message that cannot be sent opens no stream.
    let encoder = call.encoder(method);
    if let Some(pushed) = outbox.push(|buf| encoder.encode_to(&message, call.encoding, buf)) {
        pushed?;
    }
    outbox.end(End::HalfClose);
    // -> HEADERS, DATA, END_STREAM; <- the rest, as the receiver asks for it.
    let request = carry(channel, call, &outbox).await?;
    Ok(MessageReceiver::client(request, decoder, outbox, deadline))
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
    let outbox = Outbox::keeping();
    // -> HEADERS, DATA*, as the sender makes them ready; <- the rest, as the receiver asks for it.
    let request = carry(channel, call, &outbox).await?;
    let sender = MessageSender::client(outbox.clone(), encoder, deadline);
    Ok((sender, MessageReceiver::client(request, decoder, outbox, deadline)))
}
