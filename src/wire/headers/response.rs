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
    /// Writes the block; the content type is the request's.
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
        if end_stream && fields.status.is_some() {
            // Also without a content type, which grpclib leaves out.
            return Ok(ResponseStart::TrailersOnly(Trailers::from_http(parts.headers, parts.status)));
        }
        if let Some(status) = not_grpc(parts.status, fields.content_type) {
            return Ok(ResponseStart::NotGrpc(status));
        }
        if end_stream {
            return Ok(ResponseStart::TrailersOnly(Trailers::from_http(parts.headers, parts.status)));
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
