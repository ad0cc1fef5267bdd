//! **Binary-Value** -> {base64 encoded value} (RFC 4648, section 4)
//!
//! The standard alphabet. Values leave without padding and are taken with or without it (rule 9).
//! Unused bits of the last digit are ignored, as other implementations do. Splitting values that a peer joined with
//! commas is `Metadata`'s job.

use crate::wire::WireError;

/// Encodes without padding.
pub fn encode(value: &[u8]) -> String {
    let mut text = Vec::with_capacity(encoded_len(value.len()));
    for group in value.chunks(3) {
        match *group {
            [a, b, c] => {
                text.extend_from_slice(&[
                    digit(a >> 2),
                    digit(a << 4 | b >> 4),
                    digit(b << 2 | c >> 6),
                    digit(c),
                ]);
            }
            [a, b] => text.extend_from_slice(&[digit(a >> 2), digit(a << 4 | b >> 4), digit(b << 2)]),
            [a] => text.extend_from_slice(&[digit(a >> 2), digit(a << 4)]),
            _ => {}
        }
    }
    // Digits are ASCII.
    String::from_utf8(text).unwrap_or_default()
}

/// Decodes with or without padding.
///
/// # Errors
/// [`WireError::Base64`] with the offset of the first byte that cannot stand where it stands; for a text that is too short,
/// its length.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, WireError> {
    let digits = without_padding(text)?;
    let mut value = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for (index, group) in digits.chunks(4).enumerate() {
        let at =
            |offset: usize, byte: u8| sextet(byte).ok_or(WireError::Base64 { position: index * 4 + offset });
        match *group {
            [a, b, c, d] => {
                let (a, b, c, d) = (at(0, a)?, at(1, b)?, at(2, c)?, at(3, d)?);
                value.extend([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
            }
            [a, b, c] => {
                let (a, b, c) = (at(0, a)?, at(1, b)?, at(2, c)?);
                value.extend([a << 2 | b >> 4, b << 4 | c >> 2]);
            }
            [a, b] => value.push(at(0, a)? << 2 | at(1, b)? >> 4),
            _ => return Err(WireError::Base64 { position: digits.len() }),
        }
    }
    Ok(value)
}

/// Says whether [`decode`] would succeed, without making the value.
pub(super) fn is_valid(text: &[u8]) -> bool {
    without_padding(text)
        .is_ok_and(|digits| digits.len() % 4 != 1 && digits.iter().all(|byte| sextet(*byte).is_some()))
}

/// Takes the padding away, which must fill the last group of four if it is there.
fn without_padding(text: &[u8]) -> Result<&[u8], WireError> {
    let digits = match text {
        [digits @ .., b'=', b'='] => digits,
        [digits @ .., b'='] => digits,
        _ => return Ok(text),
    };
    if text.len().is_multiple_of(4) { Ok(digits) } else { Err(WireError::Base64 { position: digits.len() }) }
}

const fn encoded_len(len: usize) -> usize {
    len.div_ceil(3).saturating_mul(4)
}

/// The digit of the low six bits.
fn digit(bits: u8) -> u8 {
    ALPHABET.get(usize::from(bits & 0x3f)).copied().unwrap_or(b'/')
}

/// The six bits of a digit.
const fn sextet(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_9_emits_no_padding_and_takes_both_forms() {
        // RFC 4648, section 10.
        let table = [
            ("", "", ""),
            ("f", "Zg", "Zg=="),
            ("fo", "Zm8", "Zm8="),
            ("foo", "Zm9v", "Zm9v"),
            ("foob", "Zm9vYg", "Zm9vYg=="),
            ("fooba", "Zm9vYmE", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy", "Zm9vYmFy"),
        ];
        for (value, bare, padded) in table {
            assert_eq!(encode(value.as_bytes()), bare);
            assert_eq!(decode(bare.as_bytes()).unwrap(), value.as_bytes());
            assert_eq!(decode(padded.as_bytes()).unwrap(), value.as_bytes());
        }
    }

    #[test]
    fn rule_9_uses_the_standard_alphabet() {
        assert_eq!(encode(&[0xfb, 0xef, 0xff]), "++//");
        assert_eq!(decode(b"++//").unwrap(), [0xfb, 0xef, 0xff]);
        assert_eq!(decode(b"--__"), Err(WireError::Base64 { position: 0 }));
        let every: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(encode(&every).as_bytes()).unwrap(), every);
    }

    #[test]
    fn rule_9_refuses_what_is_not_base64() {
        let table: [(&[u8], usize); 10] = [
            (b"Z", 1),
            (b"Zm9vY", 5),
            (b"Zm9*", 3),
            (b"Zm 9v", 2),
            (b"=", 0),
            (b"Zg=", 2),
            (b"Zm9vYg=", 6),
            (b"Z===", 1),
            (b"Zg==Zg==", 2),
            (b"Zm9v\xff", 5),
        ];
        for (text, position) in table {
            assert_eq!(decode(text), Err(WireError::Base64 { position }), "{}", text.escape_ascii());
            assert!(!is_valid(text), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn ignores_unused_bits_of_the_last_digit() {
        assert_eq!(decode(b"Zh").unwrap(), b"f");
        assert!(is_valid(b"Zh"));
    }
}
