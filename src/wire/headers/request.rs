//! **Request-Headers** -> Call-Definition *Custom-Metadata
//!
//! Writing keeps the order of the spec: `te`, `grpc-timeout`, `content-type`, the encodings, the user agent, then
//! metadata (rule 2); h2 puts the pseudo-header fields before them. Reading takes the block apart or says how to refuse it.
//! A missing `te` is no reason to refuse (rule 4). Whether path, subtype and encoding can be served is not known here.

use std::borrow::Cow;

use bytes::Bytes;
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
    /// `:authority` as it was received, where it is no URI authority: the path of a socket, raw or percent-encoded, or
    /// nothing. Then `authority` is `None`. A client cannot send it.
    pub raw_authority: Option<Bytes>,
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
            raw_authority: None,
            path,
            timeout: None,
            content_type: ContentType::GRPC,
            encoding: Encoding::Identity,
            accept_encoding: EncodingSet::EMPTY,
            user_agent: None,
            metadata: Metadata::new(),
        }
    }

    /// Tells what came as `:authority` when the [`http::Request`] could not hold it; `host` does not count then.
    #[must_use]
    pub fn with_raw_authority(self, raw: Bytes) -> Self {
        Self { authority: None, raw_authority: Some(raw), ..self }
    }

    /// `:authority` for a reader: as it was received, but for octets that are no UTF-8.
    pub fn authority_text(&self) -> Option<Cow<'_, str>> {
        match (&self.authority, &self.raw_authority) {
            (Some(authority), _) => Some(Cow::Borrowed(authority.as_str())),
            (None, raw) => raw.as_deref().map(String::from_utf8_lossy),
        }
    }

    /// Writes the block, without a raw authority.
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
            raw_authority: None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Code;
    use http::StatusCode;
    use std::time::Duration;

    fn call() -> RequestHeaders {
        RequestHeaders::new(Authority::from_static("localhost"), PathAndQuery::from_static("/pkg.Echo/Say"))
    }

    fn received(fields: &[(&'static str, &'static str)]) -> Request<()> {
        let mut request = Request::post("http://localhost/pkg.Echo/Say").body(()).unwrap();
        for (name, value) in fields {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request
    }

    fn grpc(fields: &[(&'static str, &'static str)]) -> Result<RequestHeaders, Refusal> {
        RequestHeaders::from_http(received(&[&[("content-type", "application/grpc")], fields].concat()))
    }

    fn status(refused: Result<RequestHeaders, Refusal>) -> (u16, Code) {
        match refused {
            Err(Refusal::Grpc { http, status }) => (http.as_u16(), status.code()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rule_2_fields_stand_in_the_order_of_the_spec() {
        let mut headers = call();
        headers.timeout = Some(Timeout::from_duration(Duration::from_secs(1)));
        headers.encoding = Encoding::Gzip;
        headers.accept_encoding = EncodingSet::EMPTY.with(Encoding::Identity).with(Encoding::Gzip);
        headers.user_agent = Some(HeaderValue::from_static("grpc-rust-wirepath/0.1.0"));
        headers.metadata.append("k", "1").unwrap();
        headers.metadata.append("k", "2").unwrap();
        headers.metadata.append_bin("b-bin", &[1]).unwrap();
        let request = headers.clone().to_http();
        let fields: Vec<_> =
            request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let expected = [
            ("te", "trailers"),
            ("grpc-timeout", "1000000u"),
            ("content-type", "application/grpc"),
            ("grpc-encoding", "gzip"),
            ("grpc-accept-encoding", "identity,gzip"),
            ("user-agent", "grpc-rust-wirepath/0.1.0"),
            ("k", "1"),
            ("k", "2"),
            ("b-bin", "AQ"),
        ];
        assert_eq!(fields, expected);
        assert_eq!(RequestHeaders::from_http(request), Ok(headers));
    }

    #[test]
    fn rule_1_and_16_a_call_is_a_post_over_http() {
        let request = call().to_http();
        assert_eq!((request.method(), request.version()), (&Method::POST, Version::HTTP_2));
        assert_eq!(*request.uri(), "http://localhost/pkg.Echo/Say");
        assert_eq!(request.headers().len(), 2);
        assert_eq!(RequestHeaders::from_http(request), Ok(call()));
    }

    #[test]
    fn rule_1_refuses_other_methods() {
        for method in [Method::GET, Method::PUT, Method::OPTIONS, Method::CONNECT] {
            let mut request = call().to_http();
            *request.method_mut() = method;
            let Err(Refusal::Http { status, .. }) = RequestHeaders::from_http(request) else { panic!() };
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        }
    }

    #[test]
    fn rule_3_the_path_is_kept_byte_for_byte() {
        let mut request = call().to_http();
        *request.uri_mut() = Uri::from_static("http://localhost/Pkg.echo/say%20x?q=1");
        assert_eq!(RequestHeaders::from_http(request).unwrap().path.as_str(), "/Pkg.echo/say%20x?q=1");
    }

    #[test]
    fn rule_4_te_may_be_absent() {
        assert!(grpc(&[]).is_ok());
        assert!(grpc(&[("te", "trailers")]).is_ok());
    }

    #[test]
    fn rule_5_refuses_what_is_not_grpc_with_415() {
        for content_type in ["application/grpc-web", "application/grpcweb", "application/json", ""] {
            let refused = RequestHeaders::from_http(received(&[("content-type", content_type)]));
            assert_eq!(refused, Err(Refusal::unsupported_media_type()), "{content_type}");
        }
        assert_eq!(RequestHeaders::from_http(received(&[])), Err(Refusal::unsupported_media_type()));
    }

    #[test]
    fn rule_5_keeps_an_unknown_subtype() {
        let read =
            RequestHeaders::from_http(received(&[("content-type", "application/grpc+thrift")])).unwrap();
        assert_eq!(read.content_type.subtype(), "thrift");
    }

    #[test]
    fn rule_6_a_malformed_timeout_is_400_internal() {
        assert_eq!(grpc(&[("grpc-timeout", "0n")]).unwrap().timeout.unwrap().duration(), Duration::ZERO);
        for timeout in ["123456789n", "n", "5s", ""] {
            assert_eq!(status(grpc(&[("grpc-timeout", timeout)])), (400, Code::Internal), "{timeout}");
        }
    }

    #[test]
    fn rule_9_broken_base64_is_400_internal() {
        assert_eq!(status(grpc(&[("k-bin", "AQ,*")])), (400, Code::Internal));
        assert_eq!(grpc(&[("k-bin", "AQ,Ag")]).unwrap().metadata.get_all_bin("k-bin").count(), 2);
    }

    #[test]
    fn rule_13_refuses_fields_of_the_connection_and_a_second_host() {
        for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
            assert_eq!(status(grpc(&[(name, "x")])), (400, Code::Internal), "{name}");
        }
        assert_eq!(status(grpc(&[("host", "a"), ("host", "b")])), (400, Code::Internal));
    }

    #[test]
    fn rule_13_host_stands_in_for_a_missing_authority() {
        let authority = |uri, host| {
            let mut request = received(&[("content-type", "application/grpc"), ("host", host)]);
            *request.uri_mut() = Uri::from_static(uri);
            RequestHeaders::from_http(request).unwrap().authority.map(|authority| authority.to_string())
        };
        assert_eq!(authority("/pkg.Echo/Say", "h:1").as_deref(), Some("h:1"));
        assert_eq!(authority("http://a/pkg.Echo/Say", "h").as_deref(), Some("a"));
        // rule 15: a path is no authority, and no reason to refuse.
        assert_eq!(authority("/pkg.Echo/Say", "/run/a.sock"), None);
    }

    #[test]
    fn a_raw_authority_stands_before_host() {
        let text = |headers: &RequestHeaders| headers.authority_text().map(Cow::into_owned);
        assert_eq!(text(&call()).as_deref(), Some("localhost"));
        let raw = |raw| grpc(&[("host", "h")]).unwrap().with_raw_authority(Bytes::from_static(raw));
        let cases: [(&'static [u8], &str); 3] =
            [(b"/tmp/x/etcd.sock", "/tmp/x/etcd.sock"), (b"", ""), (b"/run/\xff", "/run/\u{fffd}")];
        for (sent, shown) in cases {
            assert_eq!(text(&raw(sent)).as_deref(), Some(shown));
            assert_eq!((raw(sent).authority, raw(sent).raw_authority.as_deref()), (None, Some(sent)));
        }
    }

    #[test]
    fn rule_15_a_missing_authority_is_accepted() {
        let mut headers = call();
        headers.authority = None;
        let request = headers.clone().to_http();
        assert_eq!(*request.uri(), "/pkg.Echo/Say");
        assert_eq!(RequestHeaders::from_http(request), Ok(headers));
    }

    #[test]
    fn rule_23_an_unknown_encoding_is_named() {
        assert_eq!(grpc(&[("grpc-encoding", "lz4")]), Err(Refusal::UnknownEncoding { name: "lz4".into() }));
        assert_eq!(grpc(&[("grpc-encoding", "gzip")]).unwrap().encoding, Encoding::Gzip);
    }

    #[test]
    fn takes_what_real_peers_send() {
        let python = grpc(&[
            ("te", "trailers"),
            ("grpc-accept-encoding", "identity, deflate, gzip"),
            ("grpc-timeout", "4993706u"),
            ("user-agent", "grpc-python/1.85.1 grpc-c/58.0.0"),
        ])
        .unwrap();
        assert_eq!(python.timeout.unwrap().to_string(), "4993706u");
        assert_eq!(python.accept_encoding.to_string(), "identity,gzip,deflate");
        assert!(python.metadata.is_empty());
        // grpc-js: accept-encoding of both kinds. buildkit: a key twice in one block.
        let mixed = grpc(&[("accept-encoding", "identity"), ("k", "1"), ("k", "1")]).unwrap();
        assert_eq!((mixed.metadata.get("accept-encoding"), mixed.metadata.len()), (Some("identity"), 3));
    }
}
