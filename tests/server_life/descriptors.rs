//! A server whose process has no descriptor left.

use std::{fs::File, time::Duration};

use tokio::time::Instant;
use wirepath::Server;

use crate::{
    child,
    echo::{Running, in_time, say},
    raw::Raw,
};

#[test]
fn a_server_without_descriptors_serves_on_idles_and_accepts_again_later() {
    child::succeeds_after("ulimit -n 64", "descriptors::use_up_all_descriptors");
}

#[test]
#[ignore = "a child's role"]
fn use_up_all_descriptors() {
    child::play(async {
        let running = Running::start(Server::new()).await;
        let channel = running.channel();
        say(&channel, "before").await.unwrap();
        let mut files = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
        }
        // One for the client's end; none for the server's.
        files.pop();
        let mut waiting = Raw::connect(running.path()).await;
        let (start, cpu) = (Instant::now(), child::cpu_time());
        while start.elapsed() < Duration::from_secs(1) {
            in_time(say(&channel, "during")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let spent = child::cpu_time() - cpu;
        assert!(spent < Duration::from_millis(200), "{spent:?} of a second of waiting");
        assert!(
            tokio::time::timeout(Duration::from_millis(1), waiting.stream.readable()).await.is_err(),
            "it was accepted without a descriptor"
        );
        drop(files);
        let frames = waiting.read_until(|frames| !frames.is_empty()).await;
        assert!(!frames.is_empty());
        say(&running.channel(), "after").await.unwrap();
    });
}

/// A drain does not wait for the next try: the path's own descriptors come free, and who waits gets one of them.
#[test]
fn a_server_without_descriptors_drains_at_once() {
    child::succeeds_after("ulimit -n 64", "descriptors::drain_without_descriptors");
}

#[test]
#[ignore = "a child's role"]
fn drain_without_descriptors() {
    child::play(async {
        let running = Running::start(Server::new()).await;
        let path = running.path().to_owned();
        let mut files = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
        }
        files.pop();
        let mut waiting = Raw::connect(running.path()).await;
        // By then it pauses for a second.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let start = Instant::now();
        let (task, _, _, _dir) = running.drain();
        waiting.answer_drain().await;
        waiting.read_to_end().await.expect("an end, no reset");
        drop(waiting);
        in_time(task).await.unwrap().unwrap();
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        assert!(!path.exists());
    });
}
