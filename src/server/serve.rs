//! Serving one call: headers in, a handler found, its answer out. Each function is the wire trace of one call shape.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use http::Method;

use crate::{
    call::{
        Deadline, End, Head, MessageDecoder, MessageReceiver, MessageSender, MethodDescriptor, Next, Outbox,
        Request, Response, alongside, pump,
    },
    codec,
    http2::{Accepted, DataBuf, Error, Held, RecvHalf, Respond, error_code},
    server::{
        Router,
        answer::{answer, fail, finish, turn},
        handler::{Call, Ended, Handler, run},
        settings::Settings,
    },
    transport::{BoxFuture, Peer},
    wire::{ContentType, EncodingSet, Metadata, Refusal, RequestHeaders, Status, Trailers},
};

/// Reads the request headers and hands the call to its handler, or refuses it.
pub(super) fn serve(
    accepted: Accepted,
    router: &Router,
    settings: &Settings,
    peer: &Arc<Peer>,
) -> BoxFuture<'static, ()> {
    let Accepted { request, authority, mut body, mut respond, room, backlog } = accepted;
    // <- HEADERS
    let method = request.method().clone();
    let headers = match RequestHeaders::from_http(request).and_then(check_encoding) {
        Ok(headers) => headers,
        Err(refusal) => {
            return Box::pin(async move {
                refuse(&mut respond, refusal, method).await;
                until_end(&mut body).await;
            });
        }
    };
    let headers = match authority {
        Some(raw) => headers.with_raw_authority(raw),
        None => headers,
    };
    let (path, content_type) = (&headers.path, headers.content_type.clone());
    let found = settings.intercept(&headers, peer).and_then(|()| router.find(path.as_str(), &content_type));
    match found {
        Ok(handler) => {
            handler(Call::new(headers, body, respond, (room, backlog), Arc::clone(peer), settings))
        }
        Err(status) => Box::pin(async move {
            fail(&mut respond, status, content_type);
            until_end(&mut body).await;
        }),
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
    Box::new(move |mut call| {
        let handler = Arc::clone(&handler);
        let (mut decoder, encoder) = call.codecs(&method);
        let Call { request, mut body, mut respond, accepts, backlog, .. } = call;
        Box::pin(async move {
            let deadline = request.deadline();
            let served = pin!(async {
                // <- DATA, END_STREAM
                let (message, _held) = only_message(&mut decoder, &mut body).await?;
                backlog.turn().await;
                handler(received(request, message)).await
            });
            let ended = run(served, deadline, |cx| respond.poll_reset(cx).map(drop)).await;
            if matches!(ended, Ended::Returned(Ok(_)))
                && let Some(turn) = turn(&mut respond, &backlog, deadline)
                && !turn.await
            {
                return;
            }
            let unsent = answer(&mut respond, encoder, accepts, ended);
            if let Some(sending) = unsent.map(|unsent| finish(&mut respond, unsent, &backlog, deadline)) {
                sending.await;
            }
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
    Box::new(move |mut call| {
        let handler = Arc::clone(&handler);
        let (decoder, encoder) = call.codecs(&method);
        let Call { request, body, mut respond, accepts, backlog, .. } = call;
        // <- DATA*, as the handler asks for it
        let requests = MessageReceiver::server(body, decoder);
        Box::pin(async move {
            let deadline = request.deadline();
            let served = pin!(async {
                backlog.turn().await;
                handler(request.map(|()| requests)).await
            });
            let ended = run(served, deadline, |cx| respond.poll_reset(cx).map(drop)).await;
            if matches!(ended, Ended::Returned(Ok(_)))
                && let Some(turn) = turn(&mut respond, &backlog, deadline)
                && !turn.await
            {
                return;
            }
            let unsent = answer(&mut respond, encoder, accepts, ended);
            if let Some(sending) = unsent.map(|unsent| finish(&mut respond, unsent, &backlog, deadline)) {
                sending.await;
            }
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
    Box::new(move |mut call| {
        let handler = Arc::clone(&handler);
        let (mut decoder, encoder) = call.codecs(&method);
        let Call { request, mut body, respond, accepts, backlog, .. } = call;
        let outbox = Outbox::within(&backlog);
        let responses = MessageSender::server(outbox.clone(), encoder, accepts.encodings);
        Box::pin(async move {
            let deadline = request.deadline();
            let served = pin!(async {
                // <- DATA, END_STREAM
                let (message, _held) = only_message(&mut decoder, &mut body).await?;
                backlog.turn().await;
                handler(received(request, message), responses).await
            });
            stream(respond, accepts.content_type, &outbox, served, deadline).await;
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
    Box::new(move |mut call| {
        let handler = Arc::clone(&handler);
        let (decoder, encoder) = call.codecs(&method);
        let Call { request, body, respond, accepts, backlog, .. } = call;
        let outbox = Outbox::within(&backlog);
        let responses = MessageSender::server(outbox.clone(), encoder, accepts.encodings);
        // <- DATA*, as the handler asks for it
        let requests = MessageReceiver::server(body, decoder);
        Box::pin(async move {
            let deadline = request.deadline();
            let served = pin!(async {
                backlog.turn().await;
                handler(request.map(|()| requests), responses).await
            });
            stream(respond, accepts.content_type, &outbox, served, deadline).await;
        })
    })
}

/// A message and whether it came compressed.
type Received<Q> = (Q, bool);

/// The one message of a request that must have just one (rule 22), and the room it has until its handler is done.
async fn only_message<Q>(
    decoder: &mut MessageDecoder<Q>,
    body: &mut RecvHalf,
) -> Result<(Received<Q>, Option<Held>), Status> {
    let Some(message) = decoder.next(body).await? else {
        return Err(Status::unimplemented("no message in a request that must have one"));
    };
    let held = decoder.take_held();
    if decoder.next(body).await?.is_some() {
        return Err(Status::unimplemented("a second message in a request that must have one"));
    }
    Ok((message, held))
}

/// The request with its message.
fn received<Q>(request: Request<()>, (message, is_compressed): Received<Q>) -> Request<Q> {
    let mut request = request.map(|()| message);
    request.set_compressed(is_compressed);
    request
}

/// Runs a handler that sends messages, and sends them.
async fn stream(
    respond: Respond,
    content_type: ContentType,
    outbox: &Outbox,
    served: Pin<&mut impl Future<Output = Result<(), Status>>>,
    deadline: Option<Deadline>,
) {
    // Wherever the sender lives, it must not wait for a stream that is gone.
    let _closed = outbox.clone().close_on_drop("the call is over");
    let handling = pin!(async {
        // The stream's end shows in the sending below, which then drops the handler.
        if let Ended::Returned(result) = run(served, deadline, |_| Poll::Pending).await {
            outbox.end(End::Trailers(trailers(result, outbox.take_trailers())));
            // Rule 42 holds as well while the last messages wait for the client.
            let Some(deadline) = deadline else { return };
            deadline.passed().await;
        }
        outbox.reset(error_code::CANCEL, Deadline::exceeded());
    });
    // A client that is gone needs no answer.
    let _ = alongside(handling, pin!(send_stream(respond, content_type, outbox))).await.0;
}

/// How a call ended, with the metadata that its sender left and that of the status.
fn trailers(result: Result<(), Status>, mut metadata: Metadata) -> Trailers {
    if let Err(status) = &result {
        metadata.append_all(status.metadata().clone());
    }
    Trailers { status: result, metadata }
}

/// -> HEADERS, DATA*, HEADERS with END_STREAM; or Trailers-Only when the handler fails before its first message.
async fn send_stream(mut respond: Respond, content_type: ContentType, outbox: &Outbox) -> Result<(), Error> {
    let next = poll_fn(|cx| match outbox.poll_next(cx) {
        Poll::Ready(next) => Poll::Ready(Ok(next)),
        Poll::Pending => respond.poll_reset(cx).map(Err),
    });
    match next.await? {
        Next::Head(head) => pump(outbox.clone(), respond.send_response(head.into_http(content_type))?).await,
        Next::End(_, End::Trailers(trailers)) if trailers.status.is_ok() => {
            let mut half = respond.send_response(Head::default().into_http(content_type))?;
            half.send_trailers(trailers.to_http())
        }
        Next::End(_, End::Trailers(trailers)) => {
            respond.send_only(trailers.to_http_only(content_type, EncodingSet::EMPTY))
        }
        Next::End(_, End::Reset(code)) => {
            respond.reset(code);
            Ok(())
        }
        // A sender's first message brings the head with it.
        Next::Data(_) | Next::End(_, End::HalfClose) => Ok(()),
    }
}

/// What is not a call gets an answer in its own terms: HTTP 405 or 415 with a text, or Trailers-Only.
async fn refuse(respond: &mut Respond, refusal: Refusal, method: Method) {
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

/// Keeps a call that was answered by its headers alone for a moment, until its request ends too.
///
/// A reset instead (rule 40) would cost other calls: h2 counts a stream as open until its RST_STREAM is written, which may
/// be behind megabytes of DATA, while the client counts it as closed by the END_STREAM that was on its way already. The
/// client's next stream is then one too many for h2 and refused.
async fn until_end(body: &mut RecvHalf) {
    let ended = async {
        let mut received = 0;
        while received < IN_FLIGHT
            && let Ok(Some(data)) = body.data().await
        {
            received += data.len();
        }
    };
    let _ = tokio::time::timeout(MOMENT, ended).await;
}

// A client that has sent this much and not ended is told to stop: what a client may send before it hears from a server.
const IN_FLIGHT: usize = 64 * 1024;

// An END_STREAM that was written with the headers has come by then, on a busy machine too.
const MOMENT: Duration = Duration::from_secs(1);
