//! Messages of every size both ways, and many at once.

use bytes::Bytes;
use wirepath::{CallOptions, Channel, Code, Limits, Request, client::invoke, transport::duplex};

use crate::echo::{CHAT, Placement, SAY, drain, in_memory, in_time, router};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

const UNLIMITED: Limits = Limits { max_recv: Some(usize::MAX), max_send: None };

/// Bytes that tell where they belong.
fn message(len: usize) -> Bytes {
    (0..len.div_ceil(4)).flat_map(|index| (index as u32).to_be_bytes()).take(len).collect()
}

fn unlimited(len: usize) -> Request<Bytes> {
    Request::new(message(len)).with_options(CallOptions::new().max_recv(usize::MAX))
}

async fn echo(channel: &Channel, len: usize) {
    let said = invoke::unary(channel, &SAY, unlimited(len)).await.unwrap();
    assert!(*said.message() == message(len), "{len} bytes came back otherwise");
}

#[tokio::test]
async fn a_message_of_every_size_comes_back_whole() {
    for placement in Placement::BOTH {
        for capacity in [100, 64 * KIB] {
            let (connector, listener) = duplex(capacity);
            tokio::spawn(placement.server().limits(UNLIMITED).add(router()).serve(listener));
            let channel = Channel::new(connector);
            in_time(async {
                for around in [KIB, 16 * KIB, 32 * KIB, 64 * KIB] {
                    for len in [around - 6, around - 5, around - 1, around, around + 1] {
                        echo(&channel, len).await;
                    }
                }
                for len in [0, 1, 65_535, 65_536, MIB - 1, MIB, MIB + 1, 3 * MIB] {
                    echo(&channel, len).await;
                }
            })
            .await;
        }
    }
}

#[cfg(feature = "unix")]
#[tokio::test]
async fn a_100_mib_message_comes_back_whole_where_limits_allow_it() {
    use crate::echo::COLLECT;
    use wirepath::{Endpoint, Server};

    let dir = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::Unix(dir.path().join("echo.sock"));
    let listener = endpoint.listen().await.unwrap();
    tokio::spawn(Server::new().limits(UNLIMITED).add(router()).serve(listener));
    let channel = Channel::new(endpoint);
    in_time(echo(&channel, 100 * MIB)).await;
    in_time(async {
        let (mut requests, responses) = invoke::client_streaming(
            &channel,
            &COLLECT,
            Request::new(()).with_options(CallOptions::new().max_recv(usize::MAX)),
        )
        .await
        .unwrap();
        requests.send(message(100 * MIB)).await.unwrap();
        requests.finish().await.unwrap();
        assert_eq!(responses.only_message().await.unwrap().message().len(), 100 * MIB);
    })
    .await;
}

#[tokio::test]
async fn the_sizes_of_a_stream_may_change_from_message_to_message() {
    let sizes = [0, 1, 16 * KIB - 1, 3 * MIB, 5, 16 * KIB, 0, 64 * KIB, 16 * KIB + 1, MIB, 2, 32 * KIB];
    for placement in Placement::BOTH {
        let channel = in_memory(placement.server().add(router()));
        in_time(async {
            let (mut requests, mut responses) =
                invoke::bidi_streaming(&channel, &CHAT, ().into()).await.unwrap();
            let sending = tokio::spawn(async move {
                for len in sizes {
                    requests.send(message(len)).await.unwrap();
                }
                requests.finish().await.unwrap();
            });
            for len in sizes {
                assert!(responses.recv().await.unwrap().unwrap() == message(len), "{len}");
            }
            assert_eq!(responses.recv().await.unwrap(), None);
            sending.await.unwrap();
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_messages_of_64_kib_at_once_do_not_deadlock() {
    for placement in Placement::BOTH {
        for capacity in [KIB, 64 * KIB, MIB] {
            let (connector, listener) = duplex(capacity);
            tokio::spawn(placement.server().add(router()).serve(listener));
            let channel = Channel::new(connector);
            let calls: Vec<_> = (0..64)
                .map(|_| {
                    let channel = channel.clone();
                    tokio::spawn(async move {
                        for _ in 0..3 {
                            echo(&channel, 64 * KIB).await;
                        }
                    })
                })
                .collect();
            for call in calls {
                in_time(call).await.unwrap();
            }
        }
    }
}

/// All half-sent and half-read at the same time, so that every window is wanted by many.
#[tokio::test]
async fn sixty_four_streams_of_large_messages_do_not_deadlock() {
    for placement in Placement::BOTH {
        let channel = in_memory(placement.server().add(router()));
        let streams: Vec<_> = (0..64)
            .map(|_| {
                let channel = channel.clone();
                tokio::spawn(async move {
                    let (mut requests, mut responses) =
                        invoke::bidi_streaming(&channel, &CHAT, ().into()).await.unwrap();
                    let sending = tokio::spawn(async move {
                        for _ in 0..4 {
                            requests.send(message(64 * KIB)).await.unwrap();
                        }
                        requests.finish().await.unwrap();
                    });
                    assert_eq!(drain(&mut responses).await.unwrap().len(), 4);
                    sending.await.unwrap();
                })
            })
            .collect();
        for stream in streams {
            in_time(stream).await.unwrap();
        }
    }
}

/// Rule 20.
#[tokio::test]
async fn a_message_over_a_limit_is_refused_on_the_side_that_has_it() {
    let limits = Limits { max_recv: Some(1_000), max_send: Some(500) };
    let channel = in_memory(Placement::OnTheConnection.server().limits(limits).add(router()));
    for (len, expected) in
        [(500, None), (501, Some(Code::ResourceExhausted)), (1_001, Some(Code::ResourceExhausted))]
    {
        let said = invoke::unary(&channel, &SAY, unlimited(len)).await;
        assert_eq!(said.err().map(|status| status.code()), expected, "{len}");
    }
    for options in [CallOptions::new().max_recv(99), CallOptions::new().max_send(99)] {
        let request = Request::new(message(100)).with_options(options);
        let status = invoke::unary(&channel, &SAY, request).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    }
}

#[tokio::test]
async fn a_stream_goes_on_after_a_message_too_large_to_send() {
    let channel = in_memory(Placement::OnTheConnection.server().add(router()));
    let request = Request::new(()).with_options(CallOptions::new().max_send(9));
    let (mut requests, mut responses) = invoke::bidi_streaming(&channel, &CHAT, request).await.unwrap();
    let status = requests.send(message(10)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    requests.send(message(9)).await.unwrap();
    requests.finish().await.unwrap();
    assert_eq!(drain(&mut responses).await.unwrap(), [message(9)]);
}
