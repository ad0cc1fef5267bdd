//! Clients that go away or stand still in the middle of a call.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use wirepath::{Code, Endpoint, MessageReceiver, Request, Response, Router, Status, frame::FrameType};

use crate::{
    echo::{COLLECT, Running, both_placements, until},
    raw::{Raw, frame, framed, headers},
};

/// Rule 42, for clients that forget their own deadline: an answer waits for window no longer than it.
#[tokio::test]
async fn an_answer_that_finds_no_window_is_reset_at_its_deadline() {
    for path in ["/test.Echo/Say", "/test.Echo/Count"] {
        for server in both_placements() {
            let running = Running::start(server).await;
            let mut raw = Raw::connect_with_window(running.path(), 0).await;
            raw.call_within(1, path, "100m", &[b'x'; 20_000]).await;
            let is_reset = |kind| kind == FrameType::RstStream;
            let all = raw.read_until(|frames| frames.iter().any(|frame| is_reset(frame.head.kind))).await;
            let reset = all.iter().find(|frame| is_reset(frame.head.kind)).expect("a reset");
            // CANCEL.
            assert_eq!((reset.head.stream_id, &reset.payload[..]), (1, &[0, 0, 0, 8][..]), "{path}");
            running.alive.becomes(0).await;
        }
    }
}

/// Rules 42 and 43: what a handler that is still reading learns of its client's end.
#[tokio::test]
async fn an_upload_that_is_broken_off_is_cancelled() {
    let reset = frame(0x3, 0, 1, &[0, 0, 0, 8]);
    for last_words in [&reset[..], b""] {
        for server in both_placements() {
            let seen = Arc::new(Mutex::new(None));
            let mut router = Router::new();
            let told = Arc::clone(&seen);
            router.client_streaming(&COLLECT, move |requests| read_to_the_end(requests, Arc::clone(&told)));
            let dir = tempfile::tempdir().unwrap();
            let endpoint = Endpoint::Unix(dir.path().join("lost.sock"));
            let listener = endpoint.listen().await.unwrap();
            tokio::spawn(server.add(router).serve(listener));
            let mut raw = Raw::connect(&dir.path().join("lost.sock")).await;
            raw.send(&headers(1, COLLECT.path(), None)).await;
            raw.send(&frame(0x0, 0, 1, &framed(b"the first of two"))).await;
            until(|| *seen.lock().unwrap() == Some(Ok(1))).await;
            raw.send(last_words).await;
            drop(raw);
            // The handler is told, or dropped where it waits; what is left are this end and the router's.
            until(|| Arc::strong_count(&seen) == 2).await;
            let seen = *seen.lock().unwrap();
            assert!(matches!(seen, Some(Ok(1) | Err(Code::Cancelled))), "{seen:?}");
        }
    }
}

/// Tells how many messages have come, then the error that ended them.
async fn read_to_the_end(
    requests: Request<MessageReceiver<Bytes>>,
    seen: Arc<Mutex<Option<Result<usize, Code>>>>,
) -> Result<Response<Bytes>, Status> {
    let (mut requests, mut count) = (requests.into_message(), 0);
    loop {
        match requests.recv().await {
            Ok(Some(_)) => count += 1,
            Ok(None) => return Ok(Response::new(Bytes::new())),
            Err(status) => {
                *seen.lock().unwrap() = Some(Err(status.code()));
                return Err(status);
            }
        }
        *seen.lock().unwrap() = Some(Ok(count));
    }
}
