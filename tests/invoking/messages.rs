//! The messages of a response: any cut, any number, compressed or not, whole or not.

use wirepath::{CallOptions, Code, Status};

use crate::peer::{
    CANCEL, OK, Peer, START, answering, connect, count, data, framed, good, headers, in_time, last_data,
    last_headers, say, say_with,
};

/// A unary call answered by these DATA frames and status OK.
async fn said(frames: &[&[u8]]) -> Result<bytes::Bytes, Status> {
    answered(START, frames).await
}

async fn answered(start: &[(&str, &str)], frames: &[&[u8]]) -> Result<bytes::Bytes, Status> {
    let mut answer = headers(1, start);
    for frame in frames {
        answer.extend(data(1, frame));
    }
    answer.extend(last_headers(1, OK));
    let channel = answering(move |stream| if stream == 1 { answer.clone() } else { good(stream, b"next") });
    let said = say(&channel, b"hi").await;
    assert_eq!(say(&channel, b"hi").await.unwrap().into_message(), "next", "the connection serves on");
    said.map(|response| response.into_message())
}

async fn code_of(frames: &[&[u8]]) -> Code {
    said(frames).await.unwrap_err().code()
}

#[tokio::test]
async fn rule_17_and_18_a_flag_must_be_0_or_1_and_have_an_encoding() {
    for flag in [1, 2, 0xff] {
        assert_eq!(code_of(&[&framed(flag, b"hi")]).await, Code::Internal, "{flag}");
    }
    let identity = [START, &[("grpc-encoding", "identity")]].concat();
    assert_eq!(answered(&identity, &[&framed(1, b"hi")]).await.unwrap_err().code(), Code::Internal);
    assert_eq!(answered(&identity, &[&framed(0, b"hi")]).await.unwrap(), "hi");
}

#[tokio::test]
async fn rule_19_a_message_may_be_cut_at_every_byte() {
    let whole = framed(0, b"cut me");
    for cut in 1..whole.len() {
        assert_eq!(said(&[&whole[..cut], b"", &whole[cut..]]).await.unwrap(), "cut me", "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = whole.chunks(1).collect();
    assert_eq!(said(&bytes).await.unwrap(), "cut me");
}

#[tokio::test]
async fn rule_19_many_messages_fit_one_data_frame() {
    let three = [framed(0, b"a"), framed(0, b""), framed(0, b"c")].concat();
    let channel = answering(move |stream| {
        [headers(stream, START), data(stream, &three), last_headers(stream, OK)].concat()
    });
    let mut responses = count(&channel).await.unwrap();
    for expected in [Some("a"), Some(""), Some("c"), None] {
        let message = in_time(responses.recv()).await.unwrap();
        assert_eq!(message.as_deref(), expected.map(str::as_bytes));
    }
}

#[tokio::test]
async fn rule_20_a_message_over_the_limit_is_refused_by_its_prefix_and_the_call_cancelled() {
    let (channel, mut listener) = connect();
    let asking = tokio::spawn(async move { say_with(&channel, CallOptions::new().max_recv(10)).await });
    let mut peer = Peer::accept(&mut listener).await;
    let stream = peer.request().await;
    // 4 GiB promised, none of it sent.
    peer.send(&[headers(stream, START), data(stream, b"\0\xff\xff\xff\xff")].concat()).await;
    assert_eq!(asking.await.unwrap().unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(peer.reset().await, (stream, CANCEL));
}

#[tokio::test]
async fn rule_20_a_message_over_the_limit_of_sending_is_not_sent() {
    let (channel, mut listener) = connect();
    let status = say_with(&channel, CallOptions::new().max_send(1)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let connected =
        tokio::time::timeout(std::time::Duration::from_millis(50), listener_accepts(&mut listener));
    assert!(connected.await.is_err(), "it did not even connect");
}

async fn listener_accepts(listener: &mut wirepath::transport::DuplexListener) {
    Peer::silent(listener).await;
}

#[tokio::test]
async fn rule_21_the_end_within_a_prefix_or_a_message_is_internal() {
    let whole = framed(0, b"cut off");
    for cut in 1..whole.len() {
        assert_eq!(code_of(&[&whole[..cut]]).await, Code::Internal, "cut at {cut}");
    }
}

#[tokio::test]
async fn rule_22_no_message_or_two_are_unimplemented_in_a_unary_response() {
    assert_eq!(code_of(&[]).await, Code::Unimplemented);
    assert_eq!(code_of(&[b""]).await, Code::Unimplemented);
    assert_eq!(code_of(&[&framed(0, b"1"), &framed(0, b"2")]).await, Code::Unimplemented);
    assert_eq!(code_of(&[&[framed(0, b"1"), framed(0, b"2")].concat()]).await, Code::Unimplemented);
    let channel = answering(|stream| last_headers(stream, &[START, OK].concat()));
    assert_eq!(say(&channel, b"").await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn rule_22_a_status_other_than_ok_needs_no_message() {
    for messages in [vec![], framed(0, b"1")] {
        let channel = answering(move |stream| {
            let end = last_headers(stream, &[("grpc-status", "5")]);
            [headers(stream, START), data(stream, &messages), end].concat()
        });
        assert_eq!(say(&channel, b"").await.unwrap_err().code(), Code::NotFound);
    }
}

#[tokio::test]
async fn rule_23_an_encoding_that_was_not_offered_is_internal() {
    for name in ["middle-out", "snappy-framed", ""] {
        let start = [START, &[("grpc-encoding", name)]].concat();
        let status = answered(&start, &[&framed(1, b"hi")]).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal, "{name}");
        assert!(status.message().contains(name), "{status}");
    }
    #[cfg(not(feature = "gzip"))]
    {
        let start = [START, &[("grpc-encoding", "gzip")]].concat();
        let status = answered(&start, &[&framed(0, b"hi")]).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Internal, "grpc-encoding gzip was not offered"));
    }
}

#[cfg(feature = "gzip")]
mod gzip {
    use wirepath::Encoding;

    use super::*;
    use crate::peer::Seen;

    const GZIP: &[(&str, &str)] =
        &[(":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip")];

    fn compressed(message: &[u8]) -> Vec<u8> {
        let mut bytes = bytes::BytesMut::new();
        wirepath::codec::compress(Encoding::Gzip, message, &mut bytes).unwrap();
        bytes.to_vec()
    }

    #[tokio::test]
    async fn rule_24_a_response_may_be_compressed_where_the_request_is_not() {
        assert_eq!(answered(GZIP, &[&framed(1, &compressed(b"small"))]).await.unwrap(), "small");
        assert_eq!(answered(GZIP, &[&framed(0, b"plain")]).await.unwrap(), "plain");
    }

    #[tokio::test]
    async fn rule_24_a_compressed_call_says_so_and_leaves_empty_messages_as_they_are() {
        let (channel, mut listener) = connect();
        let options = CallOptions::new().encoding(Encoding::Gzip);
        let asking = tokio::spawn(async move { say_with(&channel, options).await });
        let mut peer = Peer::accept(&mut listener).await;
        let encoding = peer
            .find(|seen| match seen {
                Seen::Headers { fields, .. } => {
                    Some(fields.iter().find(|field| field.0 == "grpc-encoding").unwrap().1.clone())
                }
                _ => None,
            })
            .await;
        assert_eq!(encoding, "gzip");
        let flag = peer
            .find(|seen| match seen {
                Seen::Data { data, .. } => Some(data[0]),
                _ => None,
            })
            .await;
        assert_eq!(flag, 1);
        asking.abort();
    }

    #[tokio::test]
    async fn rule_26_a_corrupt_message_is_internal() {
        let good = compressed(b"the message that is corrupted");
        for broken in [b"no gzip at all".to_vec(), good[..good.len() - 3].to_vec(), Vec::new()] {
            let status = answered(GZIP, &[&framed(1, &broken)]).await.unwrap_err();
            assert_eq!(status.code(), Code::Internal, "{status}");
        }
    }

    #[tokio::test]
    async fn rule_20_the_limit_holds_while_a_message_inflates() {
        let bomb = framed(1, &compressed(&vec![0; 5 << 20]));
        let status = answered(GZIP, &[&bomb]).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    }
}

#[cfg(not(feature = "snappy"))]
#[tokio::test]
async fn an_encoding_that_is_not_compiled_in_is_refused_before_anything_is_sent() {
    let (channel, _listener) = connect();
    let options = CallOptions::new().encoding(wirepath::Encoding::Snappy);
    let status = say_with(&channel, options).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("snappy"), "{status}");
}

#[tokio::test]
async fn data_that_ends_the_stream_with_a_whole_message_is_still_a_missing_status() {
    let channel = answering(|stream| [headers(stream, START), last_data(stream, &framed(0, b"x"))].concat());
    assert_eq!(say(&channel, b"").await.unwrap_err().code(), Code::Unknown);
}
