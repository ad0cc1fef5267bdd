//! Clients that do not read: their connection ends, because nothing else would end what is held for them.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep},
};
use wirepath::{
    Request, Response, Router, Server,
    frame::PREFACE,
    server::Connections,
    transport::{Connector, Io, duplex},
};

use crate::raw::{SAY, call, frame};

const ANSWER: usize = 1 << 20;

/// A call whose answer is more than the pipe holds, and those of the server.
async fn ask() -> (Box<dyn Io>, Connections) {
    let connections = Connections::default();
    let mut router = Router::new();
    router.unary(&SAY, |_: Request<Bytes>| async { Ok(Response::new(Bytes::from_static(&[b'a'; ANSWER]))) });
    let (connector, listener) = duplex(1 << 16);
    tokio::spawn(Server::new().connections(&connections).add(router).serve(listener));
    let (mut io, _) = connector.connect().await.unwrap().into_parts();
    let window = ((2 * ANSWER) as u32).to_be_bytes();
    let settings = [&[0, 4][..], &window].concat();
    let all = [
        &PREFACE[..],
        &frame(0x4, 0, 0, &settings),
        &frame(0x4, 0x1, 0, &[]),
        &frame(0x8, 0, 0, &window),
        &call(1, b"hi"),
    ];
    io.write_all(&all.concat()).await.unwrap();
    (io, connections)
}

async fn end(connections: &Connections) -> u64 {
    let start = Instant::now();
    while !connections.snapshot().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_connection_of_which_nothing_is_read_for_half_a_minute_ends() {
    for is_pinging in [false, true] {
        let (mut io, connections) = ask().await;
        sleep(Duration::from_secs(29)).await;
        assert_eq!(connections.snapshot().len(), 1);
        if is_pinging {
            // What h2 has to say to it cannot be said either.
            io.write_all(&frame(0x6, 0, 0, &[7; 8])).await.unwrap();
        }
        assert!((1..10).contains(&end(&connections).await));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_a_little_now_and_then_keeps_its_connection() {
    let (mut io, connections) = ask().await;
    for _ in 0..100 {
        sleep(Duration::from_secs(20)).await;
        assert_ne!(io.read(&mut [0; 100]).await.unwrap(), 0);
    }
    let mut read = 0;
    while read < ANSWER - 10_000 {
        read += io.read(&mut [0; 10_000]).await.unwrap();
    }
    // With all of it read, the client may be silent for as long as it likes.
    sleep(Duration::from_secs(1)).await;
    let _ = tokio::time::timeout(Duration::from_secs(1), io.read_to_end(&mut Vec::new())).await;
    sleep(Duration::from_secs(3_600)).await;
    assert_eq!(connections.snapshot().len(), 1);
}
