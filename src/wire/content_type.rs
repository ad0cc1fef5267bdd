//! **Content-Type** -> "content-type" "application/grpc" [("+proto" / "+json" / {custom})]
//!
//! The prefix must be followed by the end, `+` or `;`: `application/grpc-web` is another protocol (rule 5).
//! Parameters are passed over. A subtype that is unknown here is kept: whether it can be served is the codec's choice.

use std::borrow::Cow;
use std::fmt;

use http::HeaderValue;

use crate::wire::WireError;
use crate::wire::error::excerpt;

/// A content type of gRPC, with the format of its messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContentType {
    /// The subtype in lower case, empty when the type stands alone.
    subtype: Cow<'static, str>,
}

impl ContentType {
    /// `application/grpc`, whose messages are protobuf.
    pub const GRPC: ContentType = ContentType { subtype: Cow::Borrowed("") };
    /// `application/grpc+proto`.
    pub const PROTO: ContentType = ContentType { subtype: Cow::Borrowed("proto") };
    /// `application/grpc+json`.
    pub const JSON: ContentType = ContentType { subtype: Cow::Borrowed("json") };

    /// The content type of messages in another format.
    ///
    /// # Errors
    /// [`WireError::ContentSubtype`] when the subtype is not a token of RFC 9110.
    pub fn with_subtype(subtype: &str) -> Result<Self, WireError> {
        Some(subtype)
            .filter(|subtype| !subtype.is_empty())
            .and_then(|subtype| ContentType::from_subtype(subtype.as_bytes()))
            .ok_or_else(|| WireError::ContentSubtype { value: excerpt(subtype.as_bytes()) })
    }

    /// The content type of messages in a format that code names; empty for the type alone.
    ///
    /// What is not a token of RFC 9110 is written as the type alone.
    pub const fn of_format(subtype: &'static str) -> Self {
        ContentType { subtype: Cow::Borrowed(subtype) }
    }

    /// Reads the value of `content-type`; none when it is not gRPC's.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (prefix, rest) = value.split_at_checked(PREFIX.len())?;
        if !prefix.eq_ignore_ascii_case(PREFIX.as_bytes()) {
            return None;
        }
        match rest {
            [] | [b';', ..] => Some(ContentType::GRPC),
            [b'+', subtype @ ..] => ContentType::from_subtype(without_parameters(subtype)),
            _ => None,
        }
    }

    /// The format of the messages, `proto` when the type names none.
    pub fn subtype(&self) -> &str {
        if self.subtype.is_empty() { "proto" } else { &self.subtype }
    }

    pub(super) fn to_header_value(&self) -> HeaderValue {
        match &*self.subtype {
            "" => HeaderValue::from_static(PREFIX),
            "proto" => HeaderValue::from_static("application/grpc+proto"),
            // A token is always a legal value.
            _ => HeaderValue::try_from(self.to_string()).unwrap_or(HeaderValue::from_static(PREFIX)),
        }
    }

    fn from_subtype(subtype: &[u8]) -> Option<Self> {
        match subtype {
            b"" => Some(ContentType::GRPC),
            b"proto" => Some(ContentType::PROTO),
            b"json" => Some(ContentType::JSON),
            _ if subtype.iter().all(is_token) => {
                let subtype = std::str::from_utf8(subtype).ok()?.to_ascii_lowercase();
                Some(ContentType { subtype: Cow::Owned(subtype) })
            }
            _ => None,
        }
    }
}

impl Default for ContentType {
    fn default() -> Self {
        ContentType::GRPC
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.subtype {
            "" => f.write_str(PREFIX),
            subtype => write!(f, "{PREFIX}+{subtype}"),
        }
    }
}

/// What stands before the parameters, without the space that may precede their semicolon.
fn without_parameters(subtype: &[u8]) -> &[u8] {
    subtype.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end()
}

/// **tchar** of RFC 9110, section 5.6.2.
fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

const PREFIX: &str = "application/grpc";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_5_takes_the_prefix_before_the_end_plus_and_semicolon() {
        let table = [
            ("application/grpc", "proto", "application/grpc"),
            ("application/grpc+proto", "proto", "application/grpc+proto"),
            ("application/grpc+json", "json", "application/grpc+json"),
            ("application/grpc;charset=utf-8", "proto", "application/grpc"),
            ("application/grpc+json; charset=utf-8", "json", "application/grpc+json"),
            ("application/grpc+json ;q=1", "json", "application/grpc+json"),
            ("application/grpc+vnd.acme.v1", "vnd.acme.v1", "application/grpc+vnd.acme.v1"),
            ("application/grpc+", "proto", "application/grpc"),
            ("Application/GRPC+Thrift", "thrift", "application/grpc+thrift"),
        ];
        for (value, subtype, text) in table {
            let content_type = ContentType::parse(value.as_bytes()).unwrap_or_else(|| panic!("{value}"));
            assert_eq!(content_type.subtype(), subtype, "{value}");
            assert_eq!(content_type.to_string(), text, "{value}");
            assert_eq!(content_type.to_header_value(), text);
            assert_eq!(ContentType::parse(text.as_bytes()), Some(content_type));
        }
    }

    #[test]
    fn rule_5_refuses_grpc_web_and_everything_else() {
        let values = [
            "",
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/grpcweb",
            "application/grp",
            "application/json",
            "application/grpc proto",
            " application/grpc",
            "application/grpc+js on",
            "application/grpc+j\u{e9}",
            "text/plain; application/grpc",
        ];
        for value in values {
            assert_eq!(ContentType::parse(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn a_format_that_is_no_token_is_the_type_alone() {
        assert_eq!(ContentType::of_format("json"), ContentType::JSON);
        assert_eq!(ContentType::of_format("a\r\nb: c").to_header_value(), "application/grpc");
    }

    #[test]
    fn takes_a_subtype_of_the_users_own() {
        assert_eq!(ContentType::with_subtype("thrift").unwrap().to_string(), "application/grpc+thrift");
        for subtype in ["", "a b", "a;b", "\n"] {
            assert!(ContentType::with_subtype(subtype).is_err(), "{subtype:?}");
        }
    }
}
