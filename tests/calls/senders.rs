//! Senders that live elsewhere than in their handler.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};
use wirepath::{Channel, Code, MessageSender, Request, Router, Status, client::invoke};

use crate::echo::{Alive, COUNT, Placement, drain, in_memory, in_time};

/// Serves a method whose sender is handed out of the handler, which ends as `end` says.
fn serve<F>(
    placement: Placement,
    end: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> (Channel, mpsc::Receiver<MessageSender<Bytes>>)
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let (handed, senders) = mpsc::channel(1);
    let mut router = Router::new();
    router.server_streaming(&COUNT, move |_: Request<Bytes>, responses| {
        let (handed, end) = (handed.clone(), end.clone());
        async move {
            handed.send(responses).await.map_err(|_| Status::internal("nobody takes the sender"))?;
            end().await
        }
    });
    (in_memory(placement.server().add(router)), senders)
}

/// Sends until it fails.
async fn send_on(mut sender: MessageSender<Bytes>, len: usize) -> Status {
    loop {
        if let Err(status) = sender.send(Bytes::from(vec![0; len])).await {
            return status;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_works_in_another_task() {
    for placement in Placement::BOTH {
        let mut router = Router::new();
        router.server_streaming(
            &COUNT,
            |_: Request<Bytes>, mut responses: MessageSender<Bytes>| async move {
                let sending = tokio::spawn(async move {
                    for number in 0..1_000_u32 {
                        responses.send(number.to_be_bytes().to_vec().into()).await?;
                    }
                    responses
                        .trailers_mut()
                        .append("sent", "1000")
                        .map_err(|e| Status::internal(e.to_string()))
                });
                sending.await.map_err(|e| Status::internal(e.to_string()))?
            },
        );
        let channel = in_memory(placement.server().add(router));
        in_time(async {
            let mut responses =
                invoke::server_streaming(&channel, &COUNT, Bytes::new().into()).await.unwrap();
            let all = drain(&mut responses).await.unwrap();
            let expected: Vec<_> =
                (0..1_000_u32).map(|number| Bytes::from(number.to_be_bytes().to_vec())).collect();
            assert_eq!(all, expected);
            assert_eq!(responses.trailers().unwrap().get("sent"), Some("1000"));
        })
        .await;
    }
}

#[tokio::test]
async fn the_return_of_the_handler_ends_the_call_though_its_sender_lives() {
    for placement in Placement::BOTH {
        for len in [1, 10_000] {
            let returns = Arc::new(Notify::new());
            let notified = Arc::clone(&returns);
            let (channel, mut senders) = serve(placement, move || {
                let notified = Arc::clone(&notified);
                async move {
                    notified.notified().await;
                    Ok(())
                }
            });
            in_time(async {
                let mut responses =
                    invoke::server_streaming(&channel, &COUNT, Bytes::new().into()).await.unwrap();
                let sending = tokio::spawn(send_on(senders.recv().await.unwrap(), len));
                responses.recv().await.unwrap().unwrap();
                returns.notify_one();
                drain(&mut responses).await.unwrap();
                assert_eq!(sending.await.unwrap().code(), Code::Cancelled);
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_sender_fails_when_its_handler_failed_before_the_first_message() {
    for placement in Placement::BOTH {
        let (channel, mut senders) = serve(placement, || async { Err(Status::aborted("changed my mind")) });
        in_time(async {
            let mut responses =
                invoke::server_streaming(&channel, &COUNT, Bytes::new().into()).await.unwrap();
            assert_eq!(responses.recv().await.unwrap_err().code(), Code::Aborted);
            let status = send_on(senders.recv().await.unwrap(), 1_000).await;
            assert_eq!(status.code(), Code::Cancelled);
        })
        .await;
    }
}

#[tokio::test]
async fn a_sender_fails_when_its_call_was_cancelled_before_the_first_message() {
    for placement in Placement::BOTH {
        let (channel, mut senders) = serve(placement, std::future::pending);
        in_time(async {
            let responses = invoke::server_streaming(&channel, &COUNT, Bytes::new().into()).await.unwrap();
            let sender = senders.recv().await.unwrap();
            drop(responses);
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(send_on(sender, 1_000).await.code(), Code::Cancelled);
        })
        .await;
    }
}

#[tokio::test]
async fn a_sender_that_waits_for_the_reader_fails_when_its_connection_is_lost() {
    for placement in Placement::BOTH {
        let alive = Alive::default();
        let (channel, mut senders) = serve(placement, std::future::pending);
        in_time(async {
            let responses = invoke::server_streaming(&channel, &COUNT, Bytes::new().into()).await.unwrap();
            let sender = senders.recv().await.unwrap();
            let entered = alive.enter();
            let sending = tokio::spawn(async move {
                let _entered = entered;
                send_on(sender, 100_000).await
            });
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(!sending.is_finished());
            drop((responses, channel));
            sending.await.unwrap();
        })
        .await;
        alive.becomes(0).await;
    }
}
