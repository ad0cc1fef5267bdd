//! What travels beside the messages: Custom-Metadata both ways, the status and its details.

use bytes::Bytes;
use wirepath::{
    Channel, Code, MessageReceiver, MessageSender, Metadata, Request, Response, Router, Status,
    client::invoke,
};

use crate::echo::{CHAT, COUNT, Placement, SAY, drain, in_memory};

/// Duplicates of a key between other keys, and bytes of every value and length.
fn varied() -> Metadata {
    let mut metadata = Metadata::new();
    for (key, value) in [("k", "1"), ("other", "~ !"), ("k", "2"), ("x.y_z-0", ""), ("k", "1")] {
        metadata.append(key, value).unwrap();
    }
    for len in 0..=6 {
        metadata.append_bin("trace-bin", &(0..len).map(|byte| byte * 51).collect::<Vec<u8>>()).unwrap();
    }
    metadata.append_bin("all-bin", &(0..=255).collect::<Vec<u8>>()).unwrap();
    metadata.append_bin("trace-bin", b"last").unwrap();
    metadata
}

fn assert_varied(metadata: &Metadata) {
    let sent = varied();
    for key in ["k", "other", "x.y_z-0"] {
        assert!(metadata.get_all(key).eq(sent.get_all(key)), "{key}: {metadata:?}");
    }
    for key in ["trace-bin", "all-bin"] {
        assert!(metadata.get_all_bin(key).eq(sent.get_all_bin(key)), "{key}: {metadata:?}");
    }
    assert_eq!(metadata.len(), sent.len(), "{metadata:?}");
}

fn request(message: &'static str) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(message));
    *request.metadata_mut() = varied();
    request
}

fn failure() -> Status {
    let mut metadata = Metadata::new();
    metadata.append("why", "as asked").unwrap();
    Status::failed_precondition("50 % größer\n")
        .with_details(&b"\x08\x09\x12\x02no"[..])
        .with_metadata(metadata)
}

fn assert_failure(status: &Status) {
    let expected = failure();
    assert_eq!((status.code(), status.message()), (expected.code(), expected.message()));
    assert_eq!(status.details(), expected.details());
    assert_eq!(status.metadata().get("why"), Some("as asked"), "{status:?}");
}

async fn say(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    assert_varied(request.metadata());
    if request.message() == "fail" {
        return Err(failure());
    }
    let mut response = Response::new(request.into_message());
    *response.metadata_mut() = varied();
    *response.trailers_mut() = varied();
    Ok(response)
}

/// Sends the message, unless it says that there be none; then ends as it says.
async fn count(request: Request<Bytes>, mut responses: MessageSender<Bytes>) -> Result<(), Status> {
    assert_varied(request.metadata());
    *responses.metadata_mut() = varied();
    *responses.trailers_mut() = varied();
    let message = request.into_message();
    if message.starts_with(b"send") {
        responses.send(message.clone()).await?;
    }
    if message.ends_with(b"fail") { Err(failure()) } else { Ok(()) }
}

async fn chat(
    requests: Request<MessageReceiver<Bytes>>,
    mut responses: MessageSender<Bytes>,
) -> Result<(), Status> {
    *responses.metadata_mut() = varied();
    responses.send_headers();
    drain(&mut requests.into_message()).await.map(drop)
}

fn serve(placement: Placement) -> Channel {
    let mut router = Router::new();
    router.unary(&SAY, say);
    router.server_streaming(&COUNT, count);
    router.bidi_streaming(&CHAT, chat);
    in_memory(placement.server().add(router))
}

/// Rules 9 and 11.
#[tokio::test]
async fn a_unary_call_carries_metadata_three_ways() {
    for placement in Placement::BOTH {
        let response = invoke::unary(&serve(placement), &SAY, request("hi")).await.unwrap();
        assert_varied(response.metadata());
        assert_varied(response.trailers());
    }
}

#[tokio::test]
async fn a_stream_carries_metadata_before_and_after_its_messages() {
    for placement in Placement::BOTH {
        let channel = serve(placement);
        for (message, count) in [("send", 1), ("none", 0)] {
            let mut responses = invoke::server_streaming(&channel, &COUNT, request(message)).await.unwrap();
            assert_varied(responses.headers().await.unwrap());
            assert!(responses.trailers().is_none());
            assert_eq!(drain(&mut responses).await.unwrap().len(), count);
            assert_varied(responses.trailers().unwrap());
        }
    }
}

#[tokio::test]
async fn headers_may_leave_before_the_first_message() {
    let channel = serve(Placement::OnTheConnection);
    let (requests, mut responses) = invoke::bidi_streaming(&channel, &CHAT, ().into()).await.unwrap();
    assert_varied(responses.headers().await.unwrap());
    requests.finish().await.unwrap();
    assert_eq!(responses.recv().await.unwrap(), None);
}

/// Rules 30 and 33.
#[tokio::test]
async fn a_status_travels_with_text_details_and_metadata() {
    for placement in Placement::BOTH {
        let channel = serve(placement);
        assert_failure(&invoke::unary(&channel, &SAY, request("fail")).await.unwrap_err());
        for message in ["send, fail", "fail"] {
            let mut responses = invoke::server_streaming(&channel, &COUNT, request(message)).await.unwrap();
            let status = drain(&mut responses).await.unwrap_err();
            assert_failure(&status);
            // The half remembers how the call ended.
            assert_failure(&responses.recv().await.unwrap_err());
        }
    }
}

#[tokio::test]
async fn the_trailers_of_a_sender_leave_with_a_failure_too() {
    for placement in Placement::BOTH {
        for message in ["send, fail", "fail"] {
            let mut responses =
                invoke::server_streaming(&serve(placement), &COUNT, request(message)).await.unwrap();
            let status = drain(&mut responses).await.unwrap_err();
            let trailers = responses.trailers().unwrap();
            assert!(trailers.get_all("k").eq(["1", "2", "1"]), "{trailers:?}");
            assert_eq!(status.metadata().get("why"), Some("as asked"));
        }
    }
}

#[tokio::test]
async fn every_code_arrives_as_it_was_sent() {
    let mut router = Router::new();
    router.unary(&SAY, |request: Request<Bytes>| async move {
        let code = Code::from_number(request.message()[0].into()).unwrap();
        Err(Status::new(code, code.name()))
    });
    let channel = in_memory(Placement::OnTheConnection.server().add(router));
    for number in 1..=16 {
        let status = invoke::unary(&channel, &SAY, Bytes::from(vec![number]).into()).await.unwrap_err();
        assert_eq!(status.code().number(), u32::from(number));
        assert_eq!(status.message(), status.code().name());
    }
}
