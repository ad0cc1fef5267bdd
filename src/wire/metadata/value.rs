//! **Binary-Value** and **ASCII-Value**: the values of metadata.
//!
//! An ASCII value is of 0x20 to 0x7E; one that HTTP allows beyond that is read as it is and harms nothing (rule 10).
//! A binary value is base64, and a field may hold several that a peer or a proxy joined by commas (rule 9).

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};

use crate::wire::error::excerpt;
use crate::wire::metadata::key;
use crate::wire::{WireError, base64};

/// One value of [`Metadata`](crate::wire::Metadata).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataValue<'a> {
    /// Text of 0x20 to 0x7E, without outer spaces.
    Ascii(&'a str),
    /// The value of a `-bin` key, decoded.
    Binary(Bytes),
    /// Bytes that HTTP allows and gRPC does not, such as UTF-8; they do no harm (rule 10).
    Opaque(&'a [u8]),
}

/// **ASCII-Value** -> 1*( %x20-%x7E ), the empty one allowed as all peers do.
pub(super) fn from_ascii(key: &str, value: &str) -> Result<HeaderValue, WireError> {
    let refuse = |byte| WireError::MetadataValue { key: excerpt(key.as_bytes()), byte };
    match value.bytes().find(|byte| !matches!(byte, 0x20..=0x7e)) {
        Some(byte) => Err(refuse(byte)),
        None => HeaderValue::from_str(value.trim_matches(' ')).map_err(|_| refuse(0)),
    }
}

/// **Binary-Value** -> {base64 encoded value}
pub(super) fn from_binary(key: &str, value: &[u8]) -> Result<HeaderValue, WireError> {
    // The alphabet of base64 is always a legal value.
    HeaderValue::try_from(base64::encode(value))
        .map_err(|_| WireError::BinaryValue { key: excerpt(key.as_bytes()) })
}

/// The value of a key that is not binary.
pub(super) fn plain(value: &HeaderValue) -> MetadataValue<'_> {
    ascii_text(value).map_or_else(|| MetadataValue::Opaque(value.as_bytes()), MetadataValue::Ascii)
}

/// The text of an ASCII value without the outer spaces, which peers may or may not have stripped (rule 10).
pub(super) fn ascii_text(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok().map(|text| text.trim_matches(' '))?;
    (!text.contains('\t')).then_some(text)
}

/// Says whether the value can be read: all can but for base64 that is broken.
pub(super) fn is_sound(name: &HeaderName, value: &HeaderValue) -> bool {
    key::is_reserved(name.as_str())
        || !key::is_binary(name.as_str())
        || split_joined(value).all(base64::is_valid)
}

/// The values that a field of a binary key holds.
pub(super) fn binary(value: &HeaderValue) -> impl Iterator<Item = Bytes> {
    split_joined(value).filter_map(|text| base64::decode(text).ok()).map(Bytes::from)
}

/// The parts of a binary value that a peer or a proxy joined.
fn split_joined(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &[u8]) -> HeaderValue {
        HeaderValue::from_bytes(value).unwrap()
    }

    #[test]
    fn rule_10_writes_printable_ascii_without_outer_spaces() {
        for (value, written) in [("", ""), ("a b", "a b"), ("  a b ", "a b"), (" ", ""), ("~!\"", "~!\"")] {
            assert_eq!(from_ascii("x", value).unwrap(), written);
        }
        for (value, byte) in [("a\tb", 9), ("a\nb", 10), ("\u{7f}", 0x7f), ("\u{e9}", 0xc3), ("\0", 0)] {
            assert_eq!(from_ascii("x", value), Err(WireError::MetadataValue { key: "x".into(), byte }));
        }
    }

    #[test]
    fn rule_10_reads_what_http_allows_beyond_it() {
        assert_eq!(plain(&header(b" a b ")), MetadataValue::Ascii("a b"));
        assert_eq!(plain(&header(b"")), MetadataValue::Ascii(""));
        for opaque in [&b"caf\xc3\xa9"[..], b"\xff", b"a\tb"] {
            assert_eq!(plain(&header(opaque)), MetadataValue::Opaque(opaque));
        }
    }

    #[test]
    fn rule_9_splits_joined_values() {
        let table: [(&[u8], &[&[u8]]); 6] = [
            (b"AQI", &[&[1, 2]]),
            (b"AQI=", &[&[1, 2]]),
            (b"AQ,Ag==,Aw", &[&[1], &[2], &[3]]),
            (b"AQ, Ag", &[&[1], &[2]]),
            (b"AQ,,Ag", &[&[1], &[], &[2]]),
            (b"", &[&[]]),
        ];
        for (field, values) in table {
            assert_eq!(binary(&header(field)).collect::<Vec<_>>(), values, "{}", field.escape_ascii());
        }
    }

    #[test]
    fn rule_9_tells_sound_fields_from_broken_ones() {
        let table: [(&str, &[u8], bool); 6] = [
            ("x-bin", b"AQI", true),
            ("x-bin", b"AQ,Ag==", true),
            ("x-bin", b"AQ,*", false),
            ("x-bin", b"A", false),
            ("x-bin", b"\xff", false),
            ("x", b"*", true),
        ];
        for (name, value, sound) in table {
            assert_eq!(is_sound(&HeaderName::from_static(name), &header(value)), sound, "{name}: {value:?}");
        }
    }
}
