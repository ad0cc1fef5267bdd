//! What our observer reads from the bytes of h2's client and server, against what they were given to send.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use proptest::prelude::*;
use wirepath::frame::hpack::{DEFAULT_TABLE_SIZE, Decoder, Field, Representation};
use wirepath::frame::{Frame, FrameReader, HeaderBlockJoiner, Payload, Piece, SettingId};

use crate::recorded::{Recorded, block_on};

/// One call's field sections beside the pseudo-header fields.
#[derive(Clone, Debug)]
struct Call {
    request: HeaderMap,
    response: HeaderMap,
    trailers: HeaderMap,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reads_what_h2_encodes(
        calls in prop::collection::vec(call(), 1..12),
        client_table in table_size(),
        server_table in table_size(),
    ) {
        let (client, server) = block_on(exchange(calls.clone(), client_table, server_table));
        let client = frames(FrameReader::of_client(), &client);
        let server = frames(FrameReader::of_server(), &server);

        let mut requests = sections(&client, table_size_set_by(&server)).into_iter();
        let mut answers = sections(&server, table_size_set_by(&client)).into_iter();
        for call in &calls {
            check(&requests.next().unwrap(), &[(":method", "POST"), (":scheme", "http")], &call.request);
            check(&answers.next().unwrap(), &[(":status", "200")], &call.response);
            check(&answers.next().unwrap(), &[], &call.trailers);
        }
        prop_assert_eq!((requests.next(), answers.next()), (None, None));
    }
}

/// Makes the calls one after the other; gives the bytes of the client and of the server.
async fn exchange(
    calls: Vec<Call>,
    client_table: Option<u32>,
    server_table: Option<u32>,
) -> (Vec<u8>, Vec<u8>) {
    let (client_io, server_io) = tokio::io::duplex(1 << 16);
    let (client_io, client_bytes) = Recorded::new(client_io);
    let (server_io, server_bytes) = Recorded::new(server_io);
    let answers = calls.clone();

    let server = async move {
        let mut builder = h2::server::Builder::new();
        if let Some(size) = server_table {
            builder.header_table_size(size);
        }
        let mut connection = builder.handshake::<_, Bytes>(server_io).await.unwrap();
        let mut answers = answers.into_iter();
        while let Some(accepted) = connection.accept().await {
            let (_, mut respond) = accepted.unwrap();
            let call = answers.next().unwrap();
            let mut response = Response::new(());
            *response.headers_mut() = call.response;
            respond.send_response(response, false).unwrap().send_trailers(call.trailers).unwrap();
        }
    };

    let client = async move {
        let mut builder = h2::client::Builder::new();
        if let Some(size) = client_table {
            builder.header_table_size(size);
        }
        let (mut sender, connection) = builder.handshake::<_, Bytes>(client_io).await.unwrap();
        let driver = tokio::spawn(connection);
        for call in calls {
            sender = sender.ready().await.unwrap();
            let mut request = Request::post("http://localhost/p.S/M").body(()).unwrap();
            *request.headers_mut() = call.request;
            let (response, _) = sender.send_request(request, true).unwrap();
            let mut body = response.await.unwrap().into_body();
            assert!(body.data().await.is_none());
            assert_eq!(body.trailers().await.unwrap(), Some(call.trailers));
        }
        drop(sender);
        driver.await.unwrap().unwrap();
    };

    tokio::join!(client, server);
    (client_bytes.take(), server_bytes.take())
}

fn frames(mut reader: FrameReader, bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    // An odd step, so that pushes end anywhere in heads and payloads.
    for part in bytes.chunks(997) {
        reader.push(part);
        while let Some(piece) = reader.next_piece().unwrap() {
            if let Piece::Frame(frame) = piece {
                frames.push(frame);
            }
        }
    }
    reader.finish().unwrap();
    frames
}

fn table_size_set_by(frames: &[Frame]) -> Option<usize> {
    let Some(Ok(Payload::Settings(settings))) = frames.first().map(Frame::parse) else { panic!("SETTINGS") };
    settings.get(SettingId::HeaderTableSize).map(|size| usize::try_from(size).unwrap())
}

/// The decoded sections of a direction. `table_size` is what the other side's SETTINGS ask for.
fn sections(frames: &[Frame], table_size: Option<usize>) -> Vec<Vec<Field>> {
    let mut joiner = HeaderBlockJoiner::default();
    let mut decoder = Decoder::new(DEFAULT_TABLE_SIZE);
    let mut sections = Vec::new();
    for frame in frames {
        let payload = frame.parse().unwrap();
        if payload == Payload::SettingsAck {
            decoder.set_max_table_size(table_size.unwrap_or(DEFAULT_TABLE_SIZE));
        }
        if let Some(block) = joiner.push(&frame.head, &payload).unwrap() {
            let decoded = decoder.decode(&block.octets).unwrap();
            assert_tiles(&decoded.fields, block.octets.len());
            sections.push(decoded.fields);
        }
    }
    sections
}

/// Fields follow one another and end with the block.
fn assert_tiles(fields: &[Field], block_len: usize) {
    assert!(fields.windows(2).all(|pair| pair[0].range.end == pair[1].range.start));
    assert_eq!(fields.last().map_or(block_len, |field| field.range.end), block_len);
}

fn check(fields: &[Field], pseudo: &[(&str, &str)], headers: &HeaderMap) {
    for (name, value) in pseudo {
        assert!(fields.iter().any(|field| field.name == name.as_bytes() && field.value == value.as_bytes()));
    }
    let regular: Vec<&Field> = fields.iter().filter(|field| !field.name.starts_with(b":")).collect();
    assert_eq!(regular.len(), headers.len());
    for (field, (name, value)) in regular.into_iter().zip(headers) {
        assert_eq!((&field.name[..], &field.value[..]), (name.as_str().as_bytes(), value.as_bytes()));
        let is_never_indexed = matches!(field.representation, Representation::LiteralNeverIndexed { .. });
        // A sensitive value that was sent openly before may be referred to; as a literal it is marked.
        let is_indexed = matches!(field.representation, Representation::Indexed { .. });
        assert!(is_indexed || is_never_indexed == value.is_sensitive(), "{field:?}");
    }
}

fn call() -> impl Strategy<Value = Call> {
    (headers(), headers(), headers()).prop_map(|(request, response, trailers)| Call {
        request,
        response,
        trailers,
    })
}

fn table_size() -> impl Strategy<Value = Option<u32>> {
    prop::option::of(prop::sample::select(vec![0, 31, 64, 200, 4095, 4096, 65_536]))
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let field = (name(), value(), prop::bool::weighted(0.1));
    prop::collection::vec(field, 0..10).prop_map(|fields| {
        let mut headers = HeaderMap::new();
        for (name, value, sensitive) in fields {
            let mut value = HeaderValue::from_bytes(&value).unwrap();
            value.set_sensitive(sensitive);
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        headers
    })
}

/// Few enough names that a connection repeats them; some of the static table, some that h2 never indexes.
fn name() -> impl Strategy<Value = String> {
    let known =
        ["content-type", "user-agent", "authorization", "set-cookie", "grpc-timeout", "x-a", "x-trace-bin"];
    prop_oneof![
        4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "x-[a-z0-9!#$%&'*+.^_`|~-]{1,12}",
    ]
}

/// Any octets that a value may have: seldom so many that the block needs CONTINUATION.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let octet = || prop_oneof![8 => 0x20..=0x7e_u8, 1 => 0x80..=0xff_u8, 1 => Just(b'\t')];
    prop_oneof![
        8 => prop::sample::select(vec![b"".to_vec(), b"a".to_vec(), b"application/grpc".to_vec()]),
        8 => prop::collection::vec(octet(), 0..40),
        1 => (octet(), 3000..40_000_usize).prop_map(|(octet, len)| vec![octet; len]),
    ]
}
