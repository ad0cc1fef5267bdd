//! Request-Headers: what is a call, and what is refused how.

use http::Request;

use crate::peer::{ask, connect, framed, request};

#[tokio::test]
async fn a_call_is_answered_by_headers_a_message_and_trailers() {
    let (mut client, _) = connect().await;
    let answer = ask(&mut client, request("/test.Echo/Say"), &[framed(0, b"hi")]).await.unwrap();
    // Rule 27.
    assert_eq!(answer.headers.status(), 200);
    assert_eq!(answer.headers.headers()["content-type"], "application/grpc");
    assert_eq!(answer.body, framed(0, b"hi"));
    // Rule 29: also for OK.
    assert_eq!(answer.trailers.unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn rule_1_another_method_than_post_is_405() {
    let (mut client, handlers) = connect().await;
    for method in ["GET", "PUT", "HEAD"] {
        let mut get = request("/test.Echo/Say");
        *get.method_mut() = method.parse().unwrap();
        let answer = ask(&mut client, get, &[]).await.unwrap();
        assert_eq!(answer.headers.status(), 405, "{method}");
    }
    assert_eq!(handlers.begun(), 0);
}

#[tokio::test]
async fn rule_3_an_unknown_path_is_unimplemented_in_trailers_only() {
    let (mut client, handlers) = connect().await;
    for path in [
        "/test.Echo/Nothing",
        "/other.Echo/Say",
        "/test.Echo/say",
        "/test.Echo/Say/",
        "/test.Echo/Say?x=1",
        "/",
    ] {
        let answer = ask(&mut client, request(path), &[framed(0, b"")]).await.unwrap();
        assert_eq!((answer.headers.status().as_u16(), answer.status()), (200, Some("12")), "{path}");
        assert!(answer.is_trailers_only(), "{path}: {answer:?}");
    }
    assert_eq!(handlers.begun(), 0);
}

#[tokio::test]
async fn rule_4_te_may_be_absent() {
    let (mut client, _) = connect().await;
    let mut without = request("/test.Echo/Say");
    without.headers_mut().remove("te");
    assert_eq!(ask(&mut client, without, &[framed(0, b"")]).await.unwrap().status(), Some("0"));
}

#[tokio::test]
async fn rule_5_what_is_not_grpc_gets_415_and_a_text_that_says_what_is() {
    let (mut client, handlers) = connect().await;
    for content_type in ["application/json", "application/grpcweb", "application/grpc-web", "text/html", ""] {
        let mut other = request("/test.Echo/Say");
        other.headers_mut().insert("content-type", content_type.parse().unwrap());
        let answer = ask(&mut client, other, &[framed(0, b"")]).await.unwrap();
        assert_eq!(answer.headers.status(), 415, "{content_type}");
        assert!(String::from_utf8_lossy(&answer.body).contains("application/grpc"), "{answer:?}");
    }
    assert_eq!(handlers.begun(), 0);
    for content_type in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
        let mut grpc = request("/test.Echo/Say");
        grpc.headers_mut().insert("content-type", content_type.parse().unwrap());
        let answer = ask(&mut client, grpc, &[framed(0, b"")]).await.unwrap();
        assert_eq!(answer.status(), Some("0"), "{content_type}");
    }
}

#[tokio::test]
async fn rule_5_a_call_is_served_and_answered_in_the_format_of_its_request() {
    let (mut client, handlers) = connect().await;
    for (content_type, echo) in [
        ("application/grpc", "hi"),
        ("application/grpc+proto", "hi"),
        ("application/grpc+upper", "HI"),
        ("application/grpc+UPPER;q=1", "HI"),
    ] {
        for message in ["hi", "fail"] {
            let mut formatted = request("/test.Echo/Say");
            formatted.headers_mut().insert("content-type", content_type.parse().unwrap());
            let answer = ask(&mut client, formatted, &[framed(0, message.as_bytes())]).await.unwrap();
            let said = answer.headers.headers()["content-type"].to_str().unwrap();
            assert!(content_type.to_lowercase().starts_with(said), "{content_type}: {said}");
            match message {
                "hi" => assert_eq!(answer.body, framed(0, echo.as_bytes()), "{content_type}"),
                // The upper format has made another message of it.
                _ => assert_eq!(answer.status(), Some(if echo == "hi" { "5" } else { "0" })),
            }
        }
    }
    assert_eq!(handlers.begun(), 8);
}

#[tokio::test]
async fn rule_5_a_format_that_is_not_served_is_unimplemented() {
    let (mut client, handlers) = connect().await;
    let mut formatted = request("/test.Echo/Say");
    formatted.headers_mut().insert("content-type", "application/grpc+foo".parse().unwrap());
    let answer = ask(&mut client, formatted, &[framed(0, b"hi")]).await.unwrap();
    assert_eq!((answer.headers.status().as_u16(), answer.status()), (200, Some("12")), "{answer:?}");
    assert_eq!(
        answer.headers.headers()["grpc-message"],
        "no content-subtype \"foo\" at /test.Echo/Say, but proto, upper"
    );
    assert_eq!(handlers.begun(), 0);
}

#[tokio::test]
async fn rule_6_a_malformed_timeout_is_400_and_internal() {
    let (mut client, handlers) = connect().await;
    for timeout in ["123456789m", "m", "5", "5X", "-5S", "1.5S", ""] {
        let mut hasty = request("/test.Echo/Say");
        hasty.headers_mut().insert("grpc-timeout", timeout.parse().unwrap());
        let answer = ask(&mut client, hasty, &[framed(0, b"")]).await.unwrap();
        assert_eq!((answer.headers.status().as_u16(), answer.status()), (400, Some("13")), "{timeout:?}");
    }
    assert_eq!(handlers.begun(), 0);
}

#[tokio::test]
async fn rule_9_bad_base64_in_a_bin_value_is_an_error_of_the_call_alone() {
    let (mut client, _) = connect().await;
    let mut bad = request("/test.Echo/Say");
    bad.headers_mut().insert("trace-bin", "!!!".parse().unwrap());
    let answer = ask(&mut client, bad, &[framed(0, b"")]).await.unwrap();
    assert_eq!(answer.status(), Some("13"));
    assert_eq!(
        ask(&mut client, request("/test.Echo/Say"), &[framed(0, b"")]).await.unwrap().status(),
        Some("0")
    );
}

#[tokio::test]
async fn rule_13_two_hosts_are_400_and_a_missing_authority_is_served() {
    let (mut client, _) = connect().await;
    let mut two = request("/test.Echo/Say");
    two.headers_mut().append("host", "a".parse().unwrap());
    two.headers_mut().append("host", "b".parse().unwrap());
    let answer = ask(&mut client, two, &[framed(0, b"")]).await.unwrap();
    assert_eq!((answer.headers.status().as_u16(), answer.status()), (400, Some("13")));
    let none = Request::builder()
        .method("POST")
        .uri("/test.Echo/Say")
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    assert_eq!(ask(&mut client, none, &[framed(0, b"")]).await.unwrap().status(), Some("0"));
}

#[tokio::test]
async fn rule_30_and_33_a_status_travels_with_its_text_and_details() {
    let (mut client, _) = connect().await;
    let answer = ask(&mut client, request("/test.Echo/Say"), &[framed(0, b"fail")]).await.unwrap();
    assert!(answer.is_trailers_only(), "{answer:?}");
    assert_eq!((answer.status(), answer.message()), (Some("5"), "no such thing"));
    assert_eq!(answer.fields()["grpc-status-details-bin"], "CAU");
}
