//! The floor: length-prefixed messages on the socket and nothing else.
//!
//! A connection's first byte says the shape; then each message follows its 4-byte length. Calls have no number: answers come
//! back in order. What is ready is written in one go, as every peer of the ladder does.

use std::io::{self, ErrorKind};
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{UnixListener, UnixStream};

use crate::load::cell::{Cell, STREAM_LEN, Shape};
use crate::load::part::announce;
use crate::load::sample::{self, Sample};
use crate::load::{Failure, Received, bytes_of_len};

const PREFIX_LEN: usize = 4;
/// More than a socket holds, and than the longest message.
const BUFFER_LEN: usize = 256 * 1024;
/// Streamed messages gathered for one write.
const GATHERED_LEN: usize = 32 * 1024;

/// Echoes to every client that connects.
pub(crate) async fn serve(socket: &Path) -> Result<(), Failure> {
    let listener = UnixListener::bind(socket)?;
    announce()?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve_connection(stream));
    }
}

/// Loads one connection.
pub(crate) async fn measure(socket: &Path, cell: &'static Cell, server: u32) -> Result<Sample, Failure> {
    let stream = UnixStream::connect(socket).await?;
    let received = Received::default();
    let load = tokio::spawn(load(stream, cell, received.clone()));
    tokio::select! {
        sample = sample::take(&received, server) => Ok(sample),
        ended = load => Err(ended?.err().unwrap_or_else(|| "the server closed".into())),
    }
}

/// Serves until the client closes; that it closes in the midst of an answer is the way a measurement ends.
async fn serve_connection(mut stream: UnixStream) -> io::Result<()> {
    let copies = match stream.read_u8().await? {
        0 => 1,
        _ => STREAM_LEN,
    };
    let (mut read, mut answers) = (Vec::with_capacity(BUFFER_LEN), Vec::new());
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
        let mut rest = &read[..];
        while let Some(message) = next_message(&mut rest) {
            for _ in 0..copies {
                put_message(&mut answers, message);
                if copies > 1 && answers.len() >= GATHERED_LEN {
                    stream.write_all(&answers).await?;
                    answers.clear();
                }
            }
        }
        let taken = read.len() - rest.len();
        read.drain(..taken);
        stream.write_all(&answers).await?;
        answers.clear();
    }
}

/// Keeps the cell's number of messages between the two ends. Reads whenever it may and writes what it owes, so that neither
/// end waits for the other to read.
async fn load(mut stream: UnixStream, cell: &'static Cell, received: Received) -> Result<(), Failure> {
    let copies = match cell.shape {
        Shape::Unary => 1,
        Shape::ServerStream => STREAM_LEN,
    };
    stream.write_u8(u8::from(copies > 1)).await?;
    let requests = Requests::new(cell);
    let (mut read, mut written, mut asked, mut answered) =
        (Vec::with_capacity(BUFFER_LEN), 0, cell.in_flight, 0);
    loop {
        let mut interest = Interest::READABLE;
        while written < asked * requests.message_len {
            match stream.try_write(requests.from(written, asked)) {
                Ok(len) => written += len,
                Err(full) if full.kind() == ErrorKind::WouldBlock => {
                    interest = interest.add(Interest::WRITABLE);
                    break;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        stream.ready(interest).await?;
        match stream.try_read_buf(&mut read) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(empty) if empty.kind() == ErrorKind::WouldBlock => continue,
            Err(failure) => return Err(failure.into()),
        }
        let mut rest = &read[..];
        let answers = std::iter::from_fn(|| next_message(&mut rest))
            .filter(|answer| answer.len() == cell.message_len)
            .count();
        let taken = read.len() - rest.len();
        read.drain(..taken);
        received.add(answers as u64);
        answered += answers;
        asked = cell.in_flight + answered / copies;
    }
}

/// An endless row of the same request.
struct Requests {
    row: Vec<u8>,
    message_len: usize,
}

impl Requests {
    fn new(cell: &Cell) -> Self {
        let mut row = Vec::new();
        for _ in 0..=cell.in_flight {
            put_message(&mut row, &bytes_of_len(cell.message_len));
        }
        Self { row, message_len: PREFIX_LEN + cell.message_len }
    }

    /// The bytes after the first `written`, up to the end of the `asked`th request.
    fn from(&self, written: usize, asked: usize) -> &[u8] {
        let start = written % self.message_len;
        &self.row[start..start + asked * self.message_len - written]
    }
}

fn put_message(out: &mut Vec<u8>, message: &[u8]) {
    out.extend_from_slice(&(message.len() as u32).to_be_bytes());
    out.extend_from_slice(message);
}

/// Takes the first message off the bytes, if all of it is there.
fn next_message<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (prefix, after) = rest.split_first_chunk::<PREFIX_LEN>()?;
    let (message, after) = after.split_at_checked(u32::from_be_bytes(*prefix) as usize)?;
    *rest = after;
    Some(message)
}
