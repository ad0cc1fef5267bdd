//! A connection that is always busy, beside others on the same thread.

use std::{
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use wirepath::frame::PREFACE;

use crate::{
    echo::{Running, both_placements, in_time, say},
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
