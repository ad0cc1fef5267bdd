//! What a case is worth: for each, servers that get one thing wrong, and the client must say which. Those that lie to the
//! negative cases stand in `negative`.
//!
//! All but one have such a server. After cancel_after_begin the client has cancelled before it can have heard anything, so
//! that no answer tells a good server from a bad one. Time is paused: what answers at once comes before any deadline.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use clap::ValueEnum;
use wirepath::{
    Channel, MessageReceiver, Request, Response, Router, Status,
    call::{MethodDescriptor, MethodType},
    codec::Codec,
    generated::grpc::testing::{
        BoolValue, EchoStatus, Empty, Payload, SimpleRequest, SimpleResponse, StreamingInputCallResponse,
        StreamingOutputCallRequest, test_service_methods as methods, test_service_server::TestService,
        unimplemented_service_methods,
    },
    transport::duplex,
};

use crate::{
    cases::{Soak, TestCase},
    interop_shared::{ECHO_INITIAL, ECHO_TRAILING},
    server,
    service::{Testing, respond},
};

/// A case, a server that lies to it, and what the client must find different.
type Lie = (TestCase, fn(&mut Router), &'static str);

const LIES: &[Lie] = &[
    (
        TestCase::EmptyUnary,
        |router| router.unary(&EMPTY_CALL_RAW, one_field),
        "the response: got b\"\\x08\\x01\"",
    ),
    (TestCase::LargeUnary, |router| answers(router, shorten), "bytes of the payload: got 314158"),
    (TestCase::LargeUnary, |router| answers(router, soil), "bytes that are not zero: got 1"),
    (TestCase::LargeUnary, |router| answers(router, |response| response.payload = None), "no payload"),
    (TestCase::UnimplementedMethod, |router| router.unary(&methods::UNIMPLEMENTED_CALL, empty), "got OK"),
    (TestCase::UnimplementedService, |router| router.unary(&UNIMPLEMENTED_SERVICE, empty), "got OK"),
    (TestCase::ClientStreaming, |router| adds_up_to(router, 74_921), "got 74921, wanted 74922"),
    (TestCase::ServerStreaming, |router| hears_stream(router, reverse), "response 1: bytes of the payload"),
    (TestCase::ServerStreaming, |router| hears_stream(router, pop), "response 4: no payload"),
    (TestCase::ServerStreaming, |router| hears_stream(router, push), "a response too many"),
    (TestCase::PingPong, |router| hears_duplex(router, push), "response 2: bytes of the payload: got 0"),
    (TestCase::EmptyStream, speaks_unasked, "a response too many"),
    (
        TestCase::ClientCompressedUnary,
        |router| hears(router, expects_nothing),
        "the uncompressed probe: got OK",
    ),
    (
        TestCase::ClientCompressedUnary,
        |router| hears(router, expects_compressed),
        "the call failed with INVALID_ARGUMENT",
    ),
    (TestCase::ServerCompressedUnary, |router| hears(router, asks_plain), "got false, wanted true"),
    (TestCase::ServerCompressedUnary, |router| hears(router, asks_compressed), "got true, wanted false"),
    (
        TestCase::ClientCompressedStreaming,
        |router| adds_up_to(router, 73_086),
        "the uncompressed probe: got OK",
    ),
    (
        TestCase::ServerCompressedStreaming,
        |router| hears_stream(router, |all| compress(all, false)),
        "wanted true",
    ),
    (
        TestCase::ServerCompressedStreaming,
        |router| hears_stream(router, |all| compress(all, true)),
        "wanted false",
    ),
    (
        TestCase::CustomMetadata,
        |router| hears(router, |request| forgets(request, ECHO_INITIAL)),
        "UnaryCall: x-grpc-test-echo-initial",
    ),
    (
        TestCase::CustomMetadata,
        |router| hears(router, |request| forgets(request, ECHO_TRAILING)),
        "UnaryCall: x-grpc-test-echo-trailing-bin",
    ),
    (
        TestCase::CustomMetadata,
        |router| opens_duplex(router, |request| forgets(request, ECHO_INITIAL)),
        "FullDuplexCall: x-grpc-test-echo-initial",
    ),
    (
        TestCase::CustomMetadata,
        |router| opens_duplex(router, |request| forgets(request, ECHO_TRAILING)),
        "FullDuplexCall: x-grpc-test-echo-trailing-bin",
    ),
    (
        TestCase::StatusCodeAndMessage,
        |router| hears(router, |request| status(request, 3)),
        "UnaryCall: got INVALID_ARGUMENT",
    ),
    (
        TestCase::StatusCodeAndMessage,
        |router| hears_duplex(router, |request| fails(request, 3)),
        "FullDuplexCall: got INVALID_ARGUMENT",
    ),
    (TestCase::SpecialStatusMessage, |router| hears(router, trims), "the status message"),
    (TestCase::CancelAfterFirstResponse, |router| hears_duplex(router, shrink), "got 31414, wanted 31415"),
    (TestCase::TimeoutOnSleepingServer, ends_at_once, "got OK, wanted DEADLINE_EXCEEDED"),
    (TestCase::RpcSoak, |router| answers(router, shorten), "10 of 10 iterations failed"),
    (TestCase::RpcSoak, |router| router.unary(&methods::UNARY_CALL, is_late), "acceptable is 1s"),
    (TestCase::RpcSoak, |router| router.unary(&methods::UNARY_CALL, is_silent), "1 of 10 iterations in 10 s"),
    (TestCase::ChannelSoak, |router| answers(router, shorten), "10 of 10 iterations failed"),
];

#[tokio::test(start_paused = true)]
async fn every_lie_is_told_from_the_truth() {
    let mut untold = Vec::new();
    for (case, lie, differs) in LIES {
        let mut lies = Router::new();
        lie(&mut lies);
        let (connector, listener) = duplex(64 * 1024);
        // Methods that are added again are replaced.
        tokio::spawn(server().add(lies).serve(listener));
        let seen = case.run(move || Channel::new(connector.clone()), &Soak::default()).await;
        let line = seen.err().map_or_else(String::new, |difference| difference.to_string());
        if !line.contains(differs) || line.lines().count() != 1 {
            untold.push(format!("{case}: {differs:?} is not told by {line:?}"));
        }
    }
    assert!(untold.is_empty(), "{untold:#?}");
}

#[test]
fn only_the_case_that_hears_nothing_has_no_liar() {
    let trusting = |case: &&TestCase| !LIES.iter().any(|(lied_to, ..)| lied_to == *case);
    let cases = TestCase::value_variants().iter().filter(|case| !case.is_negative());
    let trusting: Vec<_> = cases.filter(trusting).collect();
    assert_eq!(trusting, [&TestCase::CancelAfterBegin]);
}

/// UnaryCall, its request misheard.
fn hears(router: &mut Router, mishear: fn(&mut Request<SimpleRequest>)) {
    router.unary(&methods::UNARY_CALL, move |mut request| async move {
        mishear(&mut request);
        Testing.unary_call(request).await
    });
}

/// UnaryCall, its response changed.
fn answers(router: &mut Router, change: fn(&mut SimpleResponse)) {
    router.unary(&methods::UNARY_CALL, move |request| async move {
        let response = Testing.unary_call(request).await?;
        Ok(response.map(|mut message| {
            change(&mut message);
            message
        }))
    });
}

/// StreamingOutputCall, its request misheard.
fn hears_stream(router: &mut Router, mishear: fn(&mut StreamingOutputCallRequest)) {
    router.server_streaming(&methods::STREAMING_OUTPUT_CALL, move |mut request, responses| async move {
        mishear(request.message_mut());
        Testing.streaming_output_call(request, responses).await
    });
}

/// FullDuplexCall, its Request-Headers misheard.
fn opens_duplex(router: &mut Router, mishear: fn(&mut Request<MessageReceiver<StreamingOutputCallRequest>>)) {
    router.bidi_streaming(&methods::FULL_DUPLEX_CALL, move |mut requests, responses| async move {
        mishear(&mut requests);
        Testing.full_duplex_call(requests, responses).await
    });
}

/// FullDuplexCall, each of its requests misheard.
fn hears_duplex(router: &mut Router, mishear: fn(&mut StreamingOutputCallRequest)) {
    router.bidi_streaming(&methods::FULL_DUPLEX_CALL, move |requests, mut responses| async move {
        let mut requests = requests.into_message();
        while let Some(mut request) = requests.recv().await? {
            mishear(&mut request);
            respond(&request, &mut responses).await?;
        }
        Ok(())
    });
}

/// StreamingInputCall, with a sum of its own and without a look at the Compressed-Flags.
fn adds_up_to(router: &mut Router, aggregated_payload_size: i32) {
    router.client_streaming(&methods::STREAMING_INPUT_CALL, move |requests| async move {
        let mut requests = requests.into_message();
        while requests.recv().await?.is_some() {}
        Ok(Response::new(StreamingInputCallResponse { aggregated_payload_size }))
    });
}

fn speaks_unasked(router: &mut Router) {
    router.bidi_streaming(&methods::FULL_DUPLEX_CALL, |_, mut responses| async move {
        responses.send(Default::default()).await
    });
}

fn ends_at_once(router: &mut Router) {
    router.bidi_streaming(&methods::FULL_DUPLEX_CALL, |_, _| async { Ok(()) });
}

async fn one_field(_request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    Ok(Response::new(Bytes::from_static(b"\x08\x01")))
}

async fn empty(_request: Request<Empty>) -> Result<Response<Empty>, Status> {
    Ok(Response::new(Empty {}))
}

async fn is_late(request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
    tokio::time::sleep(Duration::from_millis(1001)).await;
    Testing.unary_call(request).await
}

async fn is_silent(_request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
    pending().await
}

fn shorten(response: &mut SimpleResponse) {
    if let Some(Payload { body, .. }) = &mut response.payload {
        body.truncate(body.len() - 1);
    }
}

fn soil(response: &mut SimpleResponse) {
    if let Some(Payload { body, .. }) = &mut response.payload {
        let mut soiled = body.to_vec();
        soiled[1000] = 1;
        *body = soiled.into();
    }
}

fn forgets<T>(request: &mut Request<T>, key: &str) {
    request.metadata_mut().remove(key);
}

fn expects_nothing(request: &mut Request<SimpleRequest>) {
    request.message_mut().expect_compressed = None;
}

fn expects_compressed(request: &mut Request<SimpleRequest>) {
    request.message_mut().expect_compressed = Some(BoolValue { value: true });
}

fn asks_plain(request: &mut Request<SimpleRequest>) {
    request.message_mut().response_compressed = None;
}

fn asks_compressed(request: &mut Request<SimpleRequest>) {
    request.message_mut().response_compressed = Some(BoolValue { value: true });
}

fn status(request: &mut Request<SimpleRequest>, code: i32) {
    request.message_mut().response_status = Some(EchoStatus { code, message: String::new() });
}

fn trims(request: &mut Request<SimpleRequest>) {
    if let Some(asked) = &mut request.message_mut().response_status {
        asked.message = asked.message.trim().to_owned();
    }
}

fn fails(request: &mut StreamingOutputCallRequest, code: i32) {
    request.response_status = Some(EchoStatus { code, message: String::new() });
}

fn reverse(request: &mut StreamingOutputCallRequest) {
    request.response_parameters.reverse();
}

fn pop(request: &mut StreamingOutputCallRequest) {
    request.response_parameters.pop();
}

fn shrink(request: &mut StreamingOutputCallRequest) {
    for parameters in &mut request.response_parameters {
        parameters.size -= 1;
    }
}

fn push(request: &mut StreamingOutputCallRequest) {
    request.response_parameters.push(Default::default());
}

fn compress(request: &mut StreamingOutputCallRequest, value: bool) {
    for parameters in &mut request.response_parameters {
        parameters.compressed = Some(BoolValue { value });
    }
}

/// EmptyCall, seen as bytes.
const EMPTY_CALL_RAW: MethodDescriptor<Bytes, Bytes> =
    MethodDescriptor::new(methods::EMPTY_CALL.path(), MethodType::Unary, Codec::RAW, Codec::RAW);

const UNIMPLEMENTED_SERVICE: MethodDescriptor<Empty, Empty> =
    unimplemented_service_methods::UNIMPLEMENTED_CALL;
