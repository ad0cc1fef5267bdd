//! A shutdown that waits for what is in flight: GOAWAY, the last answers, and a close that loses none of them.

use std::time::Duration;

use bytes::Bytes;
use tokio::{net::UnixStream, time::Instant};
use wirepath::{
    Channel, Code,
    client::invoke,
    frame::{Frame, FrameType},
};

use crate::{
    echo::{CHAT, Running, both_placements, in_time, say},
    raw::{Raw, frame},
};

fn is(kind: FrameType) -> impl Fn(&&Frame) -> bool {
    move |frame| frame.head.kind == kind
}

fn last_streams(frames: &[Frame]) -> Vec<u32> {
    let goaways = frames.iter().filter(is(FrameType::Goaway));
    goaways.map(|goaway| u32::from_be_bytes(goaway.payload[..4].try_into().unwrap())).collect()
}

/// Whether the last frame of this stream has come.
fn is_answered(frames: &[Frame], stream_id: u32) -> bool {
    let ends = |frame: &Frame| frame.head.kind == FrameType::Headers && frame.head.flags & 1 == 1;
    frames.iter().any(|frame| frame.head.stream_id == stream_id && ends(frame))
}

/// Rule 44.
#[tokio::test]
async fn goaway_comes_twice_and_what_was_sent_in_between_is_served() {
    for server in both_placements() {
        let running = Running::start(server).await;
        let mut raw = Raw::connect(running.path()).await;
        raw.call(1, "/test.Echo/Say", b"200").await;
        running.alive.becomes(1).await;
        let (task, ..) = running.drain();
        let so_far = raw.read_until(|frames| frames.iter().any(|frame| is(FrameType::Ping)(&frame))).await;
        assert_eq!(last_streams(&so_far), [0x7fff_ffff]);
        // The client has not yet seen it.
        raw.call(3, "/test.Echo/Say", b"late").await;
        let ping = so_far.iter().find(is(FrameType::Ping)).unwrap();
        raw.send(&frame(0x6, 0x1, 0, &ping.payload)).await;
        let all = raw.read_to_end().await.unwrap();
        assert_eq!(last_streams(&all), [0x7fff_ffff, 3]);
        assert!(is_answered(&all, 1) && is_answered(&all, 3), "{all:?}");
        drop(raw);
        in_time(task).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn calls_in_flight_finish_and_new_connections_are_refused() {
    for server in both_placements() {
        let running = Running::start(server).await;
        let channel = running.channel();
        let unary = tokio::spawn({
            let channel = channel.clone();
            async move { say(&channel, "300").await }
        });
        let (mut requests, mut responses) = invoke::bidi_streaming(&channel, &CHAT, ().into()).await.unwrap();
        requests.send("before".into()).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap(), "before");
        running.alive.becomes(2).await;
        let path = running.path().to_owned();
        let (task, endpoint, _, _dir) = running.drain();
        in_time(async {
            while UnixStream::connect(&path).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        assert_eq!(say(&Channel::new(endpoint), "too late").await.unwrap_err().code(), Code::Unavailable);
        assert!(!task.is_finished());
        assert_eq!(unary.await.unwrap().unwrap(), "300");
        requests.send("after".into()).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap(), "after");
        requests.finish().await.unwrap();
        assert_eq!(responses.recv().await.unwrap(), None);
        in_time(task).await.unwrap().unwrap();
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn idle_connections_close_at_once() {
    let running = Running::start(both_placements().into_iter().next().unwrap()).await;
    let channel = running.channel();
    say(&channel, "then idle").await.unwrap();
    let mut raw = Raw::connect(running.path()).await;
    raw.call(1, "/test.Echo/Say", b"then idle").await;
    raw.read_until(|frames| is_answered(frames, 1)).await;
    let path = running.path().to_owned();
    let start = Instant::now();
    let (task, _, _, _dir) = running.drain();
    // h2's client answers the PING by itself; this one does so by hand.
    let so_far = raw.read_until(|frames| frames.iter().any(|frame| is(FrameType::Ping)(&frame))).await;
    let ping = so_far.iter().find(is(FrameType::Ping)).unwrap();
    raw.send(&frame(0x6, 0x1, 0, &ping.payload)).await;
    assert_eq!(last_streams(&raw.read_to_end().await.unwrap()), [0x7fff_ffff, 1]);
    drop(raw);
    in_time(task).await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(!path.exists());
}

#[tokio::test]
async fn a_connection_that_never_said_its_preface_holds_up_nothing() {
    let running = Running::start(both_placements().into_iter().next().unwrap()).await;
    let mut silent = Raw::silent(running.path()).await;
    let mut half_said = Raw::silent(running.path()).await;
    half_said.send(b"PRI * HTTP/2.0\r\n").await;
    // Both are accepted once a later one is served.
    say(&running.channel(), "").await.unwrap();
    let start = Instant::now();
    let (task, ..) = running.drain();
    in_time(task).await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let _ = silent.read_to_end().await.unwrap();
    let _ = half_said.read_to_end().await.unwrap();
}

/// They have connected, so a close would cost them a call that they have sent.
#[tokio::test]
async fn clients_that_wait_to_be_accepted_are_served_and_told() {
    for server in both_placements() {
        let running = Running::start(server).await;
        // On a runtime of one thread the server accepts nobody before the next await.
        let connect = |_| Raw::connect_at_once(running.path(), "/test.Echo/Say", b"queued");
        let queued: Vec<Raw> = (0..100).map(connect).collect();
        let path = running.path().to_owned();
        let (task, _, _, _dir) = running.drain();
        for mut raw in queued {
            raw.answer_drain().await;
            let all = raw.read_to_end().await.expect("an end, no reset");
            assert_eq!(last_streams(&all), [0x7fff_ffff, 1]);
            assert!(is_answered(&all, 1), "{all:?}");
        }
        in_time(task).await.unwrap().unwrap();
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn a_silent_client_that_waits_to_be_accepted_holds_up_nothing() {
    let running = Running::start(both_placements().into_iter().next().unwrap()).await;
    let silent = std::os::unix::net::UnixStream::connect(running.path()).unwrap();
    let start = Instant::now();
    let (task, _, _, _dir) = running.drain();
    in_time(task).await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    drop(silent);
}

/// A close with bytes unread is ECONNRESET at the other end, and takes the answers with it that wait there.
#[tokio::test]
async fn a_client_that_is_still_sending_reads_its_last_answer_to_the_end() {
    for server in both_placements() {
        let running = Running::start(server).await;
        let mut raw = Raw::connect(running.path()).await;
        raw.call(1, "/test.Echo/Say", b"50").await;
        running.alive.becomes(1).await;
        let (task, ..) = running.drain();
        let so_far = raw.read_until(|frames| frames.iter().any(|frame| is(FrameType::Ping)(&frame))).await;
        let ping = so_far.iter().find(is(FrameType::Ping)).unwrap();
        raw.send(&frame(0x6, 0x1, 0, &ping.payload)).await;
        for _ in 0..20 {
            // PRIORITY, of which nobody minds some thousands.
            raw.send(&frame(0x2, 0, 1, &[0, 0, 0, 3, 7]).repeat(200)).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let all = raw.read_to_end().await.expect("an end, no reset");
        assert!(is_answered(&all, 1), "{all:?}");
        drop(raw);
        in_time(task).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn dropping_the_server_closes_everything() {
    for server in both_placements() {
        let running = Running::start(server).await;
        let channel = running.channel();
        let waiting = tokio::spawn({
            let channel = channel.clone();
            async move { say(&channel, "wait").await }
        });
        let mut responses =
            invoke::server_streaming(&channel, &crate::echo::COUNT, Bytes::from("wait").into())
                .await
                .unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap(), "wait");
        running.alive.becomes(2).await;
        running.task.abort();
        assert!(running.task.await.unwrap_err().is_cancelled());
        assert_eq!(in_time(waiting).await.unwrap().unwrap_err().code(), Code::Unavailable);
        assert_eq!(in_time(responses.recv()).await.unwrap_err().code(), Code::Unavailable);
        running.alive.becomes(0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_server_frees_its_path_there_and_then() {
    for _ in 0..20 {
        let running = Running::start(both_placements().into_iter().next().unwrap()).await;
        say(&running.channel(), "").await.unwrap();
        running.task.abort();
        let _ = running.task.await;
        running.endpoint.listen().await.expect("the path is free");
    }
}
