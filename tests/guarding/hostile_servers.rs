//! Servers that send without end what a client has not asked for.

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirepath::{
    Channel, Code, Status,
    client::invoke,
    frame::{FrameReader, FrameType, Piece},
    transport::{Io, Listener, duplex},
};

use crate::raw::{SAY, frame, goaways};

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
    let is_headers =
        |piece: &Piece| matches!(piece, Piece::Frame(frame) if frame.head.kind == FrameType::Headers);
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
        ("too_many_headers", early_hints.repeat(110_000)),
    ] {
        let (status, last_word) = call_answered_by(flood).await;
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        assert!(status.message().contains(text), "{status}");
        assert_eq!(last_word, (0xb, text.to_owned()));
    }
}
