//! **Status-Message** -> "grpc-message" Percent-Encoded
//!
//! UTF-8 first, then `%` and two upper-case hex digits for each byte outside 0x20-0x24 and 0x26-0x7E.
//! Decoding never fails and never drops text (rule 30): a `%` that begins no escape stays as it is, bytes that are not
//! UTF-8 become replacement characters. A message that explains an error must not be lost to one.

use std::borrow::Cow;

/// Encodes a message; borrows when there is nothing to escape.
pub fn encode(message: &str) -> Cow<'_, str> {
    let Some(first) = message.bytes().position(is_escaped) else {
        return Cow::Borrowed(message);
    };
    // A byte before the first escaped one is ASCII, so the cut lies between characters.
    let (plain, rest) = message.split_at_checked(first).unwrap_or(("", message));
    let mut encoded = String::with_capacity(message.len() + 2 * rest.len().min(32));
    encoded.push_str(plain);
    for byte in rest.bytes() {
        if is_escaped(byte) {
            encoded.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 0xf)]);
        } else {
            encoded.push(char::from(byte));
        }
    }
    Cow::Owned(encoded)
}

/// Decodes a message as far as it can be decoded.
pub fn decode(value: &[u8]) -> String {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, after @ ..] = rest {
        let (byte, after) = split_escape(rest).unwrap_or((*first, after));
        decoded.push(byte);
        rest = after;
    }
    String::from_utf8(decoded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The byte that an escape at the beginning stands for, and what follows the escape.
fn split_escape(value: &[u8]) -> Option<(u8, &[u8])> {
    match value {
        [b'%', high, low, after @ ..] => Some((hex_value(*high)? << 4 | hex_value(*low)?, after)),
        _ => None,
    }
}

const fn is_escaped(byte: u8) -> bool {
    !matches!(byte, 0x20..=0x24 | 0x26..=0x7e)
}

/// The digit of a value below 16; the spec asks for upper case.
fn hex_digit(value: u8) -> char {
    char::from(if value < 10 { b'0' + value } else { b'A' - 10 + value })
}

/// The value of a hex digit of either case.
const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_30_escapes_all_but_printable_ascii_without_percent() {
        let table = [
            ("", ""),
            ("my favorite character is %", "my favorite character is %25"),
            ("Hello, World!~", "Hello, World!~"),
            ("\t\ntest with whitespace\r\n", "%09%0Atest with whitespace%0D%0A"),
            ("Unicode BMP \u{263a}", "Unicode BMP %E2%98%BA"),
            ("non-BMP \u{1f608}", "non-BMP %F0%9F%98%88"),
            ("\u{7f}\0", "%7F%00"),
        ];
        for (message, encoded) in table {
            assert_eq!(encode(message), encoded);
            assert_eq!(decode(encoded.as_bytes()), message);
        }
        for byte in 0..=0x7f_u8 {
            let plain = (0x20..=0x7e).contains(&byte) && byte != b'%';
            let text = char::from(byte).to_string();
            assert_eq!(matches!(encode(&text), Cow::Borrowed(_)), plain, "{byte:#x}");
        }
    }

    #[test]
    fn rule_30_decoding_keeps_what_is_no_escape() {
        let table: [(&[u8], &str); 8] = [
            (b"%zz", "%zz"),
            (b"100%", "100%"),
            (b"%4", "%4"),
            (b"%4g%41", "%4gA"),
            (b"%%41", "%A"),
            (b"%e2%98%ba", "\u{263a}"),
            (b"%FF raw \xff", "\u{fffd} raw \u{fffd}"),
            ("raw \u{263a}".as_bytes(), "raw \u{263a}"),
        ];
        for (value, message) in table {
            assert_eq!(decode(value), message);
        }
    }
}
