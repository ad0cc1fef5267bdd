//! **What goes wrong before the first byte**: a target that does not parse, a socket that does not open.
//!
//! [`EndpointError`] is the grammar's: one variant per broken rule. [`SocketError`] is the payload of an
//! `io::Error` whose kind is the kernel's. Both are one line: the input, the reason, the way out.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write};
use std::io;

/// A text that is no endpoint, or an endpoint that no socket address can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// The text starts with no scheme of ours.
    UnknownScheme {
        /// The text.
        input: String,
    },
    /// Nothing follows the scheme.
    Empty {
        /// The text.
        input: String,
    },
    /// `unix://host/path` names a host, which a socket file has not (naming.md; rule 69).
    Authority {
        /// The text.
        input: String,
        /// What stands where the host would.
        authority: String,
    },
    /// `?` or `#` in the `//` form would begin a query or a fragment (RFC 3986, 3.4 and 3.5).
    Delimiter {
        /// The text.
        input: String,
        /// The character.
        delimiter: char,
    },
    /// A `%` in the `//` form is not followed by two hexadecimal digits (RFC 3986, 2.1).
    PercentEncoding {
        /// The text.
        input: String,
    },
    /// A path holds a NUL byte, which would end it.
    Nul {
        /// The text.
        input: String,
    },
    /// A path ends in a slash, in `.` or in `..`: it names a directory, and no file in one.
    Directory {
        /// The text.
        input: String,
    },
    /// A path or an abstract name does not fit into `sun_path` (rule 70).
    TooLong {
        /// The text.
        input: String,
        /// Its bytes.
        len: usize,
        /// The bytes that fit.
        max: usize,
    },
    /// The host of a TCP endpoint is missing, or an IPv6 address without its brackets.
    Host {
        /// The text.
        input: String,
    },
    /// The port of a TCP endpoint is missing or no number up to 65535.
    Port {
        /// The text.
        input: String,
    },
    /// `fd:` is not followed by a descriptor's number.
    Descriptor {
        /// The text.
        input: String,
    },
    /// `activated:` is followed by what no socket's name can hold.
    ActivatedName {
        /// The text.
        input: String,
    },
}

impl EndpointError {
    /// The input, the rule it breaks, the way out.
    fn words(&self) -> (&str, Cow<'static, str>, Cow<'static, str>) {
        match self {
            Self::UnknownScheme { input } => match scheme_left_out(input) {
                Some(scheme) => {
                    (input, "has no scheme".into(), format!("write {:?}", format!("{scheme}:{input}")).into())
                }
                None => (
                    input,
                    "has no known scheme".into(),
                    "write unix:PATH, unix-abstract:NAME, tcp:HOST:PORT, fd:N or activated:NAME".into(),
                ),
            },
            Self::Empty { input } => {
                (input, "names nothing after its scheme".into(), "write a path or a name there".into())
            }
            Self::Authority { input, authority } => (
                input,
                format!("names the host {authority:?}, which a socket file has not").into(),
                "write unix:PATH or unix:///ABSOLUTE/PATH".into(),
            ),
            Self::Delimiter { input, delimiter } => (
                input,
                format!("holds {delimiter:?}, which ends the path of a URI").into(),
                format!("write %{:02X}, or the form unix:PATH", u32::from(*delimiter)).into(),
            ),
            Self::PercentEncoding { input } => (
                input,
                "holds a % without two hexadecimal digits".into(),
                "write %25, or the form unix:PATH, in which a % is itself".into(),
            ),
            Self::Nul { input } => {
                (input, "holds a NUL byte, which would end the path".into(), "leave it out".into())
            }
            Self::Directory { input } => (
                input,
                "ends as a directory does, not in a file's name".into(),
                "name the socket's file".into(),
            ),
            Self::TooLong { input, len, max } => (
                input,
                format!("takes {len} bytes, but a socket address holds {max}").into(),
                match input.starts_with("unix-abstract:") {
                    true => "choose a shorter name".into(),
                    false => "choose a shorter one, or a path relative to the working directory".into(),
                },
            ),
            Self::Host { input } => (
                input,
                "has no host".into(),
                "write tcp:HOST:PORT, tcp:0.0.0.0:PORT or tcp:[IPV6]:PORT".into(),
            ),
            Self::Port { input } => {
                (input, "has no port from 0 to 65535".into(), "write tcp:HOST:PORT".into())
            }
            Self::Descriptor { input } => {
                (input, "names no file descriptor".into(), "write fd:3 for descriptor 3".into())
            }
            Self::ActivatedName { input } => (
                input,
                "holds a colon or a control character, which no name in LISTEN_FDNAMES can".into(),
                "write activated:NAME, or activated: for the only socket".into(),
            ),
        }
    }
}

/// What a text without a scheme most likely is: a path, or a host and a port.
fn scheme_left_out(input: &str) -> Option<&'static str> {
    if input.contains("://") {
        return None;
    }
    if input.starts_with(['/', '.']) || input.ends_with(".sock") {
        return Some("unix");
    }
    let (host, port) = input.rsplit_once(':')?;
    let is_host = host == "localhost" || host.contains('.') || host.starts_with('[');
    (is_host && port.parse::<u16>().is_ok()).then_some("tcp")
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (input, rule, way_out) = self.words();
        // `{:?}` keeps the line one line, whatever the input holds.
        write!(f, "endpoint {input:?} {rule}; {way_out}")
    }
}

impl Error for EndpointError {}

impl From<EndpointError> for io::Error {
    fn from(error: EndpointError) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

/// Why a socket did not open: the payload of an `io::Error` of a `connect` or a `listen`.
#[derive(Debug)]
pub struct SocketError {
    action: &'static str,
    endpoint: String,
    explanation: Explanation,
    cause: io::Error,
}

impl SocketError {
    /// The endpoint that did not open.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The kernel's number, where the kernel was asked.
    pub fn raw_os_error(&self) -> Option<i32> {
        self.cause.raw_os_error()
    }
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation { errno, reason, way_out } = &self.explanation;
        let errno = errno.map(|errno| format!(" ({errno})")).unwrap_or_default();
        let line = format!("cannot {} {}: {reason}{errno}; {way_out}", self.action, self.endpoint);
        // A path may hold a line feed or a terminal's escape; the line stays one and harmless.
        for c in line.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

impl Error for SocketError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// A failure in words: the symbol of its errno, the reason, the way out.
#[derive(Debug)]
pub(super) struct Explanation {
    errno: Option<&'static str>,
    reason: Cow<'static, str>,
    way_out: Cow<'static, str>,
}

impl Explanation {
    pub(super) fn new(
        reason: impl Into<Cow<'static, str>>,
        way_out: impl Into<Cow<'static, str>>,
    ) -> Explanation {
        Explanation { errno: None, reason: reason.into(), way_out: way_out.into() }
    }

    /// Names the kernel's answer.
    #[cfg(any(feature = "unix", feature = "tcp"))]
    pub(super) fn errno(self, errno: &'static str) -> Explanation {
        Explanation { errno: Some(errno), ..self }
    }

    /// The error of a `connect`, of the kind of its cause.
    pub(super) fn of_connect(self, endpoint: impl Into<String>, cause: io::Error) -> io::Error {
        self.of("connect to", endpoint.into(), cause)
    }

    /// The error of a `listen`, of the kind of its cause.
    pub(super) fn of_listen(self, endpoint: impl Into<String>, cause: io::Error) -> io::Error {
        self.of("listen on", endpoint.into(), cause)
    }

    fn of(self, action: &'static str, endpoint: String, cause: io::Error) -> io::Error {
        let kind = cause.kind();
        io::Error::new(kind, SocketError { action, endpoint, explanation: self, cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_error_is_one_line_and_keeps_the_kind_and_the_cause() {
        let cause = io::Error::from_raw_os_error(13);
        let error =
            Explanation::new("the mode forbids it", "run as its owner").of_connect("unix:a\n\x1b[7m", cause);
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(
            error.to_string(),
            r"cannot connect to unix:a\n\u{1b}[7m: the mode forbids it; run as its owner"
        );
        let payload = error.get_ref().and_then(|payload| payload.downcast_ref::<SocketError>()).unwrap();
        assert_eq!((payload.raw_os_error(), payload.endpoint()), (Some(13), "unix:a\n\x1b[7m"));
    }
}
