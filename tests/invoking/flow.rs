//! Flow control in both directions: window is given back as it is read, capacity awaited, memory bounded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::join;

use bytes::Bytes;
use wirepath::{
    Channel, Endpoint, MessageReceiver, MessageSender, Request, Router, Server, Status, client::invoke,
};

use crate::peer::{
    CHAT, COUNT, INITIAL_WINDOW_SIZE, OK, Peer, START, Seen, chat, connect, count, data, framed, good,
    headers, in_time, last_headers, window_update,
};

/// Bytes of DATA, and how many DATA frames were empty without ending the stream.
fn sent(seen: &[Seen]) -> (usize, usize) {
    let mut sent = (0, 0);
    for seen in seen {
        if let Seen::Data { data, end, .. } = seen {
            sent.0 += data.len();
            sent.1 += usize::from(data.is_empty() && !end);
        }
    }
    sent
}

#[tokio::test]
async fn rule_49_window_is_given_back_as_the_application_reads() {
    let (channel, mut listener) = connect();
    let (responses, mut peer) = join!(count(&channel), Peer::accept(&mut listener));
    let mut responses = responses.unwrap();
    let stream = peer.request().await;
    peer.during(Duration::from_millis(20)).await;
    let mut bytes = headers(stream, START);
    // Within the window of 192 KiB, and more than half of it.
    for _ in 0..11 {
        bytes.extend(data(stream, &framed(0, &[7; 16_000])));
    }
    peer.send(&bytes).await;
    let given = |seen: &[Seen]| -> u32 {
        let of_stream = seen.iter().filter_map(|seen| match seen {
            Seen::WindowUpdate { stream: 1, increment } => Some(*increment),
            _ => None,
        });
        of_stream.sum()
    };
    assert_eq!(given(&peer.during(Duration::from_millis(40)).await), 0, "nobody has read");
    for _ in 0..11 {
        in_time(responses.recv()).await.unwrap().unwrap();
    }
    let back = given(&peer.during(Duration::from_millis(300)).await);
    assert!(back >= 90_000, "{back}");
}

#[tokio::test]
async fn rule_50_a_window_of_0_holds_data_and_its_opening_lets_it_go() {
    for len in [100, 100_000] {
        let (channel, mut listener) = connect();
        let request: Request<Bytes> = Bytes::from(vec![7; len]).into();
        let asking = tokio::spawn({
            let channel = channel.clone();
            async move { in_time(invoke::unary(&channel, &crate::peer::SAY, request)).await }
        });
        let mut peer = Peer::accept_with(&mut listener, &[(INITIAL_WINDOW_SIZE, 0)]).await;
        let stream = peer.headers().await;
        assert_eq!(sent(&peer.during(Duration::from_millis(20)).await), (0, 0));
        peer.send(&window_update(stream, 50)).await;
        assert_eq!(sent(&peer.during(Duration::from_millis(200)).await), (50, 0));
        peer.send(&[window_update(stream, 1 << 20), window_update(0, 1 << 20)].concat()).await;
        peer.request().await;
        peer.send(&good(stream, b"yes")).await;
        asking.await.unwrap().unwrap();
    }
}

/// How many bytes a sender gets rid of while its peer's window stands still.
async fn accepted(len: usize) -> usize {
    let (channel, mut listener) = connect();
    let ((mut requests, responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
    let stream = peer.headers().await;
    let accepted = Arc::new(AtomicUsize::new(0));
    let sending = tokio::spawn({
        let accepted = Arc::clone(&accepted);
        async move {
            loop {
                requests.send(Bytes::from(vec![7; len])).await?;
                accepted.fetch_add(len, Ordering::SeqCst);
                // Each leaves by itself.
                tokio::task::yield_now().await;
            }
            #[expect(unreachable_code, reason = "it names the type")]
            Ok::<(), Status>(())
        }
    });
    let (bytes, empty) = sent(&peer.during(Duration::from_millis(300)).await);
    assert_eq!(empty, 0, "rule 53");
    assert!(bytes <= 65_535);
    let held = accepted.load(Ordering::SeqCst);
    // It goes on when the window opens.
    peer.send(&[window_update(0, 1 << 20), window_update(stream, 1 << 20)].concat()).await;
    let (bytes, empty) = sent(&peer.during(Duration::from_millis(400)).await);
    assert!(bytes > 0 && empty == 0, "{bytes}");
    drop(responses);
    assert!(in_time(sending).await.unwrap().is_err());
    held
}

#[tokio::test]
async fn rule_50_a_peer_that_does_not_read_holds_the_sender_whatever_the_size_of_its_messages() {
    for len in [8, 100, 1_000, 16_000, 100_000] {
        let accepted = accepted(len).await;
        assert!(accepted < 300_000, "{accepted} bytes accepted in messages of {len}");
    }
}

#[tokio::test]
async fn rule_52_many_small_messages_leave_in_few_frames() {
    let (channel, mut listener) = connect();
    let ((mut requests, _responses), mut peer) = join!(chat(&channel), Peer::accept(&mut listener));
    peer.headers().await;
    for _ in 0..1_000 {
        requests.send(Bytes::from_static(b"x")).await.unwrap();
    }
    requests.finish().await.unwrap();
    let seen = peer.during(Duration::from_millis(400)).await;
    let frames = seen.iter().filter(|seen| matches!(seen, Seen::Data { .. })).count();
    assert_eq!(sent(&seen), (6_000, 0));
    assert!(frames < 20, "{frames} frames");
}

#[tokio::test]
async fn rule_52_a_window_full_of_unread_small_frames_does_not_end_the_connection() {
    let (channel, mut listener) = connect();
    let (responses, mut peer) = join!(count(&channel), Peer::accept(&mut listener));
    let mut responses = responses.unwrap();
    let stream = peer.request().await;
    let one = data(stream, &framed(0, b"12345678"));
    let writing = tokio::spawn(async move {
        peer.send(&headers(stream, START)).await;
        // 13 bytes each: within the window of 192 KiB.
        for _ in 0..150 {
            peer.send(&one.repeat(100)).await;
        }
        peer.send(&last_headers(stream, OK)).await;
        while peer.next().await.is_some() {}
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut count = 0;
    while in_time(responses.recv()).await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 15_000);
    drop((responses, channel));
    in_time(writing).await.unwrap();
}

/// Reads nothing until it is told to.
async fn sleep_first(
    requests: Request<MessageReceiver<Bytes>>,
    _: MessageSender<Bytes>,
) -> Result<(), Status> {
    let mut requests = requests.into_message();
    tokio::time::sleep(ASLEEP).await;
    while requests.recv().await?.is_some() {}
    Ok(())
}

async fn flood(_: Request<Bytes>, mut responses: MessageSender<Bytes>) -> Result<(), Status> {
    for _ in 0..GIB / MESSAGE {
        responses.send(Bytes::from(vec![7; MESSAGE])).await?;
    }
    Ok(())
}

const GIB: usize = 1 << 30;
const MESSAGE: usize = 12_000;
const ASLEEP: Duration = Duration::from_millis(1_500);

/// Resident memory of this process in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// A stream of 1 GiB to a reader that sleeps, then to one that is slow, in a process of its own.
///
/// The test starts this executable again with its own name, because other tests share the memory of this process.
#[test]
fn rule_50_a_gibibyte_to_a_reader_that_sleeps_takes_less_than_32_mib_in_both_directions() {
    const CHILD: &str = "WIREPATH_TEST_FLOW_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        return runtime.unwrap().block_on(flow_a_gibibyte());
    }
    let name = "flow::rule_50_a_gibibyte_to_a_reader_that_sleeps_takes_less_than_32_mib_in_both_directions";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
}

async fn flow_a_gibibyte() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint: Endpoint = format!("unix:{}/a.sock", dir.path().display()).parse().unwrap();
    let mut router = Router::new();
    router.bidi_streaming(&CHAT, sleep_first);
    router.server_streaming(&COUNT, flood);
    tokio::spawn(Server::new().add(router).serve(endpoint.listen().await.unwrap()));
    let channel = Channel::new(endpoint);
    let before = resident();
    let watching = tokio::spawn(async move {
        let mut most = before;
        loop {
            most = most.max(resident());
            assert!(most < before + (32 << 20), "{} MiB more", (most - before) >> 20);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let up = async {
        let (mut requests, mut responses) = invoke::bidi_streaming(&channel, &CHAT, ().into()).await?;
        for _ in 0..GIB / MESSAGE {
            requests.send(Bytes::from(vec![7; MESSAGE])).await?;
        }
        requests.finish().await?;
        responses.recv().await.map(|end| assert_eq!(end, None))
    };
    let down = async {
        let mut responses = invoke::server_streaming(&channel, &COUNT, Bytes::new().into()).await?;
        tokio::time::sleep(ASLEEP).await;
        let mut count = 0;
        while responses.recv().await?.is_some() {
            count += 1;
        }
        assert_eq!(count, GIB / MESSAGE);
        Ok::<(), Status>(())
    };
    up.await.unwrap();
    down.await.unwrap();
    assert!(!watching.is_finished(), "{:?}", watching.await);
}
