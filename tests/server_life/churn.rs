//! What connections and calls leave behind when many have come and gone: nothing.

use std::{future::pending, io::Write, os::unix::net::UnixStream, thread, time::Duration};

use bytes::Bytes;
use tokio::runtime::Handle;
use wirepath::{Channel, client::invoke, frame::PREFACE};

use crate::{
    child,
    echo::{CHAT, COUNT, Running, SAY, both_placements, in_time, say, until},
    raw::{call, frame},
};

#[test]
fn a_thousand_connections_leave_no_task_and_no_descriptor() {
    child::succeeds("churn::open_and_close_a_thousand_connections");
}

#[test]
#[ignore = "a child's role"]
fn open_and_close_a_thousand_connections() {
    child::play(async {
        for server in both_placements() {
            let running = Running::start(server).await;
            say(&running.channel(), "").await.unwrap();
            let tasks = || Handle::current().metrics().num_alive_tasks();
            until(|| tasks() <= 1).await;
            let before = (tasks(), child::open_descriptors());
            for number in 0..1_000 {
                let channel = running.channel();
                match number % 3 {
                    0 => drop(say(&channel, "whole").await.unwrap()),
                    1 => drop(tokio::time::timeout(Duration::from_millis(1), say(&channel, "wait")).await),
                    _ => drop(invoke::server_streaming(&channel, &COUNT, "wait".into_bytes()).await.unwrap()),
                }
            }
            until(|| (tasks(), child::open_descriptors()) <= before).await;
            running.alive.becomes(0).await;
            running.task.abort();
        }
    });
}

#[test]
fn a_client_that_resets_every_call_at_once_is_read_no_faster_than_its_calls_run() {
    child::succeeds("churn::reset_fifty_thousand_calls");
}

#[test]
#[ignore = "a child's role"]
fn reset_fifty_thousand_calls() {
    child::play(async {
        for server in both_placements() {
            let running = Running::start(server).await;
            let mut stream = UnixStream::connect(running.path()).unwrap();
            let before = child::resident_bytes();
            // On a thread of its own, so that there is always something to read.
            let flood = thread::spawn(move || {
                let opening = [&PREFACE[..], &frame(0x4, 0, 0, &[])].concat();
                let calls = (0..50_000).flat_map(|number| reset_call(2 * number + 1));
                stream.write_all(&opening.into_iter().chain(calls).collect::<Vec<_>>()).map(|()| stream)
            });
            let mut most = 0;
            while !flood.is_finished() {
                most = most.max(child::resident_bytes());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let grown = most.saturating_sub(before);
            assert!(grown < 16 << 20, "{grown} bytes more");
            drop(flood.join().unwrap().expect("the server reads on"));
            running.alive.becomes(0).await;
            running.task.abort();
        }
    });
}

/// A call that begins and is reset, before its message.
fn reset_call(stream_id: u32) -> Vec<u8> {
    let mut bytes = call(stream_id, "/test.Echo/Say", b"");
    // Without its DATA: a frame head and the prefix of an empty message.
    bytes.truncate(bytes.len() - (9 + 5));
    bytes.extend(frame(0x3, 0, stream_id, &8_u32.to_be_bytes()));
    bytes
}

trait IntoBytes {
    fn into_bytes(self) -> wirepath::Request<Bytes>;
}

impl IntoBytes for &'static str {
    fn into_bytes(self) -> wirepath::Request<Bytes> {
        Bytes::from(self).into()
    }
}

#[test]
fn twenty_thousand_cancelled_calls_harm_no_other_and_leave_no_memory() {
    child::succeeds("churn::cancel_twenty_thousand_calls");
}

#[test]
#[ignore = "a child's role"]
fn cancel_twenty_thousand_calls() {
    child::play(async {
        for server in both_placements() {
            let running = Running::start(server).await;
            let channel = running.channel();
            let others = tokio::spawn(bystander(channel.clone()));
            // What the allocator keeps for later.
            cancel(&channel, 2_000).await;
            running.alive.becomes(1).await;
            let before = child::resident_bytes();
            cancel(&channel, 20_000).await;
            running.alive.becomes(1).await;
            let grown = child::resident_bytes().saturating_sub(before);
            assert!(grown < 8 << 20, "{grown} bytes more");
            assert!(!others.is_finished(), "{:?}", others.await);
            others.abort();
            running.alive.becomes(0).await;
            running.task.abort();
        }
    });
}

/// Calls on, and keeps a stream open all the while, on the connection of those that are cancelled.
async fn bystander(channel: Channel) {
    let (mut requests, mut responses) = invoke::bidi_streaming(&channel, &CHAT, ().into()).await.unwrap();
    loop {
        assert_eq!(in_time(say(&channel, "unharmed")).await.unwrap(), "unharmed");
        requests.send("as well".into()).await.unwrap();
        assert_eq!(in_time(responses.recv()).await.unwrap().unwrap(), "as well");
    }
}

/// Makes calls of two shapes in batches, and drops each after another number of turns.
async fn cancel(channel: &Channel, calls: u32) {
    for batch in 0..calls / 50 {
        let cancelled: Vec<_> =
            (0..50).map(|number| tokio::spawn(cancelled(channel.clone(), batch * 50 + number))).collect();
        for call in cancelled {
            in_time(call).await.unwrap();
        }
    }
}

async fn cancelled(channel: Channel, number: u32) {
    let call = async {
        match number % 8 {
            0..7 => drop(invoke::unary(&channel, &SAY, "wait".into_bytes()).await),
            _ => {
                let mut responses =
                    invoke::server_streaming(&channel, &COUNT, "for ever".into_bytes()).await.unwrap();
                let _ = responses.recv().await;
                pending::<()>().await;
            }
        }
    };
    // Spread by Knuth's multiplicative hash, so that a failure can be had again.
    let turns = number.wrapping_mul(2_654_435_761) >> 27;
    tokio::select! {
        biased;
        () = call => {}
        () = turns_of(turns) => {}
    }
}

async fn turns_of(turns: u32) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}
