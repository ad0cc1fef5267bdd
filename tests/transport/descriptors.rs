//! Descriptors that a peer passes with its bytes (SCM_RIGHTS): nobody asked for them, and nobody keeps them.
//!
//! A read without room for ancillary data makes the kernel close what came with the bytes. Shown by a pipe whose write
//! end is passed thousands of times: its reader finds the end as soon as nobody holds one, while the connection that
//! they were passed on is still open; and by the number of open descriptors.

use std::io::{IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirepath::transport::{Connected, Connector};

use crate::{assert_carries, child, listen, pair, unix};

#[test]
fn descriptors_passed_to_a_server_are_closed_and_the_bytes_kept() {
    let directory = tempdir().unwrap();
    let mut server = child::command("descriptors::role_is_passed_descriptors_as_server");
    assert_eq!(child::answers(server.env("SOCKET", directory.path().join("a.sock"))), [EXPECTED; 2]);
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_is_passed_descriptors_as_server() {
    let Some(path) = child::given("SOCKET") else { return };
    let mut listener = listen(&path).await.unwrap();
    for _ in 0..2 {
        let passer = UnixStream::connect(&path).unwrap();
        let receiver = listener.accept().await.unwrap();
        pass_and_count(passer, receiver).await;
    }
}

#[test]
fn descriptors_passed_to_a_client_are_closed_and_the_bytes_kept() {
    let directory = tempdir().unwrap();
    let mut client = child::command("descriptors::role_is_passed_descriptors_as_client");
    assert_eq!(child::answers(client.env("SOCKET", directory.path().join("a.sock"))), [EXPECTED; 2]);
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_is_passed_descriptors_as_client() {
    let Some(path) = child::given("SOCKET") else { return };
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    for _ in 0..2 {
        let receiver = unix(&path).connect().await.unwrap();
        let (passer, _) = listener.accept().unwrap();
        pass_and_count(passer, receiver).await;
    }
}

/// The kernel ends a read at each descriptor, and tokio takes a short read for the last, so the passer may stop itself.
#[tokio::test]
async fn who_passes_one_with_every_byte_holds_up_nobody_else() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut listener = listen(&path).await.unwrap();
    let (_reader, writer) = std::io::pipe().unwrap();
    let passer = UnixStream::connect(&path).unwrap();
    for _ in 0..MESSAGES {
        pass(&passer, &writer, 1);
    }
    let (mut passed, _) = listener.accept().await.unwrap().into_parts();
    let reading = tokio::spawn(async move { passed.read_to_end(&mut Vec::new()).await });
    let (client, server) = pair(&unix(&path), &mut *listener).await;
    assert_carries(client, server).await;
    drop(passer);
    assert_eq!(reading.await.unwrap().unwrap(), MESSAGES, "its end wakes the reader again");
}

/// Sends many bytes, each with descriptors, to a connection of ours; tells what became of both.
async fn pass_and_count(passer: UnixStream, receiver: Connected) {
    let (mut io, _) = receiver.into_parts();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let before = open_descriptors();
    let mut received = 0;
    for _ in 0..MESSAGES {
        pass(&passer, &writer, EACH);
        received += io.read(&mut [0; 64]).await.unwrap();
    }
    let added = open_descriptors() - before;
    drop(writer);
    // Waits for ever if one is still open, or on its way.
    let end = tokio::task::spawn_blocking(move || reader.read(&mut [0; 8])).await.unwrap().unwrap();
    io.write_all(b"still served").await.unwrap();
    let mut served = [0; 12];
    (&passer).read_exact(&mut served).unwrap();
    child::tell(format_args!(
        "{} descriptors passed with {received} bytes, {added} more are open, the pipe ended with {end}, {}",
        MESSAGES * EACH,
        String::from_utf8_lossy(&served)
    ));
}

/// One byte with a descriptor so many times.
fn pass(passer: &UnixStream, descriptor: &impl AsFd, times: usize) {
    let descriptors: Vec<BorrowedFd<'_>> = vec![descriptor.as_fd(); times];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(EACH))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
    assert_eq!(sendmsg(passer, &[IoSlice::new(b"b")], &mut control, SendFlags::empty()).unwrap(), 1);
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Linux takes up to 253 descriptors with a message.
const EACH: usize = 200;
const MESSAGES: usize = 50;
const EXPECTED: &str =
    "10000 descriptors passed with 50 bytes, 0 more are open, the pipe ended with 0, still served";
