//! **authority** (RFC 3986, section 3.2), as `http` reads it for h2, and legal octets in place of others

use http::uri::Authority;

use crate::frame::hpack::huffman;

/// Whether h2 takes this value.
pub(super) fn is_legal(value: &[u8]) -> bool {
    is_host_and_port(value) || Authority::try_from(value).is_ok()
}

/// Legal octets as many as in `value`, each of the same coded length as the one in its place or shorter.
pub(super) fn legalized(value: &[u8]) -> Vec<u8> {
    value.iter().copied().map(|octet| if is_plain(octet) { octet } else { in_place_of(octet) }).collect()
}

/// The values that are usual, without the copy that `http` makes.
fn is_host_and_port(value: &[u8]) -> bool {
    let colons = value.iter().filter(|octet| **octet == b':').count();
    let is_plain = value.iter().all(|octet| octet.is_ascii_alphanumeric() || b"-._:".contains(octet));
    !value.is_empty() && colons <= 1 && is_plain
}

/// RFC 3986, section 2: unreserved and sub-delims are legal in each place of an authority.
fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&octet)
}

/// A legal octet whose code is as long, for most; where there is none, a shorter one (RFC 7541, appendix B).
fn in_place_of(octet: u8) -> u8 {
    match huffman::code_len(octet) {
        7 => b'k',
        10 => b'!',
        11 => b'+',
        13 => b'$',
        // 6 for '/' and '%'.
        _ => b'-',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_real_clients_send_is_cured() {
        let cases: [(&[u8], &[u8]); 5] = [
            (b"/tmp/x/etcd.sock", b"-tmp-x-etcd.sock"),
            (b"tmp%2Fx%2Fa.sock", b"tmp-2Fx-2Fa.sock"),
            (b"/run/localhost:2379", b"-run-localhostk2379"),
            (b"name@", b"name$"),
            (b"a\xc3\xa9 b\\", b"a---b-"),
        ];
        for (sent, cured) in cases {
            assert!(!is_legal(sent));
            assert_eq!(legalized(sent), cured);
        }
    }

    #[test]
    fn every_octet_has_a_legal_one_with_no_longer_code() {
        for octet in 0..=u8::MAX {
            let [legal] = legalized(&[octet])[..] else { panic!() };
            assert!(Authority::try_from(&[legal][..]).is_ok(), "{octet}");
            assert!(huffman::code_len(legal) <= huffman::code_len(octet), "{octet}");
            // What no legal octet has: 12, 14, 15 and 19 bits and more.
            let is_shorter = huffman::code_len(legal) < huffman::code_len(octet);
            let without: &[u8] = &[12, 14, 15];
            assert_eq!(
                is_shorter,
                without.contains(&huffman::code_len(octet)) || huffman::code_len(octet) >= 19
            );
        }
    }

    #[test]
    fn what_is_cured_is_legal_in_every_order() {
        // Each octet next to each other one.
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let value = [first, second, first];
                assert!(Authority::try_from(&legalized(&value)[..]).is_ok(), "{value:?}");
            }
        }
    }

    #[test]
    fn the_usual_values_are_judged_as_http_does() {
        let octets = b"a0-._:@[]%/";
        let mut values = vec![Vec::new()];
        for _ in 0..4 {
            let longer = values
                .iter()
                .flat_map(|value: &Vec<u8>| octets.iter().map(move |octet| [&value[..], &[*octet]].concat()));
            values = longer.chain(values.iter().cloned()).collect();
        }
        for value in values {
            assert_eq!(is_legal(&value), Authority::try_from(&value[..]).is_ok(), "{value:?}");
        }
    }
}
