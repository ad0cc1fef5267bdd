//! **Trailers** -> Status [Status-Message] [Status-Details] *Custom-Metadata
//!
//! How a call ends, in a block of its own or, as **Trailers-Only**, in the only block of the response. Reading never fails:
//! whatever else is broken, the status must come through (rules 29, 30, 33), and where it is missing the table of HTTP
//! codes stands in (rules 31, 35).

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode, Version};

use crate::wire::error::excerpt;
use crate::wire::headers::{
    CallFields, GRPC_MESSAGE, GRPC_STATUS, GRPC_STATUS_DETAILS_BIN, insert_encodings,
};
use crate::wire::{Code, ContentType, Encoding, EncodingSet, Metadata, Origin, Status};
use crate::wire::{base64, code_from_http, percent};

/// The header block that closes a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Trailers {
    /// How the call ended; a failure carries the metadata, too.
    pub status: Result<(), Status>,
    /// The trailing metadata; what is written is this one and not the status's.
    pub metadata: Metadata,
}

impl Trailers {
    /// The end of a call that succeeded.
    pub fn ok(metadata: Metadata) -> Self {
        Trailers { status: Ok(()), metadata }
    }

    /// The end of a call that failed, with the status's metadata.
    pub fn from_status(status: Status) -> Self {
        Trailers { metadata: status.metadata().clone(), status: Err(status) }
    }

    /// Writes the block that follows the messages.
    pub fn to_http(self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(self.fields());
        self.append_to(&mut headers);
        headers
    }

    /// Writes the block that is the whole response. The set, if any, tells a client
    /// whose encoding is unknown which ones are not.
    pub fn to_http_only(self, content_type: ContentType, accept: EncodingSet) -> Response<()> {
        let mut headers = HeaderMap::with_capacity(2 + self.fields());
        headers.insert(CONTENT_TYPE, content_type.to_header_value());
        insert_encodings(&mut headers, Encoding::Identity, accept);
        self.append_to(&mut headers);

        let mut response = Response::new(());
        *response.version_mut() = Version::HTTP_2;
        *response.headers_mut() = headers;
        response
    }

    /// Reads a received block; `http` is the `:status` of the response, for a block without `grpc-status`.
    pub fn from_http(headers: HeaderMap, http: StatusCode) -> Self {
        let fields = CallFields::read(&headers);
        let status = match fields.status {
            None => Err(Trailers::missing(http)),
            Some(status) if status.as_bytes() == b"0" => Ok(()),
            Some(status) => Err(failure(status, fields.message, fields.details)),
        };
        let metadata = Metadata::from_http_lossy(headers);
        let status = status.map_err(|status| status.with_metadata(metadata.clone()));
        Trailers { status, metadata }
    }

    /// The status of a response that ended without `grpc-status`.
    pub fn missing(http: StatusCode) -> Status {
        Status::new(code_from_http(http), format!("response ended without grpc-status: HTTP status {http}"))
    }

    fn fields(&self) -> usize {
        let own = if self.status.is_ok() { 1 } else { 3 };
        own + self.metadata.len()
    }

    fn append_to(self, headers: &mut HeaderMap) {
        match &self.status {
            Ok(()) => drop(headers.insert(GRPC_STATUS, HeaderValue::from_static("0"))),
            Err(status) => insert_failure(headers, status),
        }
        self.metadata.append_to(headers);
    }
}

fn insert_failure(headers: &mut HeaderMap, status: &Status) {
    headers.insert(GRPC_STATUS, HeaderValue::from_static(status.code().digits()));
    // Both texts are of printable ASCII once they are encoded, hence legal values.
    let message = percent::encode(status.message());
    if let Some(message) = HeaderValue::from_str(&message).ok().filter(|message| !message.is_empty()) {
        headers.insert(GRPC_MESSAGE, message);
    }
    let details = base64::encode(status.details());
    if let Some(details) = HeaderValue::try_from(details).ok().filter(|details| !details.is_empty()) {
        headers.insert(GRPC_STATUS_DETAILS_BIN, details);
    }
}

/// The status that the peer sent; a code that is unknown or no number is UNKNOWN, and says so.
fn failure(status: &HeaderValue, message: Option<&HeaderValue>, details: Option<&HeaderValue>) -> Status {
    let message = message.map(|message| percent::decode(message.as_bytes())).unwrap_or_default();
    let status = match code(status.as_bytes()) {
        Some(code) => Status::new(code, message),
        None => {
            let unknown = format!("grpc-status is unknown: \"{}\"", excerpt(status.as_bytes()));
            let separator = if message.is_empty() { "" } else { "; " };
            Status::unknown(format!("{unknown}{separator}{message}"))
        }
    };
    // Details that cannot be decoded are no reason to lose the status.
    let details = details.and_then(|details| base64::decode(details.as_bytes()).ok()).unwrap_or_default();
    status.with_details(Bytes::from(details)).with_origin(Origin::Remote)
}

/// Reads a decimal number without leading zeros.
fn code(digits: &[u8]) -> Option<Code> {
    Code::ALL.into_iter().find(|code| code.digits().as_bytes() == digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(fields: &[(&'static str, &'static [u8])]) -> Trailers {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        Trailers::from_http(headers, StatusCode::OK)
    }

    fn written(headers: &HeaderMap) -> Vec<(&str, &str)> {
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
    }

    #[test]
    fn rule_29_success_is_written_too() {
        let mut metadata = Metadata::new();
        metadata.append("k", "v").unwrap();
        let trailers = Trailers::ok(metadata);
        let headers = trailers.clone().to_http();
        assert_eq!(written(&headers), [("grpc-status", "0"), ("k", "v")]);
        assert_eq!(Trailers::from_http(headers, StatusCode::OK), trailers);
    }

    #[test]
    fn writes_status_message_details_and_metadata_in_this_order() {
        let mut status = Status::not_found("caf\u{e9}").with_details(&b"\x08\x05"[..]);
        status.metadata_mut().append("k", "v").unwrap();
        let headers = Trailers::from_status(status.clone()).to_http();
        let fields = [
            ("grpc-status", "5"),
            ("grpc-message", "caf%C3%A9"),
            ("grpc-status-details-bin", "CAU"),
            ("k", "v"),
        ];
        assert_eq!(written(&headers), fields);
        let read = Trailers::from_http(headers, StatusCode::OK);
        assert_eq!(read.status, Err(status.with_origin(Origin::Remote)));
        assert_eq!(read.metadata.get("k"), Some("v"));
    }

    #[test]
    fn leaves_out_an_empty_message_and_empty_details() {
        assert_eq!(written(&Trailers::from_status(Status::aborted("")).to_http()), [("grpc-status", "10")]);
    }

    #[test]
    fn rule_28_trailers_only_carries_content_type_and_status_in_one_block() {
        let accept = EncodingSet::EMPTY.with(Encoding::Gzip);
        let only = Trailers::from_status(Status::unimplemented("m")).to_http_only(ContentType::JSON, accept);
        assert_eq!((only.status(), only.version()), (StatusCode::OK, Version::HTTP_2));
        let fields = [
            ("content-type", "application/grpc+json"),
            ("grpc-accept-encoding", "gzip"),
            ("grpc-status", "12"),
            ("grpc-message", "m"),
        ];
        assert_eq!(written(only.headers()), fields);
    }

    #[test]
    fn rule_29_an_unknown_code_is_unknown_and_keeps_the_message() {
        for code in [
            &b"17"[..],
            b"99",
            b"00",
            b"05",
            b"-1",
            b"+5",
            b"0x5",
            b"",
            b"5 ",
            b"five",
            b"4294967301",
            b"\xff",
        ] {
            let status = received(&[("grpc-status", code), ("grpc-message", b"m")]).status.unwrap_err();
            assert_eq!(status.code(), Code::Unknown, "{}", code.escape_ascii());
            assert_eq!(status.message(), format!("grpc-status is unknown: \"{}\"; m", code.escape_ascii()));
        }
        for code in Code::ALL {
            let status = received(&[("grpc-status", code.digits().as_bytes())]).status.unwrap_err();
            assert_eq!((status.code(), status.message(), status.origin()), (code, "", Origin::Remote));
        }
    }

    #[test]
    fn takes_an_empty_message_beside_success() {
        // C-core and grpc-go send one; grpc-js sends "OK".
        for message in [&b""[..], b"OK"] {
            assert_eq!(
                received(&[("grpc-status", b"0"), ("grpc-message", message)]),
                Trailers::ok(Metadata::new())
            );
        }
    }

    #[test]
    fn rule_30_a_broken_message_is_kept_as_far_as_it_goes() {
        let status = received(&[("grpc-status", b"2"), ("grpc-message", b"50%zz \xff")]).status.unwrap_err();
        assert_eq!(status.message(), "50%zz \u{fffd}");
    }

    #[test]
    fn rule_33_broken_details_do_not_hide_the_status() {
        let details =
            |text| received(&[("grpc-status", b"5"), ("grpc-status-details-bin", text)]).status.unwrap_err();
        assert_eq!((details(b"*").code(), details(b"*").details().len()), (Code::NotFound, 0));
        assert_eq!(details(b"CAU=").details(), &b"\x08\x05"[..]);
        assert_eq!(details(b"CAU").details(), &b"\x08\x05"[..]);
    }

    #[test]
    fn rule_33_broken_metadata_does_not_hide_the_status() {
        let trailers = received(&[("grpc-status", b"5"), ("k-bin", b"*"), ("k", b"v")]);
        assert_eq!(trailers.status.unwrap_err().code(), Code::NotFound);
        assert_eq!((trailers.metadata.len(), trailers.metadata.get("k")), (1, Some("v")));
    }

    #[test]
    fn rule_35_without_a_status_the_table_decides() {
        let bare = received(&[("k", b"v")]);
        let status = bare.status.unwrap_err();
        assert_eq!(status.to_string(), "UNKNOWN: response ended without grpc-status: HTTP status 200 OK");
        assert_eq!((status.origin(), status.metadata().get("k")), (Origin::Local, Some("v")));
        assert_eq!(Trailers::missing(StatusCode::BAD_GATEWAY).code(), Code::Unavailable);
    }
}
