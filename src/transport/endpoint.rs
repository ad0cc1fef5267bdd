//! **target** = `unix:path` / `unix:///abs/path` / `unix-abstract:name` / `tcp:host:port` / `fd:N` / `activated:name`
//!
//! gRPC's naming.md, and three of our own. In `unix:path` the rest of the text is the path, byte for byte,
//! colons and percents too. `unix:///abs/path` is a URI: its authority is empty, its path is absolute, and
//! only here percent-encoding is decoded (rule 69). `unix-abstract:name` is exactly the bytes after the
//! colon, never decoded. `Display` gives a text that parses to the same endpoint; only a relative path or an
//! abstract name that is not UTF-8 has none and is shown with replacement characters.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[cfg(not(all(feature = "inherited", target_os = "linux")))]
use super::absent::inherited;
#[cfg(not(feature = "tcp"))]
use super::absent::tcp;
#[cfg(not(feature = "unix"))]
use super::absent::unix;
#[cfg(all(feature = "inherited", target_os = "linux"))]
use super::inherited;
#[cfg(feature = "tcp")]
use super::tcp;
#[cfg(feature = "unix")]
use super::unix;
use super::{BoxFuture, Connected, Connector, EndpointError, Listener};

/// Where a server listens and a client connects.
///
/// Every variant exists in every build; opening one whose feature is off is an error that names the feature.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// A socket file, relative or absolute, of at most 107 bytes (feature `unix`).
    Unix(PathBuf),
    /// A name in Linux's abstract namespace, at most 107 bytes of any value (feature `unix`). No file and no
    /// mode guard it: whoever shares the network namespace may connect.
    UnixAbstract(Vec<u8>),
    /// `host:port`, an IPv6 address in brackets (feature `tcp`).
    Tcp(String),
    /// An open descriptor of this process, inherited from its parent: a listening socket or one connection
    /// (feature `inherited`, Linux). The parent chose who is at its other end: nobody is checked.
    Fd(i32),
    /// A socket that systemd or another supervisor has passed (`LISTEN_FDS`): the one of this name (`LISTEN_FDNAMES`), or
    /// without a name the only one (feature `inherited`, Linux). The first listen on one takes all of them and changes the
    /// environment; what that asks of C code in other threads stands at `transport::activated_listeners`.
    Activated(Option<String>),
}

impl Endpoint {
    /// Opens the endpoint as a server; a Unix socket as [`UnixListenOptions`](super::UnixListenOptions) has it by
    /// default. An abstract name, which no mode guards, is refused here: it needs that builder's `admit`.
    ///
    /// # Errors
    /// Of the kernel's kind, with a [`SocketError`](super::SocketError) or an [`EndpointError`] as payload.
    pub async fn listen(&self) -> io::Result<Box<dyn Listener>> {
        match self {
            Endpoint::Unix(path) => unix::listen(checked_path(path, self)?).await,
            Endpoint::UnixAbstract(name) => unix::listen_abstract(checked_name(name, self)?).await,
            Endpoint::Tcp(address) => tcp::listen(address).await,
            Endpoint::Fd(fd) => inherited::listen(*fd).await,
            Endpoint::Activated(name) => inherited::listen_activated(name.as_deref()).await,
        }
    }

    async fn open(&self) -> io::Result<Connected> {
        match self {
            Endpoint::Unix(path) => unix::connect(checked_path(path, self)?).await,
            Endpoint::UnixAbstract(name) => unix::connect_abstract(checked_name(name, self)?).await,
            Endpoint::Tcp(address) => tcp::connect(address).await,
            Endpoint::Fd(fd) => inherited::connect(*fd).await,
            Endpoint::Activated(name) => inherited::connect_activated(name.as_deref()),
        }
    }
}

impl Connector for Endpoint {
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(self.open())
    }

    fn endpoint(&self) -> String {
        self.to_string()
    }

    fn is_local(&self) -> bool {
        matches!(self, Endpoint::Unix(_) | Endpoint::UnixAbstract(_))
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(input: &str) -> Result<Self, EndpointError> {
        let unknown_scheme = || EndpointError::UnknownScheme { input: input.to_owned() };
        let (scheme, rest) = input.split_once(':').ok_or_else(unknown_scheme)?;
        match scheme {
            "unix" => parse_unix(input, rest),
            "unix-abstract" => {
                checked_name(rest.as_bytes(), &input)?;
                Ok(Endpoint::UnixAbstract(rest.as_bytes().to_vec()))
            }
            "tcp" => parse_tcp(input, rest),
            "fd" => parse_fd(input, rest),
            "activated" => parse_activated(input, rest),
            _ => Err(unknown_scheme()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Unix(path) => match path.to_str() {
                Some(text) if !text.starts_with("//") => write!(f, "unix:{text}"),
                // What the plain form cannot say, the URI can.
                _ if path.is_absolute() => write!(f, "unix://{}", percent_encoded(path)),
                _ => write!(f, "unix:{}", path.display()),
            },
            Endpoint::UnixAbstract(name) => write!(f, "unix-abstract:{}", String::from_utf8_lossy(name)),
            Endpoint::Tcp(address) => write!(f, "tcp:{address}"),
            Endpoint::Fd(fd) => write!(f, "fd:{fd}"),
            Endpoint::Activated(name) => write!(f, "activated:{}", name.as_deref().unwrap_or_default()),
        }
    }
}

fn parse_unix(input: &str, rest: &str) -> Result<Endpoint, EndpointError> {
    let path = match rest.strip_prefix("//") {
        Some(uri) => uri_path(input, uri)?,
        None => PathBuf::from(rest),
    };
    checked_path(&path, &input)?;
    Ok(Endpoint::Unix(path))
}

/// The path of `//authority/path`, decoded; the authority must be empty.
fn uri_path(input: &str, uri: &str) -> Result<PathBuf, EndpointError> {
    let authority = uri.split('/').next().unwrap_or_default();
    if !authority.is_empty() {
        return Err(EndpointError::Authority { input: input.to_owned(), authority: authority.to_owned() });
    }
    if let Some(delimiter) = uri.chars().find(|c| matches!(c, '?' | '#')) {
        return Err(EndpointError::Delimiter { input: input.to_owned(), delimiter });
    }
    let decoded = percent_decoded(uri.as_bytes())
        .ok_or_else(|| EndpointError::PercentEncoding { input: input.to_owned() })?;
    Ok(PathBuf::from(OsString::from_vec(decoded)))
}

fn percent_decoded(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    while let Some((&byte, rest)) = text.split_first() {
        text = rest;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (digits, rest) = text.split_at_checked(2)?;
        // from_str_radix would take a sign too.
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        decoded.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
        text = rest;
    }
    Some(decoded)
}

/// Keeps what RFC 3986 calls unreserved, and the slashes.
fn percent_encoded(path: &Path) -> String {
    let mut text = String::new();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn parse_tcp(input: &str, rest: &str) -> Result<Endpoint, EndpointError> {
    let no_host = || EndpointError::Host { input: input.to_owned() };
    let no_port = || EndpointError::Port { input: input.to_owned() };
    if rest.parse::<SocketAddr>().is_ok() {
        return Ok(Endpoint::Tcp(rest.to_owned()));
    }
    if rest.parse::<Ipv6Addr>().is_ok() {
        return Err(no_host());
    }
    let (host, port) = rest.rsplit_once(':').ok_or_else(no_port)?;
    if host.is_empty() || host.contains(|c: char| matches!(c, ':' | '/' | '[' | ']') || c.is_whitespace()) {
        return Err(no_host());
    }
    if !is_number(port) || port.parse::<u16>().is_err() {
        return Err(no_port());
    }
    Ok(Endpoint::Tcp(rest.to_owned()))
}

fn parse_fd(input: &str, rest: &str) -> Result<Endpoint, EndpointError> {
    match rest.parse() {
        Ok(fd) if is_number(rest) => Ok(Endpoint::Fd(fd)),
        _ => Err(EndpointError::Descriptor { input: input.to_owned() }),
    }
}

/// A name as systemd has it (FileDescriptorName=): a colon or a control character would end it.
fn parse_activated(input: &str, name: &str) -> Result<Endpoint, EndpointError> {
    if name.contains(|c: char| c == ':' || c.is_control()) {
        return Err(EndpointError::ActivatedName { input: input.to_owned() });
    }
    Ok(Endpoint::Activated(Some(name).filter(|name| !name.is_empty()).map(str::to_owned)))
}

/// Digits only: Rust's own parser takes a sign too.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Refuses before any syscall what the kernel would cut, or refuse without a reason.
pub(super) fn checked_path<'a>(path: &'a Path, input: &impl fmt::Display) -> Result<&'a Path, EndpointError> {
    let bytes = path.as_os_str().as_bytes();
    let input = || input.to_string();
    match bytes.len() {
        0 => Err(EndpointError::Empty { input: input() }),
        len if len > MAX_PATH_LEN => Err(EndpointError::TooLong { input: input(), len, max: MAX_PATH_LEN }),
        _ if bytes.contains(&0) => Err(EndpointError::Nul { input: input() }),
        // The names made beside it would land in another directory than the one that is checked.
        _ if matches!(last_name(bytes), b"" | b"." | b"..") => {
            Err(EndpointError::Directory { input: input() })
        }
        _ => Ok(path),
    }
}

/// What follows the last slash; `Path` would leave out slashes and dots at the end.
fn last_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

pub(super) fn checked_name<'a>(name: &'a [u8], input: &impl fmt::Display) -> Result<&'a [u8], EndpointError> {
    let input = || input.to_string();
    match name.len() {
        0 => Err(EndpointError::Empty { input: input() }),
        len if len > MAX_NAME_LEN => Err(EndpointError::TooLong { input: input(), len, max: MAX_NAME_LEN }),
        _ => Ok(name),
    }
}

/// `sun_path` without the NUL that ends a path. Linux takes a path without it, but not every peer copes
/// (rule 70).
pub(super) const MAX_PATH_LEN: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// `sun_path` without the NUL that begins an abstract name.
const MAX_NAME_LEN: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_every_form_and_displays_it_again() {
        let unix = |path: &str| Endpoint::Unix(path.into());
        let table = [
            ("unix:/run/a.sock", unix("/run/a.sock")),
            ("unix:a.sock", unix("a.sock")),
            ("unix:../a.sock", unix("../a.sock")),
            ("unix:/run/...", unix("/run/...")),
            ("unix:a:b:c", unix("a:b:c")),
            ("unix:/run/100%", unix("/run/100%")),
            ("unix:/run/a%20b?c#d", unix("/run/a%20b?c#d")),
            ("unix:/run/\u{e4}.sock", unix("/run/\u{e4}.sock")),
            ("unix-abstract:name", Endpoint::UnixAbstract(b"name".to_vec())),
            ("unix-abstract:a:b%00\0", Endpoint::UnixAbstract(b"a:b%00\0".to_vec())),
            ("tcp:localhost:50051", Endpoint::Tcp("localhost:50051".into())),
            ("tcp:127.0.0.1:0", Endpoint::Tcp("127.0.0.1:0".into())),
            ("tcp:[::1]:65535", Endpoint::Tcp("[::1]:65535".into())),
            ("fd:0", Endpoint::Fd(0)),
            ("fd:2147483647", Endpoint::Fd(i32::MAX)),
            ("activated:", Endpoint::Activated(None)),
            ("activated:echo.socket", Endpoint::Activated(Some("echo.socket".into()))),
        ];
        for (text, endpoint) in table {
            assert_eq!(text.parse(), Ok(endpoint.clone()), "{text}");
            assert_eq!(endpoint.to_string(), text);
        }
    }

    #[test]
    fn decodes_percents_only_after_two_slashes() {
        // rule 69
        let table: [(&str, &[u8]); 5] = [
            ("unix:///run/a.sock", b"/run/a.sock"),
            ("unix:///run/a%20b%3f%c3%A4", b"/run/a b?\xc3\xa4"),
            ("unix:///run/%ff", b"/run/\xff"),
            ("unix:////run", b"//run"),
            ("unix:///a:b", b"/a:b"),
        ];
        for (text, path) in table {
            let path = PathBuf::from(OsString::from_vec(path.to_vec()));
            assert_eq!(text.parse(), Ok(Endpoint::Unix(path)), "{text}");
        }
    }

    #[test]
    fn displays_as_a_uri_what_the_plain_form_cannot_say() {
        let table: [(&[u8], &str); 2] =
            [(b"//run/a b", "unix:////run/a%20b"), (b"/run/\xff?.sock", "unix:///run/%FF%3F.sock")];
        for (path, text) in table {
            let endpoint = Endpoint::Unix(OsString::from_vec(path.to_vec()).into());
            assert_eq!(endpoint.to_string(), text);
            assert_eq!(text.parse(), Ok(endpoint));
        }
    }

    #[test]
    fn refuses_what_is_no_endpoint_and_names_the_way_out() {
        // rule 69 for the authority
        let table = [
            ("", "write unix:PATH"),
            ("/run/a.sock", "write \"unix:/run/a.sock\""),
            ("./a", "write \"unix:./a\""),
            ("a.sock", "write \"unix:a.sock\""),
            ("/a\nb", "write \"unix:/a\\nb\""),
            ("localhost:50051", "write \"tcp:localhost:50051\""),
            ("127.0.0.1:0", "write \"tcp:127.0.0.1:0\""),
            ("[::1]:1", "write \"tcp:[::1]:1\""),
            ("vsock:1", "write unix:PATH"),
            ("http://localhost:1", "write unix:PATH"),
            ("unix:", "names nothing"),
            ("unix://", "names nothing"),
            ("unix-abstract:", "names nothing"),
            ("unix://host/run/a.sock", "names the host \"host\""),
            ("unix://run%2Fa.sock", "names the host"),
            ("unix:///run/a?b", "write %3F"),
            ("unix:///run/a#b", "write %23"),
            ("unix:///run/100%", "write %25"),
            ("unix:///run/%+1", "write %25"),
            ("unix:///run/%e\u{e4}", "write %25"),
            ("unix:///run/%00", "NUL"),
            ("unix:a\0b", "NUL"),
            ("unix:/", "name the socket's file"),
            ("unix:.", "name the socket's file"),
            ("unix:..", "name the socket's file"),
            ("unix:/run/a.sock/", "name the socket's file"),
            ("unix:/run/..", "name the socket's file"),
            ("unix:///run/%2E", "name the socket's file"),
            ("tcp:localhost", "no port"),
            ("tcp:localhost:", "no port"),
            ("tcp:localhost:+80", "no port"),
            ("tcp:localhost:65536", "no port"),
            ("tcp::50051", "no host"),
            ("tcp:::1", "no host"),
            ("tcp:::1:50051", "no host"),
            ("tcp://localhost:50051", "no host"),
            ("tcp:[::1", "no host"),
            ("fd:", "fd:3"),
            ("fd:-1", "fd:3"),
            ("fd:+3", "fd:3"),
            ("fd:stdin", "fd:3"),
            ("fd:2147483648", "fd:3"),
            ("activated:a:b", "activated:NAME"),
            ("unix://a\nb/c", "names the host"),
        ];
        for (text, way_out) in table {
            let error = text.parse::<Endpoint>().expect_err(text).to_string();
            assert!(error.contains(way_out), "{error}");
            assert!(error.contains(&format!("{text:?}")), "names its input: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn a_listen_can_be_spawned() {
        fn assert_send(_: impl Send) {}
        assert_send(Endpoint::Fd(0).listen());
    }

    #[test]
    fn takes_107_bytes_and_refuses_108_with_both_numbers() {
        // rule 70
        for scheme in ["unix:", "unix:///", "unix-abstract:"] {
            let slash = usize::from(scheme.ends_with('/'));
            let longest = format!("{scheme}{}", "a".repeat(107 - slash));
            assert!(longest.parse::<Endpoint>().is_ok(), "{longest}");
            let error = format!("{longest}a").parse::<Endpoint>().unwrap_err();
            assert!(error.to_string().contains("takes 108 bytes, but a socket address holds 107"), "{error}");
            assert_eq!(error.to_string().contains("relative to"), scheme != "unix-abstract:", "{error}");
        }
    }
}
