//! **Header-Name** -> 1*( %x30-39 / %x61-7A / "_" / "-" / ".") ; 0-9 a-z _ - .
//!
//! Which names metadata may have. Those that the call itself uses are kept from it: whatever begins with `grpc-`, and the
//! fields that HTTP/2 or the grammar of the call gives a meaning (rule 8).

use http::HeaderName;

use crate::wire::WireError;
use crate::wire::error::excerpt;

/// The name of an ASCII value.
pub(super) fn ascii(key: &str) -> Result<HeaderName, WireError> {
    if is_binary(key) { Err(WireError::KeyIsBinary { key: key.to_owned() }) } else { name(key) }
}

/// The name of a binary value.
pub(super) fn binary(key: &str) -> Result<HeaderName, WireError> {
    if is_binary(key) { name(key) } else { Err(WireError::KeyNotBinary { key: excerpt(key.as_bytes()) }) }
}

/// Says whether values under this key travel as base64.
pub(super) fn is_binary(key: &str) -> bool {
    key.ends_with("-bin")
}

/// Says whether the name belongs to the call and not to its metadata.
pub(in crate::wire) fn is_reserved(name: &str) -> bool {
    match name {
        // Request-Headers and Response-Headers.
        "te" | "content-type" | "user-agent" | "host" => true,
        // Of one connection or one body; a value handed on from another call would be wrong.
        "content-length" => true,
        _ => name.starts_with("grpc-") || is_of_connection(name),
    }
}

/// Says whether the field is one of those that HTTP/2 forbids (RFC 9113, section 8.2.2).
pub(in crate::wire) fn is_of_connection(name: &str) -> bool {
    matches!(name, "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade")
}

/// Says whether the value must never enter a compression table, where a guesser could probe for it (rule 55).
pub(super) fn is_secret(name: &str) -> bool {
    matches!(name, "authorization" | "proxy-authorization" | "cookie" | "set-cookie")
}

fn name(key: &str) -> Result<HeaderName, WireError> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
    if is_reserved(key) {
        return Err(WireError::ReservedKey { key: excerpt(key.as_bytes()) });
    }
    HeaderName::from_lowercase(key.as_bytes())
        .ok()
        .filter(|_| key.bytes().all(legal))
        .ok_or_else(|| WireError::MetadataKey { key: excerpt(key.as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_8_takes_digits_lower_case_and_three_signs() {
        for key in ["x", "0", "x-user.id_2", "authorization", "te2", "grpc"] {
            assert_eq!(ascii(key).unwrap(), key);
        }
        assert_eq!(binary("trace-bin").unwrap(), "trace-bin");
    }

    #[test]
    fn rule_8_refuses_every_other_character() {
        for key in ["", "X-User", "x user", "x:y", "x!", "x\u{e9}", "x\n", "x/y"] {
            assert!(matches!(ascii(key), Err(WireError::MetadataKey { .. })), "{key:?}");
        }
        assert!(ascii(&"x".repeat(70_000)).is_err());
    }

    #[test]
    fn rule_8_refuses_what_belongs_to_the_call() {
        let keys = [
            "grpc-",
            "grpc-timeout",
            "grpc-status",
            "grpc-anything",
            "te",
            "content-type",
            "content-length",
            "user-agent",
            "host",
            "connection",
            "keep-alive",
            "proxy-connection",
            "transfer-encoding",
            "upgrade",
        ];
        for key in keys {
            assert_eq!(ascii(key), Err(WireError::ReservedKey { key: key.into() }));
        }
        assert!(matches!(binary("grpc-status-details-bin"), Err(WireError::ReservedKey { .. })));
        for key in [":path", ":authority", ":status", ":"] {
            assert!(matches!(ascii(key), Err(WireError::MetadataKey { .. })), "{key}");
        }
    }

    #[test]
    fn the_suffix_tells_binary_from_ascii() {
        assert_eq!(ascii("x-bin"), Err(WireError::KeyIsBinary { key: "x-bin".into() }));
        assert_eq!(binary("x"), Err(WireError::KeyNotBinary { key: "x".into() }));
        assert_eq!(ascii("x-binary").unwrap(), "x-binary");
    }
}
