//! A request: its message, its metadata, and what is known of the call.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    call::{CallOptions, Deadline},
    http2::Meters,
    transport::Peer,
    wire::{Encoding, Metadata, RequestHeaders},
};

/// What a client asks, or a handler is asked.
///
/// For streams the message is the half that sends or receives them: a client starts one with `Request::new(())`.
#[derive(Debug)]
pub struct Request<T> {
    message: T,
    metadata: Metadata,
    options: CallOptions,
    received: Option<Box<Received>>,
}

/// What a server knows of a call beside its message and metadata.
#[derive(Debug)]
struct Received {
    path: http::uri::PathAndQuery,
    authority: Option<http::uri::Authority>,
    raw_authority: Option<RawAuthority>,
    user_agent: Option<http::HeaderValue>,
    peer: Arc<Peer>,
    meters: Arc<Meters>,
    deadline: Option<Deadline>,
    encoding: Encoding,
    is_compressed: bool,
}

/// An `:authority` that is no URI authority.
#[derive(Debug)]
struct RawAuthority {
    octets: Bytes,
    text: String,
}

impl<T> Request<T> {
    /// A request without metadata and options.
    pub fn new(message: T) -> Self {
        Self { message, metadata: Metadata::new(), options: CallOptions::new(), received: None }
    }

    /// The message.
    pub fn message(&self) -> &T {
        &self.message
    }

    /// The message, to change it.
    pub fn message_mut(&mut self) -> &mut T {
        &mut self.message
    }

    /// The message alone.
    pub fn into_message(self) -> T {
        self.message
    }

    /// Custom-Metadata of Request-Headers.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Custom-Metadata, to add to it before the call.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// Gives the call up this long after it is made.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Takes over these options.
    pub fn with_options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// Makes this call part of the one that a handler serves: it is given up when that one's deadline passes. Its
    /// cancellation follows by itself, because a handler that is dropped drops its calls.
    pub fn with_parent<P>(mut self, parent: &Request<P>) -> Self {
        self.options.deadline = Deadline::earlier(self.options.deadline, parent.deadline());
        self
    }

    /// Puts another message in place of this one.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Request<U> {
        Request {
            message: map(self.message),
            metadata: self.metadata,
            options: self.options,
            received: self.received,
        }
    }

    /// On a server, when the client gives the call up.
    pub fn deadline(&self) -> Option<Deadline> {
        self.received.as_ref().and_then(|received| received.deadline)
    }

    /// On a server, who calls.
    pub fn peer(&self) -> Option<&Peer> {
        self.received.as_ref().map(|received| &*received.peer)
    }

    /// On a server, what has passed over the connection of the call.
    pub fn meters(&self) -> Option<&Arc<Meters>> {
        self.received.as_ref().map(|received| &received.meters)
    }

    /// On a server, `:authority` (or `host`) as received; a client on a Unix socket may send the socket's path, raw or
    /// percent-encoded, or nothing. Octets that are no UTF-8 are replaced.
    pub fn authority(&self) -> Option<&str> {
        let received = self.received.as_ref()?;
        match &received.raw_authority {
            Some(raw) => Some(&raw.text),
            None => received.authority.as_ref().map(|authority| authority.as_str()),
        }
    }

    /// On a server, `:authority` (or `host`) as received, octet for octet.
    pub fn authority_bytes(&self) -> Option<&[u8]> {
        let received = self.received.as_ref()?;
        match &received.raw_authority {
            Some(raw) => Some(&raw.octets),
            None => received.authority.as_ref().map(|authority| authority.as_str().as_bytes()),
        }
    }

    /// On a server, `:path`: "/" Service "/" Method.
    pub fn path(&self) -> Option<&str> {
        self.received.as_ref().map(|received| received.path.as_str())
    }

    /// On a server, the client's `user-agent`.
    pub fn user_agent(&self) -> Option<&str> {
        self.received
            .as_ref()
            .and_then(|received| received.user_agent.as_ref())
            .and_then(|agent| agent.to_str().ok())
    }

    /// On a server, Message-Encoding of the request: an answer in the same one is sure to be understood. `Identity` on a
    /// client.
    pub fn encoding(&self) -> Encoding {
        self.received.as_ref().map(|received| received.encoding).unwrap_or_default()
    }

    /// On a server, whether the one message of the request came with its Compressed-Flag set.
    pub fn is_compressed(&self) -> bool {
        self.received.as_ref().is_some_and(|received| received.is_compressed)
    }

    pub(crate) fn set_compressed(&mut self, is_compressed: bool) {
        if let Some(received) = &mut self.received {
            received.is_compressed = is_compressed;
        }
    }

    pub(crate) fn into_parts(self) -> (T, Metadata, CallOptions) {
        (self.message, self.metadata, self.options)
    }
}

#[cfg(feature = "server")]
impl Request<()> {
    /// The request that these headers begin.
    pub(crate) fn received(
        headers: RequestHeaders,
        peer: Arc<Peer>,
        meters: Arc<Meters>,
        deadline: Option<Deadline>,
    ) -> Self {
        let raw_authority = headers
            .raw_authority
            .map(|octets| RawAuthority { text: String::from_utf8_lossy(&octets).into_owned(), octets });
        let received = Received {
            path: headers.path,
            authority: headers.authority,
            raw_authority,
            user_agent: headers.user_agent,
            peer,
            meters,
            deadline,
            encoding: headers.encoding,
            is_compressed: false,
        };
        Self {
            message: (),
            metadata: headers.metadata,
            options: CallOptions::new(),
            received: Some(Box::new(received)),
        }
    }
}

impl<T> From<T> for Request<T> {
    fn from(message: T) -> Self {
        Self::new(message)
    }
}
