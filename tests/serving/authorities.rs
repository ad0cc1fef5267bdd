//! `:authority` as real clients send it over a Unix socket: h2 alone refuses it, the server serves it and tells it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use wirepath::{
    Router, Server, Status,
    frame::ErrorCode,
    transport::{Connector, Io, duplex},
};

use crate::{
    peer::{SAY, framed},
    raw::{Ended, Shape, call, exchange, opening},
};

/// What a client sends first, and then for the same authority.
struct Client {
    sends: &'static [u8],
    first: Vec<u8>,
    then: Vec<u8>,
}

const INDEX_62: &[u8] = b"\xbe";

/// A plain literal with indexing, by the name of the static table, as most clients send it.
fn plain(sends: &'static [u8]) -> Client {
    let first = [&[0x41, u8::try_from(sends.len()).unwrap()], sends].concat();
    Client { sends, first, then: INDEX_62.to_vec() }
}

fn clients() -> Vec<Client> {
    vec![
        // grpc-java, and etcdctl and gobgp as Debian ships them.
        plain(b"/tmp/x/etcd.sock"),
        // gRPC C-core: Python, C++, Ruby, PHP.
        plain(b"tmp%2Fx%2Fa.sock"),
        plain(b"/run/localhost:2379"),
        plain(b"/run/\xff\xfe"),
        plain(b""),
        // grpc-go, grpc-js, grpclib.
        plain(b"localhost"),
        // Index 1 of the static table is an empty one.
        Client { sends: b"", first: b"\x81".to_vec(), then: b"\x81".to_vec() },
        // "/a/b" in Huffman form, then by the name of the dynamic table's entry, never indexed.
        Client {
            sends: b"/a/b",
            first: b"\x41\x83\x60\x6c\x47".to_vec(),
            then: b"\x1f\x2f\x04/a/b".to_vec(),
        },
        // Name and value as literals, without indexing.
        Client {
            sends: b"a:b:c",
            first: b"\x00\x0a:authority\x05a:b:c".to_vec(),
            then: b"\x10\x0a:authority\x05a:b:c".to_vec(),
        },
    ]
}

/// A call's block in which `:authority` is sent so.
fn block(authority: &[u8]) -> Vec<u8> {
    let path = b"\x04\x0e/test.Echo/Say";
    let fields = b"\x0f\x10\x10application/grpc\x00\x02te\x08trailers";
    [b"\x83", authority, b"\x86", path, fields].concat()
}

/// What interceptors have read.
type Seen = Arc<Mutex<Vec<String>>>;

/// A connection to a server whose handler answers with the authority that it reads.
async fn connect() -> (Box<dyn Io>, Seen) {
    let mut router = Router::new();
    router.unary(&SAY, |request: wirepath::Request<Bytes>| async move {
        let text = request.authority().map(str::to_owned);
        let sent = request.authority_bytes().ok_or_else(|| Status::internal("no authority"))?;
        assert_eq!(text, Some(String::from_utf8_lossy(sent).into_owned()));
        Ok(Bytes::copy_from_slice(sent).into())
    });
    let seen = Seen::default();
    let sees = Arc::clone(&seen);
    let server = Server::new().add(router).intercept(move |headers, _| {
        sees.lock().unwrap().extend(headers.authority_text().map(|text| text.into_owned()));
        Ok(())
    });
    let (connector, listener) = duplex(1 << 20);
    tokio::spawn(server.serve(listener));
    (connector.connect().await.unwrap().into_parts().0, seen)
}

fn answered(authority: &[u8]) -> Ended {
    Ended::Answered(framed(0, authority).to_vec())
}

#[tokio::test]
async fn every_peers_authority_is_served_and_told() {
    let shapes = [
        Shape::OneFrame,
        Shape::Padded(0),
        Shape::Padded(255),
        Shape::Priority,
        Shape::Continued(12),
        Shape::Continued(33),
    ];
    for shape in shapes {
        for client in clients() {
            let (mut io, seen) = connect().await;
            let calls = [call(1, &block(&client.first), shape), call(3, &block(&client.then), shape)];
            let ended = exchange(&mut io, [&opening()[..], &calls.concat()], 2).await;
            let expected = [(1, answered(client.sends)), (3, answered(client.sends))].into();
            assert_eq!(ended, expected, "{} {shape:?}", client.sends.escape_ascii());
            let text = String::from_utf8_lossy(client.sends).into_owned();
            assert_eq!(*seen.lock().unwrap(), [text.clone(), text]);
        }
    }
}

#[tokio::test]
async fn an_authority_is_served_across_every_cut_of_the_bytes() {
    let calls = [
        call(1, &block(b"\x41\x02/a"), Shape::OneFrame),
        call(3, &block(b"\x41\x00"), Shape::Padded(2)),
        call(5, &block(b"\x41\x81\xb9"), Shape::Continued(9)),
        call(7, &block(b"\xc0"), Shape::Priority),
    ];
    let bytes = [opening(), calls.concat()].concat();
    let expected = [(1, answered(b"/a")), (3, answered(b"")), (5, answered(b":")), (7, answered(b"/a"))];
    for cut in 0..bytes.len() {
        let (mut io, _) = connect().await;
        let (first, last) = bytes.split_at(cut);
        assert_eq!(exchange(&mut io, [first, last], 4).await, expected.clone().into(), "{cut}");
    }
    for step in [1, 2, 5] {
        let (mut io, _) = connect().await;
        assert_eq!(exchange(&mut io, bytes.chunks(step), 4).await, expected.clone().into(), "{step}");
    }
}

#[tokio::test]
async fn many_calls_of_one_connection_refer_to_each_others_authority() {
    let (mut io, _) = connect().await;
    exchange(&mut io, [&opening()[..]], 0).await;
    // Of the last three calls the first is at index 64 and the last at 62; the one between added nothing to h2's table.
    let add = [&b"\x41\x02/a"[..], b"\x41\x00", b"\x41\x09localhost"];
    let refer = [&b"\xc0"[..], b"\xbf", b"\xbe"];
    let values = [&b"/a"[..], b"", b"localhost"];
    for round in 0..100_u32 {
        let calls = add.iter().chain(&refer).zip((0..).map(|nth| 12 * round + 2 * nth + 1));
        let bytes: Vec<u8> =
            calls.flat_map(|(authority, id)| call(id, &block(authority), Shape::OneFrame)).collect();
        let ended = exchange(&mut io, [&bytes[..]], 6).await;
        let told: Vec<_> = ended.into_values().collect();
        let expected: Vec<_> = values.iter().chain(&values).map(|value| answered(value)).collect();
        assert_eq!(told, expected, "round {round}");
    }
}

#[tokio::test]
async fn two_authorities_are_refused() {
    let (mut io, seen) = connect().await;
    let twice = [&b"\x41\x02/a\xbe"[..], b"\x81\x81", b"\x81\x41\x01a", b"\x41\x01a\x81"];
    let calls = twice.iter().zip((1..).step_by(2));
    let bytes: Vec<u8> = calls.flat_map(|(pair, id)| call(id, &block(pair), Shape::OneFrame)).collect();
    let ended = exchange(&mut io, [&opening()[..], &bytes], 4).await;
    assert!(ended.values().all(|end| *end == Ended::Reset(ErrorCode::ProtocolError)), "{ended:?}");
    assert_eq!(seen.lock().unwrap().len(), 0);
}

/// When this fails, h2 has learnt to take these authorities, and the cure may not be needed any more.
#[tokio::test]
async fn h2_alone_refuses_what_is_cured() {
    for client in clients() {
        let (mut io, server) = tokio::io::duplex(1 << 16);
        let served = tokio::spawn(async move {
            let mut connection = h2::server::handshake(server).await?;
            let mut uris = Vec::new();
            while let Some(accepted) = connection.accept().await {
                let (request, mut respond) = accepted?;
                uris.push(request.uri().clone());
                respond.send_response(http::Response::new(()), true)?;
            }
            Ok::<_, h2::Error>(uris)
        });
        let bytes = [opening(), call(1, &block(&client.first), Shape::OneFrame)].concat();
        if std::str::from_utf8(client.sends).is_err() {
            // Not a stream's error, but the connection's.
            io.write_all(&bytes).await.unwrap();
            let error = served.await.unwrap().unwrap_err();
            assert_eq!(error.reason(), Some(h2::Reason::PROTOCOL_ERROR));
            continue;
        }
        let ended = exchange(&mut io, [&bytes[..]], 1).await;
        let expected = if client.sends == b"localhost" {
            Ended::Answered(Vec::new())
        } else {
            Ended::Reset(ErrorCode::ProtocolError)
        };
        assert_eq!(ended[&1], expected, "{}", client.sends.escape_ascii());
    }
}
