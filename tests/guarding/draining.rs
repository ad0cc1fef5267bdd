//! The drain of a server whose client does not play along.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use wirepath::{
    Server,
    frame::FrameType,
    transport::{Listener, duplex},
};

use crate::raw::{Raw, call, goaways, router};

/// Rule 44.
#[tokio::test(start_paused = true)]
async fn after_five_seconds_the_drain_goes_on_without_the_pings_answer() {
    let (connector, listener) = duplex(1 << 16);
    let begin = sleep(Duration::from_secs(100));
    let server = tokio::spawn(
        Server::new().add(router()).serve_with_shutdown([Box::new(listener) as Box<dyn Listener>], begin),
    );
    let mut raw = Raw::connect(&connector).await;
    raw.call(1).await;
    let start = Instant::now();
    let told = raw.read_until(|frames| frames.iter().any(|frame| frame.head.kind == FrameType::Ping)).await;
    assert_eq!((goaways(&told).len(), start.elapsed().as_secs()), (1, 100));
    // What is sent before the second GOAWAY is served.
    raw.send(&call(3, b"late")).await;
    let frames = raw.read_to_end().await;
    assert_eq!((goaways(&frames).len(), start.elapsed().as_secs()), (2, 105));
    assert!(frames.iter().any(|frame| frame.head.stream_id == 3 && frame.head.is_end_stream()));
    server.await.unwrap().unwrap();
}
