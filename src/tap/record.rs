//! What a tap hands on: chunks of bytes, each with its connection, direction, offset and time.
//!
//! A chunk is what one read or one write moved. Its boundaries are the kernel's and h2's doing and carry no meaning in
//! HTTP/2; the [`Analyzer`](super::Analyzer) takes bytes cut anywhere.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

/// Which way bytes travel. The client is the end that connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client to the server.
    ClientToServer,
    /// From the server to the client.
    ServerToClient,
}

impl Direction {
    /// Both directions, the client's first.
    pub const BOTH: [Direction; 2] = [Direction::ClientToServer, Direction::ServerToClient];

    /// `->` from client to server, `<-` back: the client stands at the left.
    pub const fn arrow(self) -> &'static str {
        match self {
            Direction::ClientToServer => "->",
            Direction::ServerToClient => "<-",
        }
    }

    /// Whose bytes these are: `client` or `server`.
    pub const fn sender(self) -> &'static str {
        match self {
            Direction::ClientToServer => "client",
            Direction::ServerToClient => "server",
        }
    }

    /// The other direction.
    pub const fn reverse(self) -> Direction {
        match self {
            Direction::ClientToServer => Direction::ServerToClient,
            Direction::ServerToClient => Direction::ClientToServer,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::ClientToServer => "client to server",
            Direction::ServerToClient => "server to client",
        })
    }
}

/// Bytes that one read or write moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Which connection of the tap, counted from 1.
    pub connection: u64,
    /// Which way the bytes went.
    pub direction: Direction,
    /// Where in that direction's stream of bytes the chunk begins.
    pub offset: u64,
    /// When, since the tap was made.
    pub at: Duration,
    /// The bytes.
    pub bytes: Bytes,
}

/// Where a tap's chunks go: called from within reads and writes, so it must not block.
pub trait Sink: fmt::Debug + Send + Sync + 'static {
    /// Takes one chunk. Those of one direction of one connection arrive in order and without gaps.
    fn record(&self, chunk: Chunk);
}

/// A sink in memory: keeps all chunks up to a limit of bytes. Clones share what they keep.
#[derive(Clone, Debug)]
pub struct Recording {
    limit: usize,
    kept: Arc<Mutex<Kept>>,
}

impl Recording {
    /// Keeps at most `limit` bytes; what comes later is counted, not kept.
    pub fn new(limit: usize) -> Self {
        Recording { limit, kept: Arc::default() }
    }

    /// The chunks kept so far, in the order of their recording.
    pub fn chunks(&self) -> Vec<Chunk> {
        self.lock(|kept| kept.chunks.clone())
    }

    /// How many bytes came after the limit was reached.
    pub fn missed(&self) -> u64 {
        self.lock(|kept| kept.missed)
    }

    fn lock<T>(&self, see: impl FnOnce(&mut Kept) -> T) -> T {
        see(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Recording {
    fn record(&self, chunk: Chunk) {
        self.lock(|kept| {
            let len = chunk.bytes.len();
            // Once one chunk is missed all later ones are: what is kept has no gaps.
            if kept.missed > 0 || kept.len.saturating_add(len) > self.limit {
                kept.missed = kept.missed.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
            } else {
                kept.len += len;
                kept.chunks.push(chunk);
            }
        });
    }
}

#[derive(Debug, Default)]
struct Kept {
    chunks: Vec<Chunk>,
    len: usize,
    missed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(offset: u64, bytes: &'static [u8]) -> Chunk {
        let direction = Direction::ClientToServer;
        Chunk { connection: 1, direction, offset, at: Duration::ZERO, bytes: Bytes::from_static(bytes) }
    }

    #[test]
    fn a_recording_keeps_up_to_its_limit_and_counts_the_rest() {
        let recording = Recording::new(8);
        recording.record(chunk(0, b"12345"));
        recording.record(chunk(5, b"6789"));
        recording.record(chunk(9, b"0"));
        assert_eq!(recording.chunks(), [chunk(0, b"12345")]);
        assert_eq!(recording.missed(), 5);
    }

    #[test]
    fn clones_share_one_recording() {
        let recording = Recording::new(8);
        recording.clone().record(chunk(0, b"a"));
        assert_eq!(recording.chunks().len(), 1);
    }
}
