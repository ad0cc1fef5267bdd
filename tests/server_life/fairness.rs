//! A connection that is always busy, beside others on the same thread.

use std::{
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use wirepath::{Endpoint, Request, Response, Router, Server, frame::PREFACE};

use crate::{
    echo::{Running, SAY, both_placements, in_time, say},
    raw::{call, frame},
};

/// Writes `bytes` over and over, and reads what comes.
fn keep_busy(mut stream: UnixStream, bytes: &[u8], stop: &AtomicBool) {
    stream.set_nonblocking(true).unwrap();
    let (mut rest, mut scrap) = (bytes, [0; 65_536]);
    while !stop.load(Ordering::Relaxed) {
        match stream.write(rest) {
            Ok(count) if count == rest.len() => rest = bytes,
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_micros(50)),
            // The server had enough of it; that is no harm to others either.
            Err(_) => return,
        }
        let _ = stream.read(&mut scrap);
    }
}

/// Makes calls on a connection of its own, and gives the median time of one and what nine of ten stay below.
async fn measure(running: &Running) -> (Duration, Duration) {
    let channel = running.channel();
    let mut times = Vec::new();
    for _ in 0..60 {
        let start = Instant::now();
        in_time(say(&channel, "quick")).await.unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    (times[times.len() / 2], times[times.len() * 9 / 10])
}

/// Counted in calls, which a busy machine does not make more.
#[tokio::test]
async fn few_calls_of_a_busy_connection_are_served_before_one_of_another_is_seen() {
    let (served, between) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let mut router = Router::new();
    router.unary(&SAY, {
        let (served, between) = (Arc::clone(&served), Arc::clone(&between));
        move |request: Request<Bytes>| {
            let so_far = served.fetch_add(1, Ordering::Relaxed);
            if let Ok(before) = request.message()[..].try_into().map(usize::from_ne_bytes) {
                between.lock().unwrap().push(so_far - before);
            }
            async { Ok(Response::new(Bytes::new())) }
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("busy.sock");
    let server =
        tokio::spawn(Server::new().add(router).serve(Endpoint::Unix(path.clone()).listen().await.unwrap()));
    // With a window for all answers.
    let window = frame(0x8, 0, 0, &0x7fff_0000_u32.to_be_bytes());
    let opening = [&PREFACE[..], &frame(0x4, 0, 0, &[]), &window].concat();
    let connect = || {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(&opening).unwrap();
        stream
    };
    let stop = Arc::new(AtomicBool::new(false));
    let calls: Vec<u8> = (0..200_000).flat_map(|number| call(2 * number + 1, SAY.path(), b"busy")).collect();
    let busy = thread::spawn({
        let (stop, stream) = (Arc::clone(&stop), connect());
        move || keep_busy(stream, &calls, &stop)
    });
    let mut other = connect();
    let asking = thread::spawn(move || {
        while served.load(Ordering::Relaxed) < 100 {
            thread::sleep(Duration::from_millis(1));
        }
        for number in 0..40 {
            let now = served.load(Ordering::Relaxed).to_ne_bytes();
            other.write_all(&call(2 * number + 1, SAY.path(), &now)).unwrap();
            thread::sleep(Duration::from_millis(10));
        }
    });
    while !asking.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.store(true, Ordering::Relaxed);
    busy.join().unwrap();
    server.abort();
    let mut between = between.lock().unwrap().clone();
    between.sort_unstable();
    // It is a thousand where the runtime looks for events only now and then.
    let median = between[between.len() / 2];
    assert!(median < 300, "{between:?}");
}

#[tokio::test]
async fn a_busy_connection_starves_no_other_of_its_thread() {
    let mut opening = PREFACE.to_vec();
    opening.extend(frame(0x4, 0, 0, &[]));
    let pings = frame(0x6, 0, 0, &[7; 8]).repeat(1_000);
    let settings = frame(0x4, 0, 0, &[]).repeat(1_000);
    let calls: Vec<u8> =
        (0..100_000).flat_map(|number| call(2 * number + 1, "/test.Echo/Say", b"busy")).collect();
    for (name, flood) in [("PING", pings), ("SETTINGS", settings), ("calls", calls)] {
        for server in both_placements() {
            let running = Running::start(server).await;
            let mut stream = UnixStream::connect(running.path()).unwrap();
            stream.write_all(&opening).unwrap();
            let stop = Arc::new(AtomicBool::new(false));
            let busy = thread::spawn({
                let (stop, flood) = (Arc::clone(&stop), flood.clone());
                move || keep_busy(stream, &flood, &stop)
            });
            let (median, usual) = measure(&running).await;
            stop.store(true, Ordering::Relaxed);
            busy.join().unwrap();
            // An unoptimized build on a machine that does other things as well, which may hold up one call and another for
            // seconds; starved, all take that long.
            assert!(median < Duration::from_millis(500), "{name}: {median:?}");
            assert!(usual < Duration::from_secs(3), "{name}: {usual:?}");
        }
    }
}
