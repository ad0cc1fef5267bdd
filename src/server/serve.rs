//! Serving one call: headers in, a handler found, its answer out. Each function is the wire trace of one call shape.

use std::{
    future::{Future, poll_fn},
    sync::Arc,
    task::Poll,
};

use http::Method;

use crate::{
    call::{
        Deadline, End, Head, MessageDecoder, MessageEncoder, MessageReceiver, MessageSender,
        MethodDescriptor, Next, Outbox, Request, Response, alongside, pump,
    },
    codec,
    http2::{Accepted, DataBuf, Error, RecvHalf, Respond, error_code},
    server::{
        Router,
        handler::{Call, Ended, Handler, run},
        settings::Settings,
    },
    transport::{BoxFuture, Peer},
    wire::{ContentType, Encoding, EncodingSet, Refusal, RequestHeaders, Status, Trailers},
};

/// Reads the request headers and hands the call to its handler, or refuses it.
pub(super) fn serve(
    accepted: Accepted,
    router: Arc<Router>,
    settings: Arc<Settings>,
    peer: Arc<Peer>,
) -> BoxFuture<'static, ()> {
    let Accepted { request, body, respond } = accepted;
    // <- HEADERS
    let method = request.method().clone();
    let headers = match RequestHeaders::from_http(request).and_then(check_encoding) {
        Ok(headers) => headers,
        Err(refusal) => return Box::pin(refuse(respond, refusal, method)),
    };
    if let Err(status) = settings.admit(&headers, &peer) {
        return Box::pin(fail(respond, status));
    }
    match router.find(headers.path.as_str()) {
        Some(handler) => handler(Call { headers, body, respond, peer, settings }),
        // Rule 3.
        None => Box::pin(fail(respond, Status::unimplemented(format!("no method at {}", headers.path)))),
    }
}

/// Rule 23: an encoding that is known but not compiled in is as unknown.
fn check_encoding(headers: RequestHeaders) -> Result<RequestHeaders, Refusal> {
    if codec::supported().contains(headers.encoding) {
        return Ok(headers);
    }
    Err(Refusal::UnknownEncoding { name: headers.encoding.name().to_owned() })
}

/// One request, one response.
pub(super) fn unary<Q, R, F>(
    method: MethodDescriptor<Q, R>,
    handler: impl Fn(Request<Q>) -> F + Send + Sync + 'static,
) -> Handler
where
    Q: Send + 'static,
    R: Send + 'static,
    F: Future<Output = Result<Response<R>, Status>> + Send + 'static,
{
    let handler = Arc::new(handler);
    Box::new(move |call| {
        let handler = Arc::clone(&handler);
        Box::pin(async move {
            let mut begun = Begun::new(call, &method);
            let served = async {
                // <- DATA, END_STREAM
                let request = only_message(begun.request, begun.decoder, &mut begun.body).await?;
                handler(request).await
            };
            let ended = run(served, begun.deadline, |cx| begun.respond.poll_reset(cx).map(drop)).await;
            answer(begun.respond, begun.encoder, begun.accepted, ended).await;
        })
    })
}

/// Many requests, one response.
pub(super) fn client_streaming<Q, R, F>(
    method: MethodDescriptor<Q, R>,
    handler: impl Fn(Request<MessageReceiver<Q>>) -> F + Send + Sync + 'static,
) -> Handler
where
    Q: Send + 'static,
    R: Send + 'static,
    F: Future<Output = Result<Response<R>, Status>> + Send + 'static,
{
    let handler = Arc::new(handler);
    Box::new(move |call| {
        let handler = Arc::clone(&handler);
        Box::pin(async move {
            let mut begun = Begun::new(call, &method);
            // <- DATA*, as the handler asks for it
            let requests = MessageReceiver::server(begun.body, begun.decoder);
            let served = async { handler(begun.request.map(|()| requests)).await };
            let ended = run(served, begun.deadline, |cx| begun.respond.poll_reset(cx).map(drop)).await;
            answer(begun.respond, begun.encoder, begun.accepted, ended).await;
        })
    })
}

/// One request, many responses.
pub(super) fn server_streaming<Q, R, F>(
    method: MethodDescriptor<Q, R>,
    handler: impl Fn(Request<Q>, MessageSender<R>) -> F + Send + Sync + 'static,
) -> Handler
where
    Q: Send + 'static,
    R: Send + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let handler = Arc::new(handler);
    Box::new(move |call| {
        let handler = Arc::clone(&handler);
        Box::pin(async move {
            let mut begun = Begun::new(call, &method);
            let outbox = Outbox::default();
            let responses = MessageSender::server(outbox.clone(), begun.encoder, begun.accepted);
            let served = async {
                // <- DATA, END_STREAM
                let request = only_message(begun.request, begun.decoder, &mut begun.body).await?;
                handler(request, responses).await
            };
            stream(begun.respond, &outbox, served, begun.deadline).await;
        })
    })
}

/// Many requests, many responses, in any order.
pub(super) fn bidi_streaming<Q, R, F>(
    method: MethodDescriptor<Q, R>,
    handler: impl Fn(Request<MessageReceiver<Q>>, MessageSender<R>) -> F + Send + Sync + 'static,
) -> Handler
where
    Q: Send + 'static,
    R: Send + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let handler = Arc::new(handler);
    Box::new(move |call| {
        let handler = Arc::clone(&handler);
        Box::pin(async move {
            let begun = Begun::new(call, &method);
            let outbox = Outbox::default();
            let responses = MessageSender::server(outbox.clone(), begun.encoder, begun.accepted);
            // <- DATA*, as the handler asks for it
            let requests = MessageReceiver::server(begun.body, begun.decoder);
            let served = async { handler(begun.request.map(|()| requests), responses).await };
            stream(begun.respond, &outbox, served, begun.deadline).await;
        })
    })
}

/// A call taken apart: what its handler is given, and what its answer needs.
struct Begun<Q, R> {
    request: Request<()>,
    decoder: MessageDecoder<Q>,
    body: RecvHalf,
    deadline: Option<Deadline>,
    encoder: MessageEncoder<R>,
    /// The encodings that the client takes and this side makes.
    accepted: EncodingSet,
    respond: Respond,
}

impl<Q, R> Begun<Q, R> {
    fn new(call: Call, method: &MethodDescriptor<Q, R>) -> Self {
        let Call { headers, body, respond, peer, settings } = call;
        let limits = settings.limits(headers.path.path(), method.limits());
        let deadline = headers.timeout.map(|timeout| Deadline::after(timeout.duration()));
        Self {
            decoder: MessageDecoder::new(method.request_codec(), headers.encoding, limits.recv_bytes()),
            encoder: MessageEncoder::new(method.response_codec(), Encoding::Identity, limits.send_bytes()),
            accepted: headers.accept_encoding.intersection(codec::supported()),
            request: Request::received(headers, peer, deadline),
            body,
            deadline,
            respond,
        }
    }
}

/// The one message of a request that must have just one (rule 22).
async fn only_message<Q>(
    request: Request<()>,
    mut decoder: MessageDecoder<Q>,
    body: &mut RecvHalf,
) -> Result<Request<Q>, Status> {
    let Some((message, is_compressed)) = decoder.next(body).await? else {
        return Err(Status::unimplemented("no message in a request that must have one"));
    };
    if decoder.next(body).await?.is_some() {
        return Err(Status::unimplemented("a second message in a request that must have one"));
    }
    let mut request = request.map(|()| message);
    request.set_compressed(is_compressed);
    Ok(request)
}

/// Answers with one message or a status.
async fn answer<R>(
    mut respond: Respond,
    mut encoder: MessageEncoder<R>,
    accepted: EncodingSet,
    ended: Ended<Response<R>>,
) {
    let response = match ended {
        Ended::Returned(Ok(response)) => response,
        Ended::Returned(Err(status)) => return fail(respond, status).await,
        Ended::DeadlinePassed => return respond.reset(error_code::CANCEL),
        Ended::Cancelled => return,
    };
    let (message, metadata, trailers, wanted) = response.into_parts();
    if accepted.contains(wanted) {
        encoder.set_encoding(wanted);
    }
    let data = match encoder.encode(&message) {
        Ok(data) => data,
        Err(status) => return fail(respond, status).await,
    };
    let headers = Head { metadata, encoding: encoder.encoding() }.to_http();
    // -> HEADERS, DATA, HEADERS with END_STREAM, in one write. A client that is gone needs no answer.
    let _ = respond.send_all(headers, data, Trailers::ok(trailers).to_http()).await;
}

/// Runs a handler that sends messages, and sends them.
async fn stream(
    respond: Respond,
    outbox: &Outbox,
    served: impl Future<Output = Result<(), Status>>,
    deadline: Option<Deadline>,
) {
    let handling = async {
        // The stream's end shows in the sending below, which then drops the handler.
        let end = match run(served, deadline, |_| Poll::Pending).await {
            Ended::Returned(Ok(())) => End::Trailers(Trailers::ok(outbox.take_trailers())),
            Ended::Returned(Err(status)) => End::Trailers(Trailers::from_status(status)),
            Ended::DeadlinePassed | Ended::Cancelled => {
                return outbox.reset(error_code::CANCEL, deadline_passed());
            }
        };
        outbox.end(end);
    };
    // A client that is gone needs no answer.
    let _ = alongside(handling, send_stream(respond, outbox)).await.0;
}

/// -> HEADERS, DATA*, HEADERS with END_STREAM; or Trailers-Only when the handler fails before its first message.
async fn send_stream(mut respond: Respond, outbox: &Outbox) -> Result<(), Error> {
    let next = poll_fn(|cx| match outbox.poll_next(cx) {
        Poll::Ready(next) => Poll::Ready(Ok(next)),
        Poll::Pending => respond.poll_reset(cx).map(Err),
    });
    match next.await? {
        Next::Head(head) => pump(outbox.clone(), respond.send_response(head.to_http())?).await,
        Next::End(_, End::Trailers(trailers)) if trailers.status.is_ok() => {
            let mut half = respond.send_response(Head::default().to_http())?;
            half.send_trailers(trailers.to_http())
        }
        Next::End(_, End::Trailers(trailers)) => {
            respond.send_only(trailers.to_http_only(ContentType::GRPC, EncodingSet::EMPTY))
        }
        Next::End(_, End::Reset(code)) => {
            respond.reset(code);
            Ok(())
        }
        // A sender's first message brings the head with it.
        Next::Data(_) | Next::End(_, End::HalfClose) => Ok(()),
    }
}

/// -> HEADERS with END_STREAM: a status and nothing else.
async fn fail(mut respond: Respond, status: Status) {
    let trailers = Trailers::from_status(status);
    // A client that is gone needs no answer.
    let _ = respond.send_only(trailers.to_http_only(ContentType::GRPC, EncodingSet::EMPTY));
}

/// What is not a call gets an answer in its own terms: HTTP 405 or 415 with a text, or Trailers-Only.
async fn refuse(mut respond: Respond, refusal: Refusal, method: Method) {
    let (response, text) = refusal.to_http(codec::supported());
    // The answer to HEAD has no content (RFC 9110, section 9.3.2).
    let text = text.filter(|_| method != Method::HEAD);
    let _ = match text {
        None => respond.send_only(response),
        Some(text) => match respond.send_response(response) {
            Ok(mut half) => half.send_last(DataBuf::from(text)).await,
            Err(error) => Err(error),
        },
    };
}

fn deadline_passed() -> Status {
    Status::deadline_exceeded("the deadline has passed")
}
