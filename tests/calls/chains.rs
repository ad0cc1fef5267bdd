//! Calls that handlers make: a deadline and a cancellation reach the last server of a chain.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;
use wirepath::{
    Channel, Code, MessageReceiver, MessageSender, Request, Router, Server, Status, client::invoke,
};

use crate::echo::{Alive, CHAT, Placement, SAY, in_memory};

/// The time that each server of a chain was given, the first server first.
type Given = Arc<Mutex<Vec<Option<Duration>>>>;

/// Three servers: the first calls the second, that one the third, whose handlers never return.
fn chain(placement: Placement, alive: &Alive, given: &Given) -> Channel {
    let mut next = None;
    for _ in 0..3 {
        next = Some(in_memory(link(placement.server(), next, alive, given)));
    }
    next.unwrap()
}

fn link(server: Server, next: Option<Channel>, alive: &Alive, given: &Given) -> Server {
    let mut router = Router::new();
    let shared = (next.clone(), alive.clone(), Arc::clone(given));
    router.unary(&SAY, move |request: Request<Bytes>| {
        let (next, alive, given) = shared.clone();
        async move {
            let _alive = alive.enter();
            given.lock().unwrap().push(request.deadline().map(|deadline| deadline.remaining()));
            tokio::time::sleep(WORK).await;
            let Some(next) = next else { return std::future::pending().await };
            let forwarded = Request::new(request.message().clone()).with_parent(&request);
            invoke::unary(&next, &SAY, forwarded).await
        }
    });
    let shared = (next, alive.clone());
    router.bidi_streaming(&CHAT, move |requests, responses| {
        let (next, alive) = shared.clone();
        async move {
            let _alive = alive.enter();
            match next {
                Some(next) => forward(&next, requests, responses).await,
                None => crate::echo::chat(requests, responses).await,
            }
        }
    });
    server.add(router)
}

async fn forward(
    next: &Channel,
    requests: Request<MessageReceiver<Bytes>>,
    mut responses: MessageSender<Bytes>,
) -> Result<(), Status> {
    let onward = Request::new(()).with_parent(&requests);
    let mut requests = requests.into_message();
    let (mut sender, mut receiver) = invoke::bidi_streaming(next, &CHAT, onward).await?;
    while let Some(message) = requests.recv().await? {
        sender.send(message).await?;
        if let Some(answer) = receiver.recv().await? {
            responses.send(answer).await?;
        }
    }
    sender.finish().await
}

#[tokio::test]
async fn a_deadline_reaches_the_last_server_and_never_grows() {
    for placement in Placement::BOTH {
        let (alive, given) = (Alive::default(), Given::default());
        let channel = chain(placement, &alive, &given);
        let start = Instant::now();
        let request = Request::new(Bytes::new()).with_timeout(Duration::from_millis(300));
        let status = invoke::unary(&channel, &SAY, request).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        assert!((300..2_000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
        alive.becomes(0).await;
        let given: Vec<_> = given.lock().unwrap().iter().map(|given| given.expect("each was told")).collect();
        assert_eq!(given.len(), 3);
        for pair in given.windows(2) {
            // What is left is rounded up to a unit of the wire, here microseconds.
            assert!(pair[1] <= pair[0] - WORK + Duration::from_micros(1), "{given:?}, {placement:?}");
        }
    }
}

#[tokio::test]
async fn without_a_deadline_none_is_made_up() {
    let (alive, given) = (Alive::default(), Given::default());
    let channel = chain(Placement::OnTheConnection, &alive, &given);
    let call = tokio::spawn(async move { invoke::unary(&channel, &SAY, Bytes::new().into()).await });
    alive.becomes(3).await;
    assert_eq!(*given.lock().unwrap(), [None; 3]);
    call.abort();
}

#[tokio::test]
async fn a_call_of_a_handler_ends_by_the_earlier_of_its_own_deadline_and_its_parents() {
    let alive = Alive::default();
    let last = in_memory(link(Server::new(), None, &alive, &Given::default()));
    let mut router = Router::new();
    router.unary(&SAY, move |request: Request<Bytes>| {
        let last = last.clone();
        async move {
            let own = Duration::from_millis(10) * request.message()[0].into();
            let onward = Request::new(Bytes::new()).with_timeout(own).with_parent(&request);
            let status = invoke::unary(&last, &SAY, onward).await.unwrap_err();
            Err(Status::new(status.code(), "of the handler's call"))
        }
    });
    let first = in_memory(Server::new().add(router));
    let ask = async |own: u8, whole: u64| {
        let request = Request::new(Bytes::from(vec![own])).with_timeout(Duration::from_millis(whole));
        invoke::unary(&first, &SAY, request).await.unwrap_err()
    };
    assert_eq!(ask(2, 30_000).await.message(), "of the handler's call");
    let start = Instant::now();
    assert_eq!(ask(255, 50).await.code(), Code::DeadlineExceeded);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    alive.becomes(0).await;
}

#[tokio::test]
async fn a_dropped_unary_call_ends_all_handlers_of_the_chain() {
    for placement in Placement::BOTH {
        let alive = Alive::default();
        let channel = chain(placement, &alive, &Given::default());
        let call = tokio::spawn(async move { invoke::unary(&channel, &SAY, Bytes::new().into()).await });
        alive.becomes(3).await;
        let start = Instant::now();
        call.abort();
        alive.becomes(0).await;
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}, {placement:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_dropped_stream_ends_all_handlers_of_the_chain() {
    for placement in Placement::BOTH {
        let alive = Alive::default();
        let channel = chain(placement, &alive, &Given::default());
        let (mut requests, mut responses) = invoke::bidi_streaming(&channel, &CHAT, ().into()).await.unwrap();
        requests.send("through".into()).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap(), "through");
        alive.becomes(3).await;
        let start = Instant::now();
        drop((requests, responses));
        alive.becomes(0).await;
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}, {placement:?}", start.elapsed());
    }
}

/// How long each handler works before it calls the next server.
const WORK: Duration = Duration::from_millis(20);
