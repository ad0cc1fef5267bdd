//! How many field representations a block holds (RFC 7541, section 6), without decoding them.
//!
//! An index of one octet stands for a field of any length, so octets alone do not tell what a block costs. Updates of the
//! table's size count as well. What is malformed ends the count: h2 ends the connection there.

/// Counts the representations in a whole block.
pub(super) fn representations(mut block: &[u8]) -> usize {
    let mut count = 0;
    while let Some(rest) = skip(block) {
        block = rest;
        count += 1;
    }
    count
}

/// What follows the first representation.
fn skip(block: &[u8]) -> Option<&[u8]> {
    let first = *block.first()?;
    let (prefix, is_literal) = match first {
        0x80.. => (7, false),
        0x40.. => (6, true),
        0x20.. => (5, false),
        _ => (4, true),
    };
    let (index, rest) = integer(block, prefix)?;
    if !is_literal {
        return Some(rest);
    }
    let rest = if index == 0 { skip_string(rest)? } else { rest };
    skip_string(rest)
}

fn skip_string(block: &[u8]) -> Option<&[u8]> {
    let (len, rest) = integer(block, 7)?;
    rest.get(len..)
}

/// An integer with a prefix of so many bits (section 5.1), and what follows it.
fn integer(block: &[u8], prefix: u32) -> Option<(usize, &[u8])> {
    let (first, mut rest) = block.split_first()?;
    let max = (1_usize << prefix) - 1;
    let mut value = usize::from(*first) & max;
    if value < max {
        return Some((value, rest));
    }
    for shift in [0, 7, 14, 21] {
        let (octet, after) = rest.split_first()?;
        value += usize::from(octet & 0x7f) << shift;
        rest = after;
        if octet & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_representation_counts_once() {
        for (block, expected) in [
            (&b""[..], 0),
            // RFC 7541, appendix C.2.1 to C.2.4.
            (b"\x40\x0acustom-key\x0dcustom-header", 1),
            (b"\x04\x0c/sample/path", 1),
            (b"\x10\x08password\x06secret", 1),
            (b"\x82", 1),
            // Appendix C.4.1: three indexes, one literal in Huffman form.
            (b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff", 4),
            // Two size updates of the table, one in several octets.
            (b"\x20\x3f\xe1\x1f\x82", 3),
            (&[0xbe; 1_000], 1_000),
        ] {
            assert_eq!(representations(block), expected, "{}", block.escape_ascii());
        }
    }

    #[test]
    fn what_is_malformed_ends_the_count() {
        for block in
            [&b"\x82\x40"[..], b"\x82\x04\x0cshort", b"\x82\xff\xff\xff\xff\xff\xff\x00", b"\x82\x00"]
        {
            assert_eq!(representations(block), 1, "{}", block.escape_ascii());
        }
    }
}
