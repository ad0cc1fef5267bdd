//! Serving one call: headers in, a handler found, its answer out. Each function is the wire trace of one call shape.

use std::{
    future::{Future, poll_fn},
    sync::Arc,
    task::Poll,
};

use crate::{
    call::{
        End, Head, MessageDecoder, MessageEncoder, MessageReceiver, MessageSender, MethodDescriptor, Next, Outbox,
        Request, Response, alongside, pump,
    },
    codec,
    http2::{Accepted, DataBuf, RecvHalf, Respond, error_code},
    server::{
        Router,
        handler::{Call, Ended, Handler, run},
        settings::Settings,
    },
    transport::{BoxFuture, Peer},
    wire::{ContentType, Encoding, EncodingSet, Refusal, RequestHeaders, ResponseHeaders, Status, Trailers},
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
    let headers = match RequestHeaders::from_http(request).and_then(|headers| check_encoding(headers)) {
        Ok(headers) => headers,
        Err(refusal) => return Box::pin(refuse(respond, refusal)),
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
            let (deadline, limits) = (call.deadline(), call.limits(method.limits()));
            let Call { headers, mut body, mut respond, peer, .. } = call;
            let accepted = headers.accept_encoding;
            let decoder = MessageDecoder::new(method.request_codec(), headers.encoding, limits.recv_bytes());
            let request = Request::received((), headers, peer, deadline);
            let served = async {
                // <- DATA, END_STREAM
                let (message, is_compressed) = only_message(decoder, &mut body).await?;
                let mut request = request.map(|()| message);
                request.set_compressed(is_compressed);
                handler(request).await
            };
            let ended = run(served, deadline, |cx| respond.poll_reset(cx).map(drop)).await;
            answer(respond, method, limits.send_bytes(), accepted, ended).await;
        })
    })
}
