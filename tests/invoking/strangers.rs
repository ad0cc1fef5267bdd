//! Peers that do not speak HTTP/2 at all, or do not speak.

use std::time::Duration;

use wirepath::{CallOptions, Code, Status};

use crate::peer::{Peer, connect, frame, goaway, say, say_with, settings};

/// The status of a call to a peer that sends these bytes, and then closes or not.
async fn told(bytes: &[u8], closes: bool) -> Status {
    let (channel, mut listener) = connect();
    let bytes = bytes.to_vec();
    let serving = tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let mut peer = Peer::silent(&mut listener).await;
            // In two pieces, as a slow peer does.
            let (first, second) = bytes.split_at(bytes.len().min(2));
            peer.send(first).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            peer.send(second).await;
            if !closes {
                open.push(peer);
            }
        }
    });
    let status = say(&channel, b"hi").await.unwrap_err();
    serving.abort();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert_eq!(status.message().matches("in-memory").count(), 1, "names the endpoint once: {status}");
    assert!(!status.message().contains('\n'), "{status}");
    status
}

#[tokio::test]
async fn a_peer_of_another_protocol_is_called_not_http_2_with_its_first_bytes() {
    for (bytes, shown) in [
        (&b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..], "HTTP/1.1 400"),
        // A TLS alert: fatal, unexpected message.
        (b"\x15\x03\x03\x00\x02\x02\x0a", "\\x15\\x03\\x03"),
        // ttrpc: length, stream, type, flags.
        (b"\0\0\0\x10\0\0\0\x01\x02\0garbage, garbage", "\\x00\\x00\\x00\\x10"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
        (b"220 mail ESMTP\r\n", "220 mail"),
        // Frames, but the first is not SETTINGS.
        (b"\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0", "\\x00\\x00\\x08\\x06"),
    ] {
        for closes in [false, true] {
            let status = told(bytes, closes).await;
            assert!(status.message().contains("not HTTP/2"), "{status}");
            assert!(status.message().contains(shown), "{shown}: {status}");
        }
    }
}

#[tokio::test]
async fn a_peer_that_closes_before_a_word_is_said_so() {
    for bytes in [&b""[..], b"\0", b"\0\0\0"] {
        let status = told(bytes, true).await;
        assert!(status.message().contains("closed"), "{status}");
        assert!(status.message().contains("SETTINGS"), "{status}");
    }
}

#[tokio::test]
async fn a_short_answer_of_another_protocol_is_shown_whole() {
    let status = told(b"no\n", true).await;
    assert!(status.message().contains("not HTTP/2") && status.message().contains("no\\n"), "{status}");
}

#[tokio::test]
async fn a_silent_peer_is_given_up_at_the_deadline() {
    let (channel, mut listener) = connect();
    let options = CallOptions::new().timeout(Duration::from_millis(50));
    let asking = tokio::spawn(async move { say_with(&channel, options).await });
    let _peer = Peer::silent(&mut listener).await;
    assert_eq!(asking.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn settings_of_any_length_are_http_2() {
    for values in [&[][..], &[(1, 4096), (3, 100), (4, 65_535), (5, 16_384), (6, 8192), (0xff, 1)]] {
        let (channel, mut listener) = connect();
        let asking = tokio::spawn(async move { say(&channel, b"hi").await });
        let mut peer = Peer::silent(&mut listener).await;
        // Byte by byte.
        for byte in settings(values) {
            peer.send(&[byte]).await;
            tokio::task::yield_now().await;
        }
        let stream = peer.request().await;
        peer.send(&crate::peer::good(stream, b"yes")).await;
        asking.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_frame_that_breaks_http_2_ends_the_connection_in_words() {
    for broken in [
        // A frame larger than announced, DATA on stream 0, HPACK of no table.
        frame(0, 0, 1, &[0; 70_000]),
        frame(0, 0, 0, b"x"),
        frame(1, 4, 1, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    ] {
        let (channel, mut listener) = connect();
        let asking = tokio::spawn({
            let channel = channel.clone();
            async move { say(&channel, b"hi").await }
        });
        let mut peer = Peer::accept(&mut listener).await;
        peer.request().await;
        peer.send(&broken).await;
        let status = asking.await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(!status.message().is_empty());
        // The channel recovers.
        let asking = tokio::spawn(async move { say(&channel, b"hi").await });
        let mut peer = Peer::accept(&mut listener).await;
        let stream = peer.request().await;
        peer.send(&crate::peer::good(stream, b"yes")).await;
        asking.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_server_that_says_goaway_at_once_is_unavailable() {
    let (channel, mut listener) = connect();
    let serving = tokio::spawn(async move {
        loop {
            let mut peer = Peer::accept(&mut listener).await;
            peer.send(&goaway(0, 0)).await;
        }
    });
    let status = say(&channel, b"hi").await.unwrap_err();
    serving.abort();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}
