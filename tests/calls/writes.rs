//! How calls meet the socket: how many writes, how many DATA frames, and how soon.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use wirepath::{
    Channel,
    client::invoke,
    frame::{Frame, FrameReader, FrameType},
    transport::duplex,
};

use crate::{
    echo::{CHAT, Placement, SAY, in_memory, in_time, router},
    recording::{Recorded, data, frames},
};

fn kinds(frames: &[Frame], stream: u32) -> Vec<FrameType> {
    frames.iter().filter(|frame| frame.head.stream_id == stream).map(|frame| frame.head.kind).collect()
}

#[tokio::test]
async fn a_unary_call_is_one_write_each_way() {
    for placement in Placement::BOTH {
        let (connector, listener) = duplex(1 << 20);
        let (listener, answers) = Recorded::new(listener);
        let (connector, asked) = Recorded::new(connector);
        tokio::spawn(placement.server().add(router()).serve(listener));
        let channel = Channel::new(connector);
        for _ in 0..3 {
            invoke::unary(&channel, &SAY, Bytes::from(vec![b'x'; 128]).into()).await.unwrap();
        }
        // The first call shares its writes with SETTINGS; each later one has its own.
        for stream in [3, 5] {
            let of_call = |writes: Vec<Vec<u8>>| {
                let skip = |bytes: &Vec<u8>| bytes.starts_with(b"PRI") || bytes.get(3) == Some(&4);
                let writes = writes.into_iter().filter(|bytes| !skip(bytes));
                let frames = writes.map(|bytes| kinds(&frames(FrameReader::of_frames(), &bytes), stream));
                frames.filter(|kinds| !kinds.is_empty()).collect::<Vec<_>>()
            };
            let whole_answer = vec![FrameType::Headers, FrameType::Data, FrameType::Headers];
            assert_eq!(of_call(answers.all()), [whole_answer], "{placement:?}");
            assert_eq!(of_call(asked.all()), [[FrameType::Headers, FrameType::Data]], "{placement:?}");
        }
    }
}

#[tokio::test]
async fn small_messages_that_are_ready_together_share_data_frames() {
    const MESSAGES: usize = 5_000;
    for placement in Placement::BOTH {
        let (connector, listener) = duplex(1 << 20);
        let (listener, answers) = Recorded::new(listener);
        let (connector, asked) = Recorded::new(connector);
        tokio::spawn(placement.server().add(router()).serve(listener));
        let channel = Channel::new(connector);
        in_time(async {
            let (mut requests, mut responses) =
                invoke::bidi_streaming(&channel, &CHAT, ().into()).await.unwrap();
            let sending = tokio::spawn(async move {
                for index in 0..MESSAGES {
                    requests.send(Bytes::from(index.to_be_bytes().to_vec())).await.unwrap();
                }
                requests.finish().await.unwrap();
            });
            for index in 0..MESSAGES {
                assert_eq!(responses.recv().await.unwrap().unwrap()[..], index.to_be_bytes());
            }
            assert_eq!(responses.recv().await.unwrap(), None);
            sending.await.unwrap();
        })
        .await;
        for frames in [answers.server_frames(), asked.client_frames()] {
            let count = frames.iter().filter(|frame| frame.head.kind == FrameType::Data).count();
            assert!(count < MESSAGES / 50, "{count} DATA frames, {placement:?}");
            assert_eq!(data(&frames).len(), MESSAGES * (5 + 8));
            // Rule 53: an empty one but for END_STREAM is a waste that peers count.
            let is_empty = |frame: &&Frame| frame.head.kind == FrameType::Data && frame.head.len == 0;
            assert!(frames.iter().filter(is_empty).count() <= 1);
        }
    }
}

/// The clock stands still while there is work and leaps when all wait: any timer in the way would show.
#[tokio::test(start_paused = true)]
async fn a_lone_message_waits_for_no_other() {
    for placement in Placement::BOTH {
        let channel = in_memory(placement.server().add(router()));
        let start = Instant::now();
        let (mut requests, mut responses) = invoke::bidi_streaming(&channel, &CHAT, ().into()).await.unwrap();
        for _ in 0..100 {
            requests.send("alone".into()).await.unwrap();
            assert_eq!(responses.recv().await.unwrap().unwrap(), "alone");
        }
        invoke::unary(&channel, &SAY, Bytes::new().into()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO, "{placement:?}");
    }
}
