//! The calls of the suite's methods, as its docs/testing_clients.md has each shape.
//!
//! To cancel is to let go: of the future of a unary call, of the sender before it has finished, of the receiver.

use std::future::Future;

use prost::{Message, Name};
use wirepath::{MessageSender, Response, Status, call::MethodDescriptor, client::invoke};

use crate::{
    call::{Call, CancelAt},
    conformance_shared::v1::{
        ClientResponseResult,
        conformance_service_methods::{
            BIDI_STREAM, CLIENT_STREAM, IDEMPOTENT_UNARY, SERVER_STREAM, UNARY, UNIMPLEMENTED,
        },
    },
    outcome::{PayloadOf, Receiving, cancelled, of_failed, of_one},
};

/// Makes the call that is asked for.
///
/// # Errors
/// It cannot be made: there is no such method, or the messages are not its own.
pub(crate) async fn make(call: &Call) -> Result<ClientResponseResult, String> {
    match call.method() {
        "Unary" => unary(call, &UNARY, |response| response.payload).await,
        "IdempotentUnary" => unary(call, &IDEMPOTENT_UNARY, |response| response.payload).await,
        "Unimplemented" => unary(call, &UNIMPLEMENTED, |_| None).await,
        "ClientStream" => client_stream(call, &CLIENT_STREAM, |response| response.payload).await,
        "ServerStream" => server_stream(call, &SERVER_STREAM, |response| response.payload).await,
        "BidiStream" => bidi_stream(call, &BIDI_STREAM, |response| response.payload).await,
        other => Err(format!("no such method: {other}")),
    }
}

/// One request, one response.
async fn unary<Q: Sent, R: Sent>(
    call: &Call,
    method: &MethodDescriptor<Q, R>,
    payload_of: PayloadOf<R>,
) -> Result<ClientResponseResult, String> {
    let (request, method) = (call.request(call.only_message()?), call.in_format(method));
    let answered = within(call.cancel, invoke::unary(&call.channel, &method, request)).await;
    Ok(of_one(answered, payload_of))
}

/// Many requests, one response.
async fn client_stream<Q: Sent, R: Sent>(
    call: &Call,
    method: &MethodDescriptor<Q, R>,
    payload_of: PayloadOf<R>,
) -> Result<ClientResponseResult, String> {
    let (messages, method) = (call.messages()?, call.in_format(method));
    let streams = invoke::client_streaming(&call.channel, &method, call.request(())).await;
    let (mut requests, responses) = match streams {
        Ok(streams) => streams,
        Err(status) => return Ok(of_failed(&status)),
    };
    let mut messages = messages.into_iter();
    let mut unsent = 0;
    while let Some(message) = messages.next() {
        call.pause().await;
        // Why it is over is the receiver's to say.
        if requests.send(message).await.is_err() {
            unsent = 1 + messages.len();
            break;
        }
    }
    close(requests, call.cancel).await;
    let mut result = of_one(within(call.cancel, responses.only_message()).await, payload_of);
    result.num_unsent_requests = unsent.try_into().unwrap_or(i32::MAX);
    Ok(result)
}

/// One request, many responses.
async fn server_stream<Q: Sent, R: Sent>(
    call: &Call,
    method: &MethodDescriptor<Q, R>,
    payload_of: PayloadOf<R>,
) -> Result<ClientResponseResult, String> {
    let (request, method) = (call.request(call.only_message()?), call.in_format(method));
    match invoke::server_streaming(&call.channel, &method, request).await {
        Ok(responses) => {
            Ok(receive(Receiving::new(responses, payload_of, call.cancel.responses()), call.cancel).await)
        }
        Err(status) => Ok(of_failed(&status)),
    }
}

/// Many requests, many responses: one for each request, or all after the last one.
async fn bidi_stream<Q: Sent, R: Sent>(
    call: &Call,
    method: &MethodDescriptor<Q, R>,
    payload_of: PayloadOf<R>,
) -> Result<ClientResponseResult, String> {
    let (messages, method) = (call.messages()?, call.in_format(method));
    let streams = invoke::bidi_streaming(&call.channel, &method, call.request(())).await;
    let (mut requests, responses) = match streams {
        Ok(streams) => streams,
        Err(status) => return Ok(of_failed(&status)),
    };
    let mut receiving = Receiving::new(responses, payload_of, call.cancel.responses());
    let mut messages = messages.into_iter();
    while let Some(message) = messages.next() {
        call.pause().await;
        if requests.send(message).await.is_err() {
            receiving.set_unsent(1 + messages.len());
            break;
        }
        if call.is_full_duplex() && !receiving.next().await {
            receiving.set_unsent(messages.len());
            return Ok(receiving.into_result().await);
        }
    }
    close(requests, call.cancel).await;
    Ok(receive(receiving, call.cancel).await)
}

/// The messages of the suite.
trait Sent: Message + Name + Default + Send + 'static {}

impl<M: Message + Name + Default + Send + 'static> Sent for M {}

/// Half-closes, or cancels instead. One that is over already says so to its receiver.
async fn close<Q>(requests: MessageSender<Q>, cancel: CancelAt) {
    if cancel != CancelAt::CloseSend {
        let _ = requests.finish().await;
    }
}

/// The one response, unless the call is cancelled while it is awaited.
async fn within<R>(
    cancel: CancelAt,
    answer: impl Future<Output = Result<Response<R>, Status>>,
) -> Result<Response<R>, Status> {
    let CancelAt::AfterCloseSend(pause) = cancel else { return answer.await };
    tokio::time::timeout(pause, answer).await.unwrap_or_else(|_| Err(cancelled()))
}

/// The responses to their end, unless the call is cancelled before they are read.
async fn receive<R>(mut receiving: Receiving<R>, cancel: CancelAt) -> ClientResponseResult {
    if let CancelAt::AfterCloseSend(pause) = cancel {
        tokio::time::sleep(pause).await;
        return receiving.cancel().await;
    }
    while receiving.next().await {}
    receiving.into_result().await
}
