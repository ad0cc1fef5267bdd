//! What a client may make a server hold: large requests that come, and answers that it does not take.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use wirepath::{
    Channel, Code, Request, Response, Router, Server, Status,
    call::{MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
    frame::{Frame, FrameType},
    http2::Http2Config,
    transport::{DuplexConnector, duplex},
};

use crate::raw::{Raw, SAY, call, frame, framed, headers};

const LARGE: usize = 40_000;

/// Its messages become as many times their size as their last octet says.
const DENSE: MethodDescriptor<Bytes, Bytes> = MethodDescriptor::new(
    "/test.Echo/All",
    MethodType::Unary,
    Codec::RAW.weighed(|message| message.len() * usize::from(message[message.len() - 1])),
    Codec::RAW,
);

/// A large request that begins with `w` and becomes so many times its size.
fn dense(stream_id: u32, times: u8) -> Vec<u8> {
    let mut message = vec![b'w'; LARGE];
    message[LARGE - 1] = times;
    let mut bytes = call_in_frames(stream_id, &message);
    // The names are of one length.
    let path = bytes.windows(3).position(|name| name == b"Say").unwrap();
    bytes[path..path + 3].copy_from_slice(b"All");
    bytes
}

/// A server whose calls answer as many bytes as they were sent, but for those that begin with `w`, which wait; and how many
/// of its handlers were started.
fn serve(configure: impl FnOnce(&mut Http2Config)) -> (DuplexConnector, Arc<AtomicUsize>) {
    let mut config = Http2Config::default();
    configure(&mut config);
    let started = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&started);
    let mut router = Router::new();
    for method in [&SAY, &DENSE] {
        let count = Arc::clone(&count);
        router.unary(method, move |request: Request<Bytes>| {
            count.fetch_add(1, Ordering::Relaxed);
            async move {
                if request.message().first() == Some(&b'w') {
                    pending::<()>().await;
                }
                Ok(Response::new(request.into_message()))
            }
        });
    }
    let (connector, listener) = duplex(1 << 16);
    tokio::spawn(Server::new().http2(config).add(router).serve(listener));
    (connector, started)
}

fn ended(frames: &[Frame], stream_id: u32) -> bool {
    frames.iter().any(|frame| {
        let is_last = frame.head.kind == FrameType::RstStream
            || frame.head.kind == FrameType::Headers && frame.head.is_end_stream();
        frame.head.stream_id == stream_id && is_last
    })
}

fn is_reset(frames: &[Frame], stream_id: u32, code: u32) -> bool {
    frames.iter().any(|frame| {
        frame.head.stream_id == stream_id
            && frame.head.kind == FrameType::RstStream
            && frame.payload[..] == code.to_be_bytes()
    })
}

/// All is sent at once: more than the windows of HTTP/2 begin with would have to wait for their updates.
fn large(stream_id: u32, first: u8) -> Vec<u8> {
    let mut message = vec![b'x'; LARGE];
    message[0] = first;
    call_in_frames(stream_id, &message)
}

fn call_in_frames(stream_id: u32, message: &[u8]) -> Vec<u8> {
    let mut bytes = headers(stream_id);
    let body = framed(message);
    let mut chunks = body.chunks(16_384).peekable();
    while let Some(chunk) = chunks.next() {
        bytes.extend(frame(0x0, u8::from(chunks.peek().is_none()), stream_id, chunk));
    }
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_large_request_waits_for_room_and_a_small_one_does_not() {
    let (connector, started) = serve(|config| config.request_room = 5 * LARGE / 2);
    let mut raw = Raw::connect(&connector).await;
    raw.send(&[large(1, b'w'), large(3, b'w')].concat()).await;
    raw.send(&[large(5, b'x'), call(7, b"hi")].concat()).await;
    let frames = raw.read_until(|frames| ended(frames, 7)).await;
    assert!(!ended(&frames, 5));
    assert_eq!(started.load(Ordering::Relaxed), 3);
    // CANCEL gives room.
    raw.send(&frame(0x3, 0, 1, &8_u32.to_be_bytes())).await;
    raw.read_until(|frames| ended(frames, 5)).await;
}

#[tokio::test(start_paused = true)]
async fn a_promise_takes_no_room() {
    let (connector, _) = serve(|config| config.request_room = 5 * LARGE / 2);
    let mut raw = Raw::connect(&connector).await;
    for number in 0..99 {
        let id = 2 * number + 1;
        let promise = [&[0], &4_000_000_u32.to_be_bytes()[..], b"and no more"].concat();
        raw.send(&[headers(id), frame(0x0, 0, id, &promise)].concat()).await;
    }
    raw.send(&large(199, b'x')).await;
    raw.read_until(|frames| ended(frames, 199)).await;
}

#[tokio::test(start_paused = true)]
async fn what_becomes_much_larger_is_decoded_one_after_the_other() {
    let (connector, started) = serve(|config| {
        config.decoded_room = 3 * LARGE;
        config.stream_window = 1 << 20;
    });
    let mut raw = Raw::connect(&connector).await;
    let is_started = async |count| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(started.load(Ordering::Relaxed), count);
    };
    // The first leaves a third of the room, which is none for the second, and the third needs none.
    raw.send(&dense(1, 3)).await;
    is_started(1).await;
    raw.send(&dense(3, 16)).await;
    is_started(1).await;
    raw.send(&[call(5, b"hi"), dense(7, 1)].concat()).await;
    raw.read_until(|frames| ended(frames, 5)).await;
    is_started(3).await;
    // CANCEL gives room, also for one that is larger than all of it.
    raw.send(&frame(0x3, 0, 1, &8_u32.to_be_bytes())).await;
    is_started(4).await;
}

#[tokio::test(start_paused = true)]
async fn what_becomes_larger_than_any_message_may_is_refused() {
    let (connector, started) = serve(|_| ());
    let channel = Channel::new(connector);
    // 255 times its size is 17 times that of the largest message.
    let message = Bytes::from(vec![255; (4 << 20) / 15]);
    let status = invoke::unary(&channel, &DENSE, message.clone().into()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.message().contains("would become"), "{status}");
    assert_eq!(started.load(Ordering::Relaxed), 0);
    invoke::unary(&channel, &SAY, message.into()).await.unwrap();
}

/// The client sends of each in turn, so most of the window goes to those that wait.
#[tokio::test]
async fn many_large_requests_at_once_are_all_answered() {
    let (connector, _) = serve(|config| {
        config.request_room = 1 << 16;
        config.stream_window = 1 << 16;
        config.connection_window = 1 << 17;
    });
    let channel = Channel::new(connector);
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let channel = channel.clone();
            tokio::spawn(async move {
                let message = Bytes::from(vec![b'x'; 300_000]);
                let request = Request::new(message);
                invoke::unary(&channel, &SAY, request).await.map(|response| response.message().len())
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), 300_000);
    }
}

#[tokio::test(start_paused = true)]
async fn while_answers_are_not_taken_one_handler_more_is_started() {
    let (connector, started) = serve(|config| config.answer_backlog = 2 * LARGE);
    let mut raw = Raw::connect(&connector).await;
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    raw.send(&frame(0x4, 0, 0, &[0, 4, 0, 0, 0, 0])).await;
    for number in 0..20 {
        raw.send(&large(2 * number + 1, b'x')).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    // Two make it full; the third might have said little, and does not.
    assert_eq!(started.load(Ordering::Relaxed), 3);
    // Window for all: what waited is answered, none was lost.
    raw.send(&frame(0x4, 0, 0, &[0, 4, 0, 0x10, 0, 0])).await;
    raw.send(&frame(0x8, 0, 0, &10_000_000_u32.to_be_bytes())).await;
    let frames = raw.read_until(|frames| (0..20).all(|number| ended(frames, 2 * number + 1))).await;
    assert!(!frames.iter().any(|frame| frame.head.kind == FrameType::RstStream));
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_never_taken_end_their_calls() {
    const CALM: u32 = 0xb;
    let (connector, started) = serve(|config| config.answer_backlog = 2 * LARGE);
    let mut raw = Raw::connect(&connector).await;
    raw.send(&frame(0x4, 0, 0, &[0, 4, 0, 0, 0, 0])).await;
    for number in 0..6 {
        raw.send(&large(2 * number + 1, b'x')).await;
    }
    raw.read_until(|frames| (0..6).all(|number| is_reset(frames, 2 * number + 1, CALM))).await;
    assert_eq!(started.load(Ordering::Relaxed), 6);
}

/// A reader that pauses is none of these.
#[tokio::test(start_paused = true)]
async fn an_answer_waits_for_ever_while_there_is_room_for_more() {
    let (connector, _) = serve(|_| ());
    let mut raw = Raw::connect(&connector).await;
    raw.send(&frame(0x4, 0, 0, &[0, 4, 0, 0, 0, 0])).await;
    raw.send(&large(1, b'x')).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    raw.send(&frame(0x4, 0, 0, &[0, 4, 0, 0x10, 0, 0])).await;
    let frames = raw.read_until(|frames| ended(frames, 1)).await;
    assert!(!frames.iter().any(|frame| frame.head.kind == FrameType::RstStream));
}

/// A handler that waits, and then answers with a lot, as all others of its connection at that moment.
#[tokio::test(start_paused = true)]
async fn handlers_that_return_all_at_once_get_one_answer_ready_after_the_other() {
    let encoded = Arc::new(AtomicUsize::new(0));
    let mut router = Router::new();
    router.unary(&COUNTED, {
        let encoded = Arc::clone(&encoded);
        move |request: Request<Bytes>| {
            let encoded = Arc::clone(&encoded);
            async move {
                if request.message().first() == Some(&b'l') {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    return Ok(Response::new((vec![b'x'; LARGE].into(), encoded)));
                }
                Ok(Response::new((Bytes::from_static(b"little"), encoded)))
            }
        }
    });
    let mut config = Http2Config::default();
    config.answer_backlog = LARGE;
    let (connector, listener) = duplex(1 << 16);
    tokio::spawn(Server::new().http2(config).add(router).serve(listener));
    let mut raw = Raw::connect(&connector).await;
    raw.send(&frame(0x4, 0, 0, &[0, 4, 0, 0, 0, 0])).await;
    for number in 0..20 {
        raw.send(&call(2 * number + 1, b"large")).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    // One that fills the backlog, and one that came upon a full one.
    assert_eq!(encoded.load(Ordering::Relaxed), 2);
    raw.send(&frame(0x4, 0, 0, &[0, 4, 0, 0x10, 0, 0])).await;
    raw.send(&frame(0x8, 0, 0, &10_000_000_u32.to_be_bytes())).await;
    raw.read_until(|frames| (0..20).all(|number| ended(frames, 2 * number + 1))).await;
    assert_eq!(encoded.load(Ordering::Relaxed), 20);
}

/// Counts what it encodes.
const COUNTED: MethodDescriptor<Bytes, (Bytes, Arc<AtomicUsize>)> = MethodDescriptor::new(
    "/test.Echo/Say",
    MethodType::Unary,
    Codec::RAW,
    Codec::new(
        |(message, encoded), _| {
            encoded.fetch_add(1, Ordering::Relaxed);
            Some(message.clone())
        },
        |message| Ok((message, Arc::default())),
    ),
);

/// Calls that fail are answered by HEADERS alone, which no window holds back.
#[tokio::test(start_paused = true)]
async fn who_does_not_take_the_ends_of_streams_opens_no_more() {
    let started = Arc::new(AtomicUsize::new(0));
    let mut router = Router::new();
    router.unary(&SAY, {
        let started = Arc::clone(&started);
        move |_: Request<Bytes>| {
            started.fetch_add(1, Ordering::Relaxed);
            async { Err(Status::aborted("%".repeat(4_000))) }
        }
    });
    let (connector, listener) = duplex(1 << 16);
    tokio::spawn(Server::new().add(router).serve(listener));
    let mut raw = Raw::connect(&connector).await;
    let calls: Vec<u8> = (0..5_000).flat_map(|number| call(2 * number + 1, &[b'x'; 4_000])).collect();
    // Nothing is read meanwhile.
    let taken = tokio::time::timeout(Duration::from_secs(5), raw.send_unread(&calls)).await;
    assert!(taken.is_err(), "the server took all");
    assert!(started.load(Ordering::Relaxed) < 400, "{started:?}");
}
