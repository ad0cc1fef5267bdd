//! Readers that pause hold their own sender and nobody else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use wirepath::{Channel, MessageReceiver, MessageSender, Request, Response, Router, Status, client::invoke};

use crate::echo::{COLLECT, COUNT, Placement, SAY, in_memory, in_time, say};

const MESSAGES: u32 = 200;
const MESSAGE_LEN: usize = 64 * 1024;

/// Sends or takes 12 MiB in numbered messages; counts what was sent.
fn serve(placement: Placement, sent: &Arc<AtomicUsize>) -> Channel {
    let mut router = Router::new();
    let sent = Arc::clone(sent);
    router.unary(&SAY, say);
    router.server_streaming(&COUNT, move |_, responses| send_all(responses, Arc::clone(&sent)));
    router.client_streaming(&COLLECT, receive_slowly);
    in_memory(placement.server().add(router))
}

/// However small the messages, h2 keeps no more of them than the window takes.
#[tokio::test]
async fn small_messages_too_wait_for_their_reader() {
    for placement in Placement::BOTH {
        for len in [100, 4_000, 10_000, 16_000] {
            let sent = Arc::new(AtomicUsize::new(0));
            let mut router = Router::new();
            let counted = Arc::clone(&sent);
            router.server_streaming(&COUNT, move |_: Request<Bytes>, mut responses: MessageSender<Bytes>| {
                let counted = Arc::clone(&counted);
                async move {
                    loop {
                        responses.send(Bytes::from(vec![0; len])).await?;
                        counted.fetch_add(len, Ordering::SeqCst);
                    }
                }
            });
            let channel = in_memory(placement.server().add(router));
            let mut responses =
                invoke::server_streaming(&channel, &COUNT, Bytes::new().into()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(300)).await;
            let held = sent.load(Ordering::SeqCst);
            assert!(held < 2 << 20, "{held} bytes of messages of {len} were taken, {placement:?}");
            // And what was held comes.
            for _ in 0..(3 << 20) / len {
                assert_eq!(in_time(responses.recv()).await.unwrap().unwrap().len(), len);
            }
        }
    }
}

async fn send_all(mut messages: MessageSender<Bytes>, sent: Arc<AtomicUsize>) -> Result<(), Status> {
    for number in 0..MESSAGES {
        messages.send(numbered(number)).await?;
        sent.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

async fn receive_slowly(requests: Request<MessageReceiver<Bytes>>) -> Result<Response<Bytes>, Status> {
    tokio::time::sleep(Duration::from_millis(300)).await;
    receive_all(&mut requests.into_message()).await;
    Ok(Response::new(Bytes::new()))
}

async fn receive_all(messages: &mut MessageReceiver<Bytes>) {
    for number in 0..MESSAGES {
        assert!(messages.recv().await.unwrap().unwrap() == numbered(number), "message {number}");
    }
    assert_eq!(messages.recv().await.unwrap(), None);
}

fn numbered(number: u32) -> Bytes {
    number.to_be_bytes().repeat(MESSAGE_LEN / 4).into()
}

#[tokio::test]
async fn clients_that_do_not_read_hold_their_senders_and_no_other_call() {
    for placement in Placement::BOTH {
        let sent = Arc::default();
        let channel = serve(placement, &sent);
        let mut waiting = Vec::new();
        for _ in 0..3 {
            waiting.push(invoke::server_streaming(&channel, &COUNT, Bytes::new().into()).await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        // A stream's window, what is on its way in h2 and the outbox; far from all of it.
        let held = sent.load(Ordering::SeqCst) * MESSAGE_LEN / 3;
        assert!(held < 2 << 20, "{held} bytes of each stream were taken, {placement:?}");
        for _ in 0..50 {
            let call = invoke::unary(&channel, &SAY, Bytes::from(vec![1; 10_000]).into());
            tokio::time::timeout(Duration::from_secs(2), call).await.expect("it does not wait").unwrap();
        }
        for responses in &mut waiting {
            in_time(receive_all(responses)).await;
        }
    }
}

#[tokio::test]
async fn a_handler_that_does_not_read_holds_its_client_and_no_other_call() {
    for placement in Placement::BOTH {
        let channel = serve(placement, &Arc::default());
        let uploaded = Arc::new(AtomicUsize::new(0));
        let (requests, responses) = invoke::client_streaming(&channel, &COLLECT, ().into()).await.unwrap();
        let upload = tokio::spawn({
            let uploaded = Arc::clone(&uploaded);
            async move {
                let mut requests = requests;
                for number in 0..MESSAGES {
                    requests.send(numbered(number)).await.unwrap();
                    uploaded.fetch_add(1, Ordering::SeqCst);
                }
                requests.finish().await.unwrap();
            }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        let held = uploaded.load(Ordering::SeqCst) * MESSAGE_LEN;
        assert!(held < 2 << 20, "{held} bytes were taken, {placement:?}");
        for _ in 0..50 {
            let call = invoke::unary(&channel, &SAY, Bytes::from(vec![1; 10_000]).into());
            tokio::time::timeout(Duration::from_secs(2), call).await.expect("it does not wait").unwrap();
        }
        in_time(responses.only_message()).await.unwrap();
        upload.await.unwrap();
    }
}
