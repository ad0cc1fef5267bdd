//! Servers that send without end what a client has not asked for.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirepath::{
    CallOptions, Channel, Code, Request, Status,
    client::invoke,
    frame::{FrameReader, FrameType, Piece},
    transport::{Io, Listener, duplex},
};

use crate::raw::{SAY, frame, framed, goaways};

/// A call to a server that answers its HEADERS by a flood: the call's status, and what the client says in the end.
async fn call_answered_by(flood: Vec<u8>) -> (Status, (u32, String)) {
    let (connector, mut listener) = duplex(1 << 16);
    let channel = Channel::new(connector);
    let server = async {
        let (io, _) = listener.accept().await.unwrap().into_parts();
        flood_at_first_call(io, &flood).await
    };
    let call = async { invoke::unary(&channel, &SAY, Bytes::new().into()).await.unwrap_err() };
    tokio::join!(call, server)
}

async fn flood_at_first_call(io: Box<dyn Io>, flood: &[u8]) -> (u32, String) {
    let (mut read, mut write) = tokio::io::split(io);
    write.write_all(&[frame(0x4, 0, 0, &[]), frame(0x4, 0x1, 0, &[])].concat()).await.unwrap();
    let (mut reader, mut frames) = (FrameReader::of_client(), Vec::new());
    let mut bytes = Vec::new();
    let mut flooding = false;
    loop {
        while let Some(piece) = reader.next_piece().unwrap() {
            flooding |= is_headers(&piece);
            if let Piece::Frame(frame) = piece {
                frames.push(frame);
            }
        }
        bytes.clear();
        let mut writing = flood;
        while flooding && !writing.is_empty() {
            // The client answers some of it, and reads no more once it has had enough.
            tokio::select! {
                biased;
                read = read.read_buf(&mut bytes) => if read.unwrap_or(0) == 0 { break },
                written = write.write(writing) => match written {
                    Ok(count) => writing = &writing[count..],
                    Err(_) => break,
                },
            }
        }
        flooding = false;
        if bytes.is_empty() && read.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return goaways(&frames).pop().expect("a last word");
        }
        reader.push(&bytes);
    }
}

#[tokio::test(start_paused = true)]
async fn each_flood_ends_the_connection_and_the_call_says_why() {
    // 103 by a literal with the static table's name.
    let early_hints = frame(0x1, 0x4, 1, b"\x08\x03103");
    for (text, flood) in [
        ("too_many_ping_frames", frame(0x6, 0, 0, &[7; 8]).repeat(20_000)),
        ("too_many_settings", frame(0x4, 0, 0, &[]).repeat(2_000)),
        ("too_many_unknown_frames", frame(0xfa, 0, 0, b"grease").repeat(2_000)),
        ("too_many_window_updates", frame(0x8, 0, 0, &1_u32.to_be_bytes()).repeat(20_000)),
        ("too_many_headers", early_hints.repeat(2_000)),
    ] {
        let (status, last_word) = call_answered_by(flood).await;
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(status.message().contains(text), "{status}");
        assert_eq!(last_word, (0xb, text.to_owned()));
    }
}

/// A call to a server that answers its HEADERS by these bytes and then only reads.
async fn call_answered_once_by(answer: Vec<u8>) -> Result<usize, Status> {
    let (connector, mut listener) = duplex(1 << 16);
    let channel = Channel::new(connector);
    let server = tokio::spawn(async move {
        let (io, _) = listener.accept().await.unwrap().into_parts();
        let (mut read, mut write) = tokio::io::split(io);
        write.write_all(&[frame(0x4, 0, 0, &[]), frame(0x4, 0x1, 0, &[])].concat()).await.unwrap();
        let (mut reader, mut bytes) = (FrameReader::of_client(), Vec::new());
        while reader.next_piece().unwrap().is_none_or(|piece| !is_headers(&piece)) {
            bytes.clear();
            read.read_buf(&mut bytes).await.unwrap();
            reader.push(&bytes);
        }
        let scrap = async {
            while read.read_buf(&mut Vec::with_capacity(65_536)).await.is_ok_and(|count| count > 0) {}
        };
        // The client may close before it has taken all.
        let _ = tokio::join!(write.write_all(&answer), scrap);
    });
    let options = CallOptions::new().timeout(Duration::from_secs(60));
    let request = Request::new(Bytes::new()).with_options(options);
    let called = invoke::unary(&channel, &SAY, request).await.map(|response| response.message().len());
    server.abort();
    called
}

fn is_headers(piece: &Piece) -> bool {
    matches!(piece, Piece::Frame(frame) if frame.head.kind == FrameType::Headers)
}

/// A field as a literal without indexing.
fn field(name: &str, value: &[u8]) -> Vec<u8> {
    [&[0x00], &length(name.len())[..], name.as_bytes(), &length(value.len()), value].concat()
}

/// A length without Huffman (RFC 7541, section 5.1).
fn length(len: usize) -> Vec<u8> {
    let Some(mut rest) = len.checked_sub(127) else { return vec![u8::try_from(len).unwrap()] };
    let mut octets = vec![127];
    while rest > 127 {
        octets.push(u8::try_from(rest & 127).unwrap() | 128);
        rest >>= 7;
    }
    octets.push(u8::try_from(rest).unwrap());
    octets
}

/// An answer of these parts: fields behind those of Response-Headers, DATA, Trailers.
fn answer(fields: &[u8], data: &[u8], trailers: &[u8]) -> Vec<u8> {
    let head = [b"\x88\x0f\x10\x10application/grpc", fields].concat();
    [frame(0x1, 0x4, 1, &head), frame(0x0, 0, 1, data), frame(0x1, 0x5, 1, trailers)].concat()
}

#[tokio::test(start_paused = true)]
async fn whatever_a_server_answers_the_call_ends_with_a_status_and_in_time() {
    let ok = field("grpc-status", b"0");
    let hi = framed(b"hi");
    let plain = answer(&[], &hi, &ok);
    let message = |len| [field("grpc-status", b"5"), field("grpc-message", &vec![b'm'; len])].concat();
    let padded = frame(0x0, 0x8, 1, &[&[255][..], &[0; 255]].concat()).repeat(4_000);
    let continued = [frame(0x1, 0, 1, b"\x88"), frame(0x9, 0, 1, b"").repeat(100_000)].concat();
    let growing =
        [frame(0x1, 0, 1, b"\x88"), frame(0x9, 0, 1, &field("k", &[b'v'; 60_000])).repeat(20)].concat();
    let promised = frame(0x5, 0x4, 1, b"\0\0\0\x02\x82\x86\x84");
    let window = |stream_id| frame(0x8, 0, stream_id, &i32::MAX.to_be_bytes());
    let goaway = |last: u32| frame(0x7, 0, 0, &[last.to_be_bytes(), [0; 4]].concat());
    let halves = frame(0x1, 0x4, 1, b"\x88\x0f\x10\x10application/grpc");
    let table: [(&str, Vec<u8>, Result<usize, Code>); 27] = [
        ("as it should be", plain.clone(), Ok(2)),
        ("trailers twice", [&plain[..], &frame(0x1, 0x5, 1, &ok)].concat(), Ok(2)),
        ("a message after trailers", [&plain[..], &frame(0x0, 0, 1, &hi)].concat(), Ok(2)),
        ("two messages", answer(&[], &hi.repeat(2), &ok), Err(Code::Unimplemented)),
        ("no message", answer(&[], &[], &ok), Err(Code::Unimplemented)),
        ("half a message", answer(&[], &hi[..6], &ok), Err(Code::Internal)),
        ("a flag of 2", answer(&[], b"\x02\0\0\0\x01x", &ok), Err(Code::Internal)),
        ("compressed without an encoding", answer(&[], b"\x01\0\0\0\x01x", &ok), Err(Code::Internal)),
        ("a promise of 4 GiB", answer(&[], b"\0\xff\xff\xff\xff", &ok), Err(Code::ResourceExhausted)),
        ("content-length of more", answer(&field("content-length", b"100"), &hi, &ok), Err(Code::Internal)),
        ("content-length of less", answer(&field("content-length", b"1"), &hi, &ok), Err(Code::Internal)),
        ("no trailers", [&halves[..], &frame(0x0, 1, 1, &hi)].concat(), Err(Code::Unknown)),
        ("no status", answer(&[], &hi, &field("k", b"v")), Err(Code::Unknown)),
        ("a status twice", answer(&[], &hi, &[&ok[..], &field("grpc-status", b"5")].concat()), Ok(2)),
        ("a status that is none", answer(&[], &hi, &field("grpc-status", b"-1")), Err(Code::Unknown)),
        ("a message of 10,000 octets", answer(&[], &[], &message(10_000)), Err(Code::NotFound)),
        ("a message of 60,000 octets", answer(&[], &[], &message(60_000)), Err(Code::NotFound)),
        ("upper case", answer(&field("Upper", b"v"), &hi, &ok), Err(Code::Unavailable)),
        ("padding alone", [&halves[..], &padded].concat(), Err(Code::Unavailable)),
        ("a block without end", continued, Err(Code::Unavailable)),
        ("a block that grows", growing, Err(Code::Unavailable)),
        ("a promised push", [promised, plain.clone()].concat(), Err(Code::Unavailable)),
        ("a window too large", [window(0), plain.clone()].concat(), Err(Code::Unavailable)),
        ("a stream's window too large", [window(1), plain.clone()].concat(), Ok(2)),
        ("GOAWAY below the call", [goaway(0), plain.clone()].concat(), Err(Code::Unavailable)),
        ("GOAWAY above all", [goaway(1), goaway(99), plain.clone()].concat(), Err(Code::Unavailable)),
        ("nothing more", halves, Err(Code::DeadlineExceeded)),
    ];
    let mut differing = Vec::new();
    for (name, bytes, expected) in table {
        let called = call_answered_once_by(bytes).await;
        if called.as_ref().map(|len| *len).map_err(Status::code) != expected {
            differing.push(format!("{name}: {called:?}, not {expected:?}"));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}
