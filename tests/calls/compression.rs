//! Compression chosen by call and by message, with the Compressed-Flag of each message as it stands on the wire.

use bytes::Bytes;
use wirepath::{
    CallOptions, Channel, Code, Encoding, Limits, MessageReceiver, MessageSender, Request, Response, Router,
    Status, client::invoke, transport::duplex,
};

use crate::{
    echo::{CHAT, Placement, SAY, drain, in_time},
    recording::{Recorded, Writes, data},
};

/// Answers compressed, and tells in the metadata how it was asked.
async fn say(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    let (is_compressed, encoding) = (request.is_compressed().to_string(), request.encoding());
    let mut response = Response::new(request.into_message()).with_encoding(Encoding::Gzip);
    for (key, value) in [("was-compressed", &*is_compressed), ("by", encoding.name())] {
        response.metadata_mut().append(key, value).map_err(|e| Status::internal(e.to_string()))?;
    }
    Ok(response)
}

/// Answers each message as it came: compressed or not.
async fn chat(
    requests: Request<MessageReceiver<Bytes>>,
    mut responses: MessageSender<Bytes>,
) -> Result<(), Status> {
    let mut requests = requests.into_message();
    assert!(responses.set_encoding(Encoding::Gzip));
    while let Some(message) = requests.recv().await? {
        if requests.is_compressed() {
            responses.send(message).await?;
        } else {
            responses.send_uncompressed(message).await?;
        }
    }
    Ok(())
}

fn serve(placement: Placement) -> (Channel, Writes, Writes) {
    let (connector, listener) = duplex(1 << 20);
    let (connector, asked) = Recorded::new(connector);
    let (listener, answered) = Recorded::new(listener);
    let mut router = Router::new();
    router.unary(&SAY, say);
    router.bidi_streaming(&CHAT, chat);
    let limits = Limits { max_recv: Some(1 << 20), max_send: None };
    tokio::spawn(placement.server().limits(limits).add(router).serve(listener));
    (Channel::new(connector), asked, answered)
}

/// Compressed-Flag and Message-Length of each message in DATA.
fn prefixes(mut data: &[u8]) -> Vec<(u8, usize)> {
    let mut prefixes = Vec::new();
    while let [flag, a, b, c, d, rest @ ..] = data {
        let len = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        prefixes.push((*flag, len));
        data = &rest[len..];
    }
    prefixes
}

fn flags(data: &[u8]) -> Vec<u8> {
    prefixes(data).into_iter().map(|(flag, _)| flag).collect()
}

fn gzip() -> CallOptions {
    CallOptions::new().encoding(Encoding::Gzip)
}

#[tokio::test]
async fn a_unary_call_is_compressed_each_way_as_each_side_chooses() {
    for placement in Placement::BOTH {
        for (options, flag) in [(gzip(), 1), (CallOptions::new(), 0)] {
            let (channel, asked, answered) = serve(placement);
            let request = Request::new(Bytes::from(vec![7; 100_000])).with_options(options);
            let response = invoke::unary(&channel, &SAY, request).await.unwrap();
            assert_eq!(
                response.metadata().get("was-compressed"),
                Some(if flag == 1 { "true" } else { "false" })
            );
            assert_eq!(response.metadata().get("by"), Some(if flag == 1 { "gzip" } else { "identity" }));
            assert!(response.is_compressed());
            assert!(*response.message() == vec![7; 100_000]);
            assert_eq!(flags(&data(&asked.client_frames())), [flag]);
            let [(1, len)] = prefixes(&data(&answered.server_frames()))[..] else { panic!("not compressed") };
            assert!(len < 1_000, "{len}");
        }
    }
}

#[tokio::test]
async fn a_channel_may_compress_all_its_calls() {
    let (connector, listener) = duplex(1 << 20);
    let mut router = Router::new();
    router.unary(&SAY, say);
    tokio::spawn(Placement::OnTheConnection.server().add(router).serve(listener));
    let channel = Channel::builder(connector).options(gzip()).build();
    let response = invoke::unary(&channel, &SAY, Bytes::from_static(b"squeeze me").into()).await.unwrap();
    assert_eq!(response.metadata().get("was-compressed"), Some("true"));
    // What a call chooses comes first.
    let plain = Request::new(Bytes::from_static(b"not me"))
        .with_options(CallOptions::new().encoding(Encoding::Identity));
    let response = invoke::unary(&channel, &SAY, plain).await.unwrap();
    assert_eq!(response.metadata().get("was-compressed"), Some("false"));
}

/// Rule 24: flag 0 is legal for each message, and an empty one is not worth compressing.
#[tokio::test]
async fn a_stream_is_compressed_message_by_message() {
    for placement in Placement::BOTH {
        let (channel, asked, answered) = serve(placement);
        in_time(async {
            let (mut requests, mut responses) =
                invoke::bidi_streaming(&channel, &CHAT, Request::new(()).with_options(gzip())).await.unwrap();
            let large = Bytes::from(vec![b'x'; 200_000]);
            let sent =
                [(large.clone(), true), ("plain".into(), false), ("squeezed".into(), true), (large, false)];
            for (message, is_compressed) in &sent {
                match is_compressed {
                    true => requests.send(message.clone()).await.unwrap(),
                    false => requests.send_uncompressed(message.clone()).await.unwrap(),
                }
                assert!(responses.recv().await.unwrap().unwrap() == *message);
                assert_eq!(responses.is_compressed(), *is_compressed);
            }
            requests.send(Bytes::new()).await.unwrap();
            requests.finish().await.unwrap();
            assert_eq!(drain(&mut responses).await.unwrap(), [""]);
        })
        .await;
        for frames in [asked.client_frames(), answered.server_frames()] {
            assert_eq!(flags(&data(&frames)), [1, 0, 1, 0, 0]);
        }
    }
}

/// Rule 20: the limit holds for what comes out, in both directions.
#[tokio::test]
async fn a_message_that_inflates_over_the_limit_is_refused() {
    let (channel, _, _) = serve(Placement::OnTheConnection);
    let zeros = || Bytes::from(vec![0; (1 << 20) + 1]);
    let status = invoke::unary(&channel, &SAY, Request::new(zeros()).with_options(gzip())).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let request = Request::new(Bytes::from(vec![0; 100_000])).with_options(gzip().max_recv(99_999));
    let status = invoke::unary(&channel, &SAY, request).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
}
