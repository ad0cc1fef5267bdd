//! Hand-made bytes: the analyzer is a witness of its own, so no encoder of h2 stands behind these.

use super::*;
use crate::frame::PREFACE;
use crate::tap::{CallEvent, Garbage};

use Direction::{ClientToServer, ServerToClient};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags], &stream_id.to_be_bytes(), payload].concat()
}

/// A header block of literals without indexing and without Huffman.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let string = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], string(name), string(value)].concat()).collect()
}

fn request() -> Vec<u8> {
    block(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/a.B/C"),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("grpc-timeout", "2S"),
        ("content-type", "application/grpc"),
        ("tenant", "blue"),
    ])
}

fn message(data: &[u8]) -> Vec<u8> {
    [&[0], &u32::try_from(data.len()).unwrap().to_be_bytes()[..], data].concat()
}

fn opened() -> Analyzer {
    let mut analyzer = Analyzer::new();
    let preface = [&PREFACE[..], &frame(SETTINGS, 0, 0, &[])].concat();
    assert_eq!(analyzer.push(ClientToServer, &preface, Duration::ZERO).len(), 2);
    assert_eq!(analyzer.push(ServerToClient, &frame(SETTINGS, 0, 0, &[]), Duration::ZERO).len(), 1);
    analyzer
}

fn push(analyzer: &mut Analyzer, direction: Direction, frames: &[Vec<u8>]) -> Vec<EventKind> {
    let events = analyzer.push(direction, &frames.concat(), Duration::ZERO);
    events.into_iter().map(|event| event.kind).collect()
}

/// The call events among `kinds`, as `call.sequence NAME`.
fn steps(kinds: &[EventKind]) -> Vec<String> {
    let calls = kinds.iter().filter_map(|kind| match kind {
        EventKind::Call(record) => Some(record),
        _ => None,
    });
    calls.map(|record| format!("{}.{} {}", record.call_id, record.sequence, record.event.name())).collect()
}

#[test]
fn a_unary_call_becomes_the_events_of_a16() {
    let mut analyzer = opened();
    let mut seen = push(
        &mut analyzer,
        ClientToServer,
        &[frame(HEADERS, END_HEADERS, 1, &request()), frame(DATA, END_STREAM, 1, &message(b"ask"))],
    );
    seen.extend(push(
        &mut analyzer,
        ServerToClient,
        &[
            frame(
                HEADERS,
                END_HEADERS,
                1,
                &block(&[(":status", "200"), ("content-type", "application/grpc")]),
            ),
            frame(DATA, 0, 1, &message(b"answer")),
            frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                1,
                &block(&[("grpc-status", "5"), ("grpc-message", "no%20such")]),
            ),
        ],
    ));
    assert_eq!(
        steps(&seen),
        [
            "1.1 CLIENT_HEADER",
            "1.2 CLIENT_MESSAGE",
            "1.3 CLIENT_HALF_CLOSE",
            "1.4 SERVER_HEADER",
            "1.5 SERVER_MESSAGE",
            "1.6 SERVER_TRAILER",
        ]
    );
    let events: Vec<_> = seen
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::Call(record) => Some(record.event),
            _ => None,
        })
        .collect();
    assert_eq!(
        events[0],
        CallEvent::ClientHeader {
            authority: Some("localhost".to_owned()),
            timeout: Some(Duration::from_secs(2)),
            metadata: vec![("tenant".into(), "blue".into())],
        }
    );
    let CallEvent::ServerMessage(answer) = &events[4] else { panic!("{:?}", events[4]) };
    assert_eq!((&answer.data[..], answer.number, answer.frames), (&b"answer"[..], 1, 1));
    let trailer =
        CallEvent::ServerTrailer { status: Some(5), message: "no such".to_owned(), metadata: vec![] };
    assert_eq!(events[5], trailer);
    assert!(analyzer.calls.is_empty());
}

// Rule 28.
#[test]
fn trailers_only_is_a_trailer_and_no_header() {
    let mut analyzer = opened();
    push(&mut analyzer, ClientToServer, &[frame(HEADERS, END_HEADERS, 1, &request())]);
    let trailers = block(&[(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "12")]);
    let seen = push(&mut analyzer, ServerToClient, &[frame(HEADERS, END_HEADERS | END_STREAM, 1, &trailers)]);
    assert_eq!(steps(&seen), ["1.2 SERVER_TRAILER"]);
}

#[test]
fn a_header_block_is_joined_over_continuation() {
    let mut analyzer = opened();
    let octets = request();
    let seen = push(
        &mut analyzer,
        ClientToServer,
        &[
            frame(HEADERS, END_STREAM, 1, &octets[..7]),
            frame(CONTINUATION, 0, 1, &octets[7..30]),
            frame(CONTINUATION, END_HEADERS, 1, &octets[30..]),
        ],
    );
    let EventKind::HeaderBlock(block) = &seen[3] else { panic!("{:?}", seen[3]) };
    assert_eq!((block.frames, block.octets.len(), block.end_stream), (3, octets.len(), true));
    assert_eq!(steps(&seen), ["1.1 CLIENT_HEADER", "1.2 CLIENT_HALF_CLOSE"]);
}

#[test]
fn a_reset_cancels_before_the_trailers_and_not_after() {
    let cancel = frame(RST_STREAM, 0, 1, &8u32.to_be_bytes());
    let mut analyzer = opened();
    push(&mut analyzer, ClientToServer, &[frame(HEADERS, END_HEADERS, 1, &request())]);
    assert_eq!(steps(&push(&mut analyzer, ClientToServer, std::slice::from_ref(&cancel))), ["1.2 CANCEL"]);

    let mut analyzer = opened();
    push(&mut analyzer, ClientToServer, &[frame(HEADERS, END_HEADERS, 1, &request())]);
    let trailers = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[("grpc-status", "0")]));
    push(&mut analyzer, ServerToClient, &[trailers]);
    assert_eq!(steps(&push(&mut analyzer, ServerToClient, &[cancel])), [""; 0]);
    assert!(analyzer.calls.is_empty());
}

#[test]
fn the_receivers_table_size_holds_once_it_is_acknowledged() {
    // Dynamic table size update to 8192, above the default of 4096.
    let update = [&[0x3f, 0xe1, 0x3f][..], &request()].concat();
    let size_8192 = frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0x20, 0]);
    let acknowledgement = frame(SETTINGS, 1, 0, &[]);
    for acknowledged in [true, false] {
        let mut analyzer = Analyzer::new();
        push(&mut analyzer, ServerToClient, std::slice::from_ref(&size_8192));
        let mut frames = vec![PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[])];
        frames.extend(acknowledged.then(|| acknowledgement.clone()));
        frames.push(frame(HEADERS, END_HEADERS, 1, &update));
        let seen = push(&mut analyzer, ClientToServer, &frames);
        let is_read = seen.iter().any(|kind| matches!(kind, EventKind::HeaderBlock(_)));
        assert_eq!(is_read, acknowledged);
    }
}

#[test]
fn what_is_not_grpc_has_frames_and_no_call() {
    let mut analyzer = opened();
    let get = block(&[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]);
    let seen = push(
        &mut analyzer,
        ClientToServer,
        &[frame(HEADERS, END_HEADERS, 1, &get), frame(DATA, END_STREAM, 1, b"\x07not a message")],
    );
    assert_eq!((seen.len(), steps(&seen)), (3, vec![]));
}

#[test]
fn the_body_of_a_415_is_not_read_as_messages() {
    let mut analyzer = opened();
    push(&mut analyzer, ClientToServer, &[frame(HEADERS, END_HEADERS | END_STREAM, 1, &request())]);
    let seen = push(
        &mut analyzer,
        ServerToClient,
        &[
            frame(HEADERS, END_HEADERS, 1, &block(&[(":status", "415"), ("content-type", "text/plain")])),
            frame(DATA, END_STREAM, 1, b"this server speaks gRPC"),
        ],
    );
    assert!(!seen.iter().any(|kind| matches!(kind, EventKind::Call(_) | EventKind::Broken(_))));
    assert!(analyzer.calls.is_empty());
}

#[test]
fn garbage_in_one_direction_is_one_event_and_the_other_is_read_on() {
    let mut analyzer = Analyzer::new();
    let seen =
        push(&mut analyzer, ServerToClient, &[b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), vec![0; 64]]);
    assert_eq!(seen, [EventKind::Garbage(Garbage::Http1Response)]);
    let preface = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[])];
    assert_eq!(push(&mut analyzer, ClientToServer, &preface).len(), 2);
}

#[test]
fn a_broken_header_block_ends_the_direction() {
    let mut analyzer = opened();
    let seen = push(
        &mut analyzer,
        ClientToServer,
        &[frame(HEADERS, END_HEADERS, 1, &[0x80]), frame(SETTINGS, 0, 0, &[])],
    );
    assert!(matches!(seen[..], [EventKind::Frame(_), EventKind::Broken(Broken::Frame(_))]), "{seen:?}");
}

// Rule 17.
#[test]
fn a_wrong_compressed_flag_ends_the_call_only() {
    let mut analyzer = opened();
    let seen = push(
        &mut analyzer,
        ClientToServer,
        &[
            frame(HEADERS, END_HEADERS, 1, &request()),
            frame(DATA, 0, 1, &[9, 0, 0, 0, 0]),
            frame(HEADERS, END_HEADERS, 3, &request()),
        ],
    );
    let broken = EventKind::Broken(Broken::CompressedFlag { stream_id: 1, flag: 9 });
    assert!(seen.contains(&broken), "{seen:?}");
    assert_eq!(steps(&seen), ["1.1 CLIENT_HEADER", "2.1 CLIENT_HEADER"]);
}

#[test]
fn no_more_calls_are_followed_than_memory_is_set_aside_for() {
    let mut analyzer = opened();
    for stream in 0..5000 {
        push(&mut analyzer, ClientToServer, &[frame(HEADERS, END_HEADERS, 2 * stream + 1, &request())]);
    }
    assert_eq!(analyzer.calls.len(), MAX_OPEN_CALLS);
}

#[test]
fn no_bytes_make_it_panic() {
    // A fixed generator: the same bytes each run.
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut byte = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    for _ in 0..2000 {
        let mut analyzer = opened();
        for _ in 0..8 {
            let payload: Vec<_> = (0..byte() % 40).map(|_| byte()).collect();
            let wire = frame(byte() % 11, byte(), u32::from(byte() % 4), &payload);
            analyzer.push(ClientToServer, &wire, Duration::ZERO);
            analyzer.push(ServerToClient, &wire, Duration::ZERO);
        }
        analyzer.finish(ClientToServer, Duration::ZERO);
    }
}

/// Opens a call whose path has this many octets, from 255.
fn call_of_path_len(len: usize) -> (Analyzer, Vec<EventKind>) {
    let mut analyzer = opened();
    let mut fields = block(&[(":method", "POST"), ("content-type", "application/grpc")]);
    // :path by the static table, and a length of two octets behind the first (RFC 7541, section 5.1).
    let [low, high] = [(len - 127) % 128 + 128, (len - 127) / 128].map(|octet| u8::try_from(octet).unwrap());
    fields.extend([4, 127, low, high]);
    fields.extend(format!("/{}", "a".repeat(len - 1)).bytes());
    let kinds = push(&mut analyzer, ClientToServer, &[frame(HEADERS, END_HEADERS, 1, &fields)]);
    (analyzer, kinds)
}

#[test]
fn a_path_is_kept_once_however_many_messages_a_frame_holds() {
    let (mut analyzer, _) = call_of_path_len(4_000);
    let kinds = push(&mut analyzer, ClientToServer, &[frame(DATA, 0, 1, &message(b"").repeat(3_000))]);
    let path = |kind: &EventKind| match kind {
        EventKind::Call(record) => Some(record.path.as_ptr()),
        _ => None,
    };
    let paths: Vec<_> = kinds.iter().filter_map(path).collect();
    assert_eq!(paths.len(), 3_000);
    assert!(paths.iter().all(|text| *text == paths[0]));
}

#[test]
fn a_path_of_more_than_8_kib_opens_no_call() {
    assert_eq!(steps(&call_of_path_len(8_192).1), ["1.1 CLIENT_HEADER"]);
    assert!(steps(&call_of_path_len(8_193).1).is_empty());
}
