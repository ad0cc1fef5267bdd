//! What a direction that is not HTTP/2 looks like, told by its first bytes.
//!
//! HTTP/2 opens with the connection preface (RFC 9113, section 3.4): 24 fixed bytes from the client, a SETTINGS frame from
//! the server. A ttrpc peer beside a gRPC one, an HTTP/1.1 answer or a TLS record where plain text was expected are the
//! mistakes seen in practice; the rest is shown as its first bytes.

use std::fmt;

use bytes::Bytes;

use super::record::Direction;
use crate::frame::PREFACE;

/// What a direction's first bytes are, when they are not HTTP/2. Displayed as one clear sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Garbage {
    /// A TLS record: this end speaks plain text, the other one TLS.
    Tls,
    /// An HTTP/1 request line.
    Http1Request,
    /// An HTTP/1 status line.
    Http1Response,
    /// A ttrpc message: containerd's protocol, often met on sockets beside gRPC ones.
    Ttrpc,
    /// Anything else; at most the first 16 bytes.
    Other(Bytes),
}

impl fmt::Display for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is not HTTP/2: ")?;
        match self {
            Garbage::Tls => f.write_str("a TLS record, so this end speaks TLS and the other plain text"),
            Garbage::Http1Request => f.write_str("an HTTP/1 request, so the client does not speak gRPC"),
            Garbage::Http1Response => {
                f.write_str("an HTTP/1 answer, so the server does not speak HTTP/2 here")
            }
            Garbage::Ttrpc => f.write_str("a ttrpc message, which is another protocol than gRPC"),
            Garbage::Other(first) if first.is_empty() => f.write_str("closed before the first byte"),
            Garbage::Other(first) => {
                f.write_str("it begins with")?;
                first.iter().try_for_each(|byte| write!(f, " {byte:02x}"))?;
                write!(f, " ({:?})", String::from_utf8_lossy(first))
            }
        }
    }
}

/// What the first bytes of a direction say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Too few bytes to tell.
    Unsettled,
    /// HTTP/2; the client's preface is complete.
    Http2,
    /// Not HTTP/2.
    Garbage(Garbage),
}

/// Judges the first bytes of a direction.
pub(super) fn judge(direction: Direction, first: &[u8]) -> Opening {
    match direction {
        Direction::ClientToServer if first.starts_with(PREFACE) => Opening::Http2,
        Direction::ClientToServer if PREFACE.starts_with(first) => Opening::Unsettled,
        Direction::ServerToClient if opens_as_server(first) => Opening::Http2,
        _ => name(first).map_or(Opening::Unsettled, Opening::Garbage),
    }
}

/// What these bytes are when no more will come.
pub(super) fn judge_ended(first: &[u8]) -> Garbage {
    name(first).unwrap_or_else(|| Garbage::Other(Bytes::copy_from_slice(first)))
}

/// SETTINGS on stream 0, or the GOAWAY of a server that refuses a connection at once, of a size that may come first.
fn opens_as_server(first: &[u8]) -> bool {
    matches!(first, [0, 0..=0x40, _, 4 | 7, _, 0, 0, 0, 0, ..])
}

fn name(first: &[u8]) -> Option<Garbage> {
    match first {
        [0x14..=0x17, 3, 0..=4, ..] => Some(Garbage::Tls),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', ..] => Some(Garbage::Http1Response),
        // ttrpc: length and stream id of 4 bytes each, then the type: request, response or data.
        [0, _, _, _, 0, _, _, _, 1..=3, _, ..] => Some(Garbage::Ttrpc),
        [b'A'..=b'Z', ..] if is_request_line(first) => Some(Garbage::Http1Request),
        _ => first.get(..16).map(|start| Garbage::Other(Bytes::copy_from_slice(start))),
    }
}

fn is_request_line(first: &[u8]) -> bool {
    let mut words = first.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    method.iter().all(u8::is_ascii_uppercase) && matches!(target.first(), Some(b'/' | b'*' | b'h'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_not_http2() {
        let table: [(Direction, &[u8], Garbage); 6] = [
            (Direction::ServerToClient, b"HTTP/1.1 400 Bad Request\r\n", Garbage::Http1Response),
            (Direction::ServerToClient, &[0x15, 3, 1, 0, 2, 2, 0x46], Garbage::Tls),
            (Direction::ClientToServer, &[0x16, 3, 1, 2, 0, 1], Garbage::Tls),
            (Direction::ClientToServer, b"POST /a.B/C HTTP/1.1\r\n", Garbage::Http1Request),
            (Direction::ClientToServer, &[0, 0, 0, 42, 0, 0, 0, 1, 1, 0, 10], Garbage::Ttrpc),
            // A response of 4 bytes: read as a frame head it would be SETTINGS, but on stream 258.
            (Direction::ServerToClient, &[0, 0, 0, 4, 0, 0, 0, 1, 2, 0, 10], Garbage::Ttrpc),
        ];
        for (direction, first, expected) in table {
            assert_eq!(judge(direction, first), Opening::Garbage(expected), "{first:?}");
        }
    }

    #[test]
    fn waits_until_the_bytes_tell() {
        for cut in 0..PREFACE.len() {
            assert_eq!(judge(Direction::ClientToServer, &PREFACE[..cut]), Opening::Unsettled);
        }
        assert_eq!(judge(Direction::ServerToClient, b"HTTP"), Opening::Unsettled);
        assert_eq!(judge(Direction::ServerToClient, &[0, 0, 6, 4, 0, 0, 0, 0]), Opening::Unsettled);
    }

    #[test]
    fn knows_both_prefaces() {
        assert_eq!(judge(Direction::ClientToServer, PREFACE), Opening::Http2);
        for kind in [4, 7] {
            assert_eq!(judge(Direction::ServerToClient, &[0, 0, 6, kind, 0, 0, 0, 0, 0]), Opening::Http2);
        }
    }

    #[test]
    fn unknown_bytes_are_shown() {
        let sentence = judge_ended(b"\x01hello").to_string();
        assert_eq!(sentence, "this is not HTTP/2: it begins with 01 68 65 6c 6c 6f (\"\\u{1}hello\")");
    }
}
