//! What can be read of a connection while it runs.

use bytes::Bytes;
use tokio::sync::mpsc;
use wirepath::{
    Request, Response, Router, Server,
    frame::FrameType,
    server::Connections,
    transport::{Peer, duplex},
};

use crate::raw::{Raw, SAY, call, frame};

#[tokio::test(start_paused = true)]
async fn handlers_and_lists_see_the_same_counts() {
    let (seen, mut sees) = mpsc::unbounded_channel();
    let mut router = Router::new();
    router.unary(&SAY, move |request: Request<Bytes>| {
        seen.send(request.meters().unwrap().clone()).unwrap();
        async { Ok(Response::new(request.into_message())) }
    });
    let connections = Connections::default();
    let (connector, listener) = duplex(1 << 16);
    tokio::spawn(Server::new().connections(&connections).add(router).serve(listener));
    let mut raw = Raw::connect(&connector).await;
    let mut other = Raw::connect(&connector).await;
    raw.call(1).await;
    raw.send(&[call(3, b"hi"), frame(0x3, 0, 3, &8_u32.to_be_bytes())].concat()).await;
    for _ in 0..3 {
        raw.send(&frame(0x6, 0, 0, b"pingping")).await;
    }
    raw.call(5).await;
    other.call(1).await;

    let meters = sees.recv().await.unwrap();
    assert_eq!((meters.streams(), meters.cancels(), meters.strikes()), (3, 1, 2));
    assert_eq!((meters.received().frames(FrameType::Ping), meters.sent().frames(FrameType::Ping)), (3, 3));
    assert_eq!(meters.open_calls(), 0);
    assert!(meters.received().bytes() > 100 && meters.sent().bytes() > 100);
    let listed = connections.snapshot();
    let streams: Vec<_> = listed.iter().map(|connection| connection.meters().streams()).collect();
    assert_eq!(streams, [3, 1]);
    assert!(matches!(listed[0].peer(), Peer::InMemory));

    drop(raw);
    other.call(3).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(connections.snapshot().len(), 1);
}
