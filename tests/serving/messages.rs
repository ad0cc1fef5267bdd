//! The messages of a request: any cut, any number, any size.

use bytes::Bytes;
use wirepath::Limits;

use crate::peer::{Answer, ask, connect, connect_to, framed, request};

async fn say(pieces: &[Bytes]) -> Answer {
    let (mut client, _) = connect().await;
    let answer = ask(&mut client, request("/test.Echo/Say"), pieces).await.unwrap();
    // Whatever came, the connection serves on.
    let next = ask(&mut client, request("/test.Echo/Say"), &[framed(0, b"next")]).await.unwrap();
    assert_eq!(next.status(), Some("0"));
    answer
}

#[tokio::test]
async fn rule_7_a_request_without_a_message_ends_with_a_status() {
    assert_eq!(say(&[]).await.status(), Some("12"));
    assert_eq!(say(&[Bytes::new()]).await.status(), Some("12"));
}

#[tokio::test]
async fn rule_17_a_flag_other_than_0_and_1_is_internal() {
    for flag in [2, 0x7f, 0xff] {
        let answer = say(&[framed(flag, b"hi")]).await;
        assert_eq!(answer.status(), Some("13"), "{flag}: {answer:?}");
    }
}

#[tokio::test]
async fn rule_18_a_compressed_message_without_an_encoding_is_internal() {
    assert_eq!(say(&[framed(1, b"hi")]).await.status(), Some("13"));
}

#[tokio::test]
async fn rule_19_a_message_may_be_cut_at_every_byte() {
    let whole = framed(0, b"cut me");
    for cut in 1..whole.len() {
        let answer = say(&[whole.slice(..cut), whole.slice(cut..)]).await;
        assert_eq!(answer.body, whole, "cut at {cut}");
    }
    let bytes: Vec<Bytes> = (0..whole.len()).map(|index| whole.slice(index..=index)).collect();
    assert_eq!(say(&bytes).await.body, whole);
}

#[tokio::test]
async fn rule_19_many_messages_fit_one_data_frame_and_empty_data_is_legal() {
    let (mut client, _) = connect().await;
    let three = [framed(0, b"a"), framed(0, b""), framed(0, b"c")].concat();
    let pieces = [Bytes::new(), Bytes::from(three.clone()), Bytes::new()];
    let answer = ask(&mut client, request("/test.Echo/Chat"), &pieces).await.unwrap();
    assert_eq!((&answer.body[..], answer.status()), (&three[..], Some("0")));
}

#[tokio::test]
async fn rule_20_a_message_over_the_limit_is_refused_by_its_prefix_alone() {
    let (mut client, handlers) =
        connect_to(|server| server.limits(Limits { max_recv: Some(10), max_send: None })).await;
    assert_eq!(
        ask(&mut client, request("/test.Echo/Say"), &[framed(0, &[7; 10])]).await.unwrap().status(),
        Some("0")
    );
    // 4 GiB promised, none of it sent.
    let promise = Bytes::from_static(b"\0\xff\xff\xff\xff");
    for piece in [framed(0, &[7; 11]), promise] {
        let answer = ask(&mut client, request("/test.Echo/Say"), &[piece]).await.unwrap();
        assert_eq!(answer.status(), Some("8"), "{answer:?}");
    }
    assert_eq!(handlers.begun(), 1);
}

#[tokio::test]
async fn rule_21_the_end_within_a_prefix_or_a_message_is_internal() {
    let whole = framed(0, b"cut off");
    for cut in 1..whole.len() {
        let answer = say(&[whole.slice(..cut)]).await;
        assert_eq!(answer.status(), Some("13"), "cut at {cut}: {answer:?}");
    }
}

#[tokio::test]
async fn rule_22_a_second_message_in_a_unary_request_is_unimplemented() {
    assert_eq!(say(&[framed(0, b"1"), framed(0, b"2")]).await.status(), Some("12"));
}

#[tokio::test]
async fn rule_23_an_unknown_encoding_is_unimplemented_and_told_what_is_known() {
    let (mut client, handlers) = connect().await;
    let mut unknown = request("/test.Echo/Say");
    unknown.headers_mut().insert("grpc-encoding", "middle-out".parse().unwrap());
    let answer = ask(&mut client, unknown, &[framed(1, b"hi")]).await.unwrap();
    assert_eq!(answer.status(), Some("12"));
    assert!(answer.fields().contains_key("grpc-accept-encoding"), "{answer:?}");
    assert_eq!(handlers.begun(), 0);
}
