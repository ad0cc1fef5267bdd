//! **Request-Headers** -> Call-Definition *Custom-Metadata
//!
//! Writing keeps the order of the spec: `te`, `grpc-timeout`, `content-type`, the encodings, the user agent, then
//! metadata (rule 2); h2 puts the pseudo-header fields before them. Reading takes the block apart or says how to refuse it.
//! A missing `te` is no reason to refuse (rule 4). Whether path, subtype and encoding can be served is not known here.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TE, USER_AGENT};
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{Method, Request, Uri, Version};

use crate::wire::headers::{CallFields, GRPC_TIMEOUT, insert_encodings};
use crate::wire::{ContentType, Encoding, EncodingSet, Metadata, Refusal, Timeout, WireError};

/// The header block that opens a call.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestHeaders {
    /// `:scheme`; `http` on a socket without TLS.
    pub scheme: Scheme,
    /// `:authority`, or `host` in its stead; a client must send one, a server accepts none (rule 15).
    pub authority: Option<Authority>,
    /// `:path`, which is `/` Service-Name `/` Method-Name.
    pub path: PathAndQuery,
    /// `grpc-timeout`: how long the caller will wait.
    pub timeout: Option<Timeout>,
    /// `content-type`: the format of the messages.
    pub content_type: ContentType,
    /// `grpc-encoding`: the compression of the request's messages.
    pub encoding: Encoding,
    /// `grpc-accept-encoding`: the compressions that the caller reads.
    pub accept_encoding: EncodingSet,
    /// `user-agent`.
    pub user_agent: Option<HeaderValue>,
    /// What the application adds.
    pub metadata: Metadata,
}

impl RequestHeaders {
    /// A call over `http` with protobuf messages, no deadline, no compression and no metadata.
    pub fn new(authority: Authority, path: PathAndQuery) -> Self {
        RequestHeaders {
            scheme: Scheme::HTTP,
            authority: Some(authority),
            path,
            timeout: None,
            content_type: ContentType::GRPC,
            encoding: Encoding::Identity,
            accept_encoding: EncodingSet::EMPTY,
            user_agent: None,
            metadata: Metadata::new(),
        }
    }

    /// Writes the block.
    pub fn to_http(self) -> Request<()> {
        let mut headers = HeaderMap::with_capacity(FIELDS + self.metadata.len());
        headers.insert(TE, HeaderValue::from_static("trailers"));
        if let Some(timeout) = self.timeout {
            headers.insert(GRPC_TIMEOUT, timeout.to_header_value());
        }
        headers.insert(CONTENT_TYPE, self.content_type.to_header_value());
        insert_encodings(&mut headers, self.encoding, self.accept_encoding);
        if let Some(user_agent) = self.user_agent {
            headers.insert(USER_AGENT, user_agent);
        }
        self.metadata.append_to(&mut headers);

        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = uri(self.scheme, self.authority, self.path);
        *request.headers_mut() = headers;
        request
    }

    /// Reads a received block.
    ///
    /// # Errors
    /// A [`Refusal`]: HTTP 405 for another method than POST, HTTP 415 for what is not gRPC, 400 with INTERNAL for a block
    /// that breaks the grammar, UNIMPLEMENTED for an encoding of an unknown name.
    pub fn from_http(request: Request<()>) -> Result<Self, Refusal> {
        let (parts, ()) = request.into_parts();
        if parts.method != Method::POST {
            return Err(Refusal::method_not_allowed());
        }
        let fields = CallFields::read(&parts.headers);
        let content_type = fields
            .content_type
            .and_then(|value| ContentType::parse(value.as_bytes()))
            .ok_or_else(Refusal::unsupported_media_type)?;
        if let Some(name) = fields.of_connection {
            return Err(WireError::ConnectionField { name: name.as_str().to_owned() }.into());
        }
        if fields.hosts > 1 {
            return Err(WireError::SeveralHosts.into());
        }
        let timeout = fields.timeout.map(|value| Timeout::parse(value.as_bytes())).transpose()?;
        let encoding = fields.message_encoding().map_err(|name| Refusal::UnknownEncoding { name })?;

        let uri = parts.uri.into_parts();
        // A host that is no authority, such as the path of a socket, is as good as none.
        let host = || Authority::try_from(fields.host?.as_bytes()).ok();
        Ok(RequestHeaders {
            scheme: uri.scheme.unwrap_or(Scheme::HTTP),
            authority: uri.authority.or_else(host),
            path: uri.path_and_query.unwrap_or(PathAndQuery::from_static("/")),
            timeout,
            content_type,
            encoding,
            accept_encoding: fields.accept_encoding,
            user_agent: fields.user_agent.cloned(),
            metadata: Metadata::from_http(parts.headers)?,
        })
    }
}

/// A URI has a scheme and an authority or neither.
fn uri(scheme: Scheme, authority: Option<Authority>, path: PathAndQuery) -> Uri {
    let mut parts = Parts::default();
    parts.scheme = authority.is_some().then_some(scheme);
    parts.authority = authority;
    parts.path_and_query = Some(path);
    // Those are the only combinations that a URI refuses.
    Uri::from_parts(parts).unwrap_or_default()
}

/// The most fields that a block has beside metadata.
const FIELDS: usize = 6;
