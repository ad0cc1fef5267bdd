//! **Server connection preface** -> SETTINGS (RFC 9113, section 3.4)
//!
//! A server that does not begin with SETTINGS speaks another protocol: a wrong socket, a proxy's HTTP/1.1, a TLS alert.
//! h2 would call that a frame of the wrong size or wait for more of it; here its first bytes are shown. The end of the
//! byte stream gets words of its own, too, and every failure names the endpoint.

use std::{fmt::Display, io, mem};

/// What a client expects of the byte stream, and the endpoint to name when it does not come.
pub(super) struct Opening {
    endpoint: String,
    first: Vec<u8>,
    is_proved: bool,
}

impl Opening {
    pub(super) fn new(endpoint: String) -> Self {
        Self { endpoint, first: Vec::new(), is_proved: false }
    }

    /// How many more of the first bytes it wants to see before h2 does; 0 once they have proved to be SETTINGS.
    pub(super) fn wants(&self) -> usize {
        if self.is_proved { 0 } else { SHOWN - self.first.len() }
    }

    /// Takes first bytes, nothing at the end of the byte stream. Gives all of them back once they are a server's.
    ///
    /// # Errors
    /// The byte stream has ended, or does not begin as a server's does.
    pub(super) fn push(&mut self, read: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.first.extend_from_slice(read);
        let is_enough = self.first.len() >= SETTINGS.len();
        if !is_enough && !read.is_empty() {
            return Ok(None);
        }
        if !self.first.iter().zip(SETTINGS).all(|(found, expected)| expected.contains(found)) {
            let shown = self.first.escape_ascii();
            let text = format!("the peer is not HTTP/2, its first bytes are \"{shown}\"");
            return Err(self.named(io::ErrorKind::InvalidData, text));
        }
        if !is_enough {
            return Err(self.closed(" before its SETTINGS"));
        }
        self.is_proved = true;
        Ok(Some(mem::take(&mut self.first)))
    }

    /// The error of a byte stream that has ended later.
    pub(super) fn ended(&self) -> io::Error {
        self.closed("")
    }

    /// The same error with the endpoint in its text.
    pub(super) fn name(&self, error: &io::Error) -> io::Error {
        self.named(error.kind(), error)
    }

    fn closed(&self, when: &str) -> io::Error {
        self.named(io::ErrorKind::UnexpectedEof, format!("the peer closed the connection{when}"))
    }

    fn named(&self, kind: io::ErrorKind, text: impl Display) -> io::Error {
        io::Error::new(kind, format!("{}: {text}", self.endpoint))
    }
}

// A frame head begins with a length, at most 16,384 until SETTINGS say otherwise, and the type: SETTINGS is 4.
const SETTINGS: [std::ops::RangeInclusive<u8>; 4] = [0..=0, 0..=0x40, 0..=0xff, 4..=4];

// Enough to tell a protocol by.
const SHOWN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn push(pieces: &[&[u8]]) -> Result<Vec<u8>, String> {
        let mut opening = Opening::new("unix:a".to_owned());
        for piece in pieces {
            if let Some(first) = opening.push(piece).map_err(|error| error.to_string())? {
                assert_eq!(opening.wants(), 0);
                return Ok(first);
            }
        }
        Ok(Vec::new())
    }

    #[test]
    fn settings_pass_whole_and_byte_by_byte() {
        let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64";
        assert_eq!(push(&[settings]).unwrap(), settings);
        assert_eq!(push(&settings.chunks(1).collect::<Vec<_>>()).unwrap(), settings[..4]);
    }

    #[test]
    fn another_protocol_is_shown_by_its_first_bytes() {
        for pieces in [&[&b"HT"[..], b"TP/1.1 400\r\n"][..], &[b"HTTP/1.1 400\r\n", b""], &[b"no", b""]] {
            let error = push(pieces).unwrap_err();
            assert!(error.contains("unix:a: the peer is not HTTP/2") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn an_end_before_the_settings_says_so() {
        for begun in [&b""[..], b"\0", b"\0\0\0"] {
            let error = push(&[begun, b""]).unwrap_err();
            assert_eq!(error, "unix:a: the peer closed the connection before its SETTINGS");
        }
    }
}
