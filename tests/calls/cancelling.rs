//! Dropping is cancelling: the other side stops, wherever it waits.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use wirepath::{
    Channel, Code, MessageReceiver, MessageSender, Request, Response, Router, Status, client::invoke,
};

use crate::echo::{Alive, COLLECT, COUNT, Placement, SAY, in_memory, in_time, say};

/// What a handler does once it has sent its first message.
#[derive(Clone, Copy, Debug)]
enum Then {
    Waits,
    SendsForEver,
    SendsOneThatDoesNotFit,
}

fn serve(placement: Placement, alive: &Alive, then: Then) -> Channel {
    let mut router = Router::new();
    router.unary(&SAY, say);
    let entered = alive.clone();
    router.server_streaming(&COUNT, move |request, responses| {
        let entered = entered.clone();
        async move {
            let _alive = entered.enter();
            count(request, responses, then).await
        }
    });
    let entered = alive.clone();
    router.client_streaming(&COLLECT, move |requests| {
        let entered = entered.clone();
        async move {
            let _alive = entered.enter();
            read_nothing(requests).await
        }
    });
    in_memory(placement.server().add(router))
}

async fn count(
    request: Request<Bytes>,
    mut responses: MessageSender<Bytes>,
    then: Then,
) -> Result<(), Status> {
    responses.send(request.into_message()).await?;
    match then {
        Then::Waits => pending().await,
        Then::SendsForEver => loop {
            responses.send(Bytes::from(vec![0; 1_000])).await?;
        },
        Then::SendsOneThatDoesNotFit => {
            responses.send(Bytes::from(vec![0; 3 << 20])).await?;
            pending().await
        }
    }
}

async fn read_nothing(_requests: Request<MessageReceiver<Bytes>>) -> Result<Response<Bytes>, Status> {
    pending().await
}

#[tokio::test]
async fn a_client_that_drops_its_receiver_after_the_first_message_ends_the_handler() {
    for placement in Placement::BOTH {
        for then in [Then::Waits, Then::SendsForEver, Then::SendsOneThatDoesNotFit] {
            let alive = Alive::default();
            let channel = serve(placement, &alive, then);
            let mut responses =
                invoke::server_streaming(&channel, &COUNT, Bytes::from_static(b"1").into()).await.unwrap();
            assert_eq!(responses.recv().await.unwrap().unwrap(), "1");
            // Long enough for the window to be used up.
            tokio::time::sleep(Duration::from_millis(100)).await;
            alive.becomes(1).await;
            drop(responses);
            alive.becomes(0).await;
            invoke::unary(&channel, &SAY, Bytes::new().into()).await.unwrap();
        }
    }
}

/// The end of the request waits for window when the call is dropped.
#[tokio::test]
async fn a_client_that_drops_a_finished_upload_that_nobody_reads_ends_the_handler() {
    for placement in Placement::BOTH {
        for len in [10, 100_000, 3 << 20] {
            let alive = Alive::default();
            let channel = serve(placement, &alive, Then::Waits);
            let (mut requests, responses) =
                invoke::client_streaming(&channel, &COLLECT, ().into()).await.unwrap();
            requests.send(Bytes::from(vec![0; len])).await.unwrap();
            requests.finish().await.unwrap();
            alive.becomes(1).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(responses);
            alive.becomes(0).await;
        }
    }
}

#[tokio::test]
async fn a_deadline_ends_an_upload_that_nobody_reads() {
    for placement in Placement::BOTH {
        let alive = Alive::default();
        let channel = serve(placement, &alive, Then::Waits);
        let request = Request::new(()).with_timeout(Duration::from_millis(50));
        let (mut requests, responses) = invoke::client_streaming(&channel, &COLLECT, request).await.unwrap();
        requests.send(Bytes::from(vec![0; 3 << 20])).await.unwrap();
        requests.finish().await.unwrap();
        let status = in_time(responses.only_message()).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        alive.becomes(0).await;
    }
}

#[tokio::test]
async fn a_half_made_upload_never_looks_complete() {
    for placement in Placement::BOTH {
        let alive = Alive::default();
        let mut router = Router::new();
        let entered = alive.clone();
        router.client_streaming(&COLLECT, move |requests: Request<MessageReceiver<Bytes>>| {
            let entered = entered.clone();
            async move {
                let _alive = entered.enter();
                let mut requests = requests.into_message();
                while requests.recv().await?.is_some() {}
                panic!("the end of a request that was cancelled");
            }
        });
        let channel = in_memory(placement.server().add(router));
        let (mut requests, responses) =
            invoke::client_streaming(&channel, &COLLECT, ().into()).await.unwrap();
        requests.send("the first of two".into()).await.unwrap();
        alive.becomes(1).await;
        drop(requests);
        let status = in_time(responses.only_message()).await.unwrap_err();
        assert_eq!(status.code(), Code::Cancelled, "{status}");
        alive.becomes(0).await;
    }
}
