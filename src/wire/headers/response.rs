//! **Response** -> (Response-Headers *Length-Prefixed-Message Trailers) / Trailers-Only
//!
//! The first header block of a response, either kind. A client cannot know beforehand which one comes (rule 28), nor that
//! a gRPC server answers at all: a proxy's error page is told apart here and becomes a status by its `:status` (rule 31).

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode, Version};

use crate::wire::error::excerpt;
use crate::wire::headers::{CallFields, insert_encodings};
use crate::wire::{ContentType, Encoding, EncodingSet, Metadata, Status, Trailers, code_from_http};

/// **Response-Headers** -> HTTP-Status [Message-Encoding] [Message-Accept-Encoding] Content-Type *Custom-Metadata
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseHeaders {
    /// `grpc-encoding`: the compression of the response's messages.
    pub encoding: Encoding,
    /// `grpc-accept-encoding`: the compressions that the server reads.
    pub accept_encoding: EncodingSet,
    /// The initial metadata.
    pub metadata: Metadata,
}

impl ResponseHeaders {
    /// Writes the block with this content type.
    pub fn to_http(self, content_type: ContentType) -> Response<()> {
        let mut headers = HeaderMap::with_capacity(FIELDS + self.metadata.len());
        headers.insert(CONTENT_TYPE, content_type.to_header_value());
        insert_encodings(&mut headers, self.encoding, self.accept_encoding);
        self.metadata.append_to(&mut headers);

        let mut response = Response::new(());
        *response.version_mut() = Version::HTTP_2;
        *response.headers_mut() = headers;
        response
    }
}

/// How a response begins.
#[derive(Clone, Debug, PartialEq)]
pub enum ResponseStart {
    /// Response-Headers: messages and trailers follow.
    Headers(ResponseHeaders),
    /// The one header block is all of the response.
    TrailersOnly(Trailers),
    /// What answered is no gRPC server. The status is by the table; its message wants the first bytes of the body.
    NotGrpc(Status),
}

impl ResponseStart {
    /// Reads the first header block of a response.
    ///
    /// # Errors
    /// The status of the call when the block breaks the grammar: INTERNAL for an encoding of an unknown name (rule 23) and
    /// for a `-bin` value that is not base64.
    pub fn from_http(response: Response<()>, end_stream: bool) -> Result<ResponseStart, Status> {
        let (parts, ()) = response.into_parts();
        let fields = CallFields::read(&parts.headers);
        let says_status = fields.status.is_some();
        let foreign = not_grpc(parts.status, fields.content_type);
        // A status is enough: grpclib leaves out the content type beside it.
        if end_stream && (says_status || foreign.is_none()) {
            return Ok(ResponseStart::TrailersOnly(Trailers::from_http(parts.headers, parts.status)));
        }
        if let Some(by_table) = foreign {
            let read = || Trailers::from_http(parts.headers, parts.status).status.err();
            let sent = if says_status { read() } else { None };
            return Ok(ResponseStart::NotGrpc(sent.unwrap_or(by_table)));
        }
        let encoding = fields
            .message_encoding()
            .map_err(|name| Status::internal(format!("grpc-encoding is unknown here: \"{name}\"")))?;
        let accept_encoding = fields.accept_encoding;
        let metadata = Metadata::from_http(parts.headers)?;
        Ok(ResponseStart::Headers(ResponseHeaders { encoding, accept_encoding, metadata }))
    }
}

/// The status of a response that no gRPC server sent: not 200, or another content type.
fn not_grpc(http: StatusCode, content_type: Option<&HeaderValue>) -> Option<Status> {
    let is_grpc = content_type.is_some_and(|value| ContentType::parse(value.as_bytes()).is_some());
    if http == StatusCode::OK && is_grpc {
        return None;
    }
    let content_type = match content_type {
        Some(value) => format!("content-type \"{}\"", excerpt(value.as_bytes())),
        None => "no content-type".to_owned(),
    };
    Some(Status::new(
        code_from_http(http),
        format!("response is not gRPC: HTTP status {http}, {content_type}"),
    ))
}

/// The most fields that a block has beside metadata.
const FIELDS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Code, Origin};

    type Fields<'a> = &'a [(&'static str, &'static str)];

    fn response(status: u16, fields: Fields<'_>) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in fields {
            response.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        response
    }

    const GRPC: (&str, &str) = ("content-type", "application/grpc");

    #[test]
    fn rule_27_writes_status_content_type_encodings_and_metadata() {
        let mut headers = ResponseHeaders {
            encoding: Encoding::Gzip,
            accept_encoding: EncodingSet::EMPTY.with(Encoding::Identity).with(Encoding::Gzip),
            metadata: Metadata::new(),
        };
        headers.metadata.append("k", "v").unwrap();
        let written = headers.clone().to_http(ContentType::PROTO);
        assert_eq!((written.status(), written.version()), (StatusCode::OK, Version::HTTP_2));
        let fields: Vec<_> =
            written.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let expected: [(&str, &[u8]); 4] = [
            ("content-type", b"application/grpc+proto"),
            ("grpc-encoding", b"gzip"),
            ("grpc-accept-encoding", b"identity,gzip"),
            ("k", b"v"),
        ];
        assert_eq!(fields, expected);
        assert_eq!(ResponseStart::from_http(written, false), Ok(ResponseStart::Headers(headers)));
    }

    #[test]
    fn the_plainest_block_is_one_field() {
        let written = ResponseHeaders::default().to_http(ContentType::GRPC);
        assert_eq!(written.headers().len(), 1);
        assert_eq!(written.headers()["content-type"], "application/grpc");
    }

    #[test]
    fn rule_28_one_block_that_ends_the_stream_is_trailers_only() {
        let only = response(200, &[GRPC, ("grpc-status", "12"), ("grpc-message", "no%20such"), ("k", "v")]);
        let Ok(ResponseStart::TrailersOnly(trailers)) = ResponseStart::from_http(only, true) else {
            panic!()
        };
        let status = trailers.status.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unimplemented, "no such"));
        assert_eq!((status.metadata().get("k"), trailers.metadata.get("k")), (Some("v"), Some("v")));
    }

    #[test]
    fn rule_28_headers_before_trailers_are_not_trailers_only() {
        let first = response(200, &[GRPC, ("k", "v")]);
        let Ok(ResponseStart::Headers(headers)) = ResponseStart::from_http(first, false) else { panic!() };
        assert_eq!(headers.metadata.get("k"), Some("v"));
    }

    #[test]
    fn trailers_only_may_lack_a_content_type() {
        // grpclib 0.4.9 with code 12.
        let start = ResponseStart::from_http(response(200, &[("grpc-status", "12")]), true);
        assert!(matches!(start, Ok(ResponseStart::TrailersOnly(_))), "{start:?}");
    }

    #[test]
    fn rule_31_a_sent_status_wins_over_http() {
        let refused = [GRPC, ("grpc-status", "13"), ("grpc-message", "m")];
        for end_stream in [true, false] {
            let status = match ResponseStart::from_http(response(400, &refused), end_stream) {
                Ok(ResponseStart::TrailersOnly(trailers)) if end_stream => trailers.status.unwrap_err(),
                Ok(ResponseStart::NotGrpc(status)) if !end_stream => status,
                other => panic!("{other:?}"),
            };
            assert_eq!((status.code(), status.message()), (Code::Internal, "m"));
            assert_eq!(status.origin(), Origin::Remote);
        }
        let page = [("content-type", "text/html"), ("grpc-status", "5")];
        let Ok(ResponseStart::TrailersOnly(trailers)) = ResponseStart::from_http(response(503, &page), true)
        else {
            panic!()
        };
        assert_eq!(trailers.status.unwrap_err().code(), Code::NotFound);
    }

    #[test]
    fn rule_32_what_is_not_grpc_gets_a_status_by_the_table() {
        let html = ("content-type", "text/html");
        let table: [(u16, Fields<'_>, Code, &str); 5] = [
            (200, &[html], Code::Unknown, "200 OK, content-type \"text/html\""),
            (200, &[], Code::Unknown, "200 OK, no content-type"),
            (404, &[html], Code::Unimplemented, "404 Not Found, content-type \"text/html\""),
            (503, &[GRPC], Code::Unavailable, "503 Service Unavailable, content-type \"application/grpc\""),
            (415, &[], Code::Unknown, "415 Unsupported Media Type, no content-type"),
        ];
        for (http, fields, code, text) in table {
            for end_stream in [true, false] {
                let start = ResponseStart::from_http(response(http, fields), end_stream);
                let Ok(ResponseStart::NotGrpc(status)) = start else { panic!("{start:?}") };
                assert_eq!(status.code(), code);
                assert_eq!(status.message(), format!("response is not gRPC: HTTP status {text}"));
                assert_eq!(status.origin(), Origin::Local);
            }
        }
    }

    #[test]
    fn rule_23_an_unknown_encoding_is_internal_for_a_client() {
        let status =
            ResponseStart::from_http(response(200, &[GRPC, ("grpc-encoding", "lz4")]), false).unwrap_err();
        assert_eq!(status.to_string(), "INTERNAL: grpc-encoding is unknown here: \"lz4\"");
    }

    #[test]
    fn rule_9_broken_base64_in_the_headers_is_internal() {
        let status = ResponseStart::from_http(response(200, &[GRPC, ("k-bin", "*")]), false).unwrap_err();
        assert_eq!(status.code(), Code::Internal);
    }
}
