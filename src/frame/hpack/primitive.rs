//! **Primitive types**: integers with a prefix and string literals (RFC 7541, section 5)
//!
//! Integers have at most 32 bits in at most 5 octets after the prefix. A string's length is held against the octets
//! that are there before anything is allocated.

use bytes::Bytes;

use super::super::FrameError;
use super::huffman::{self, HuffmanError};

/// A place in a field block.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(block: &'a [u8]) -> Self {
        Self { block, at: 0 }
    }

    /// Octets read so far.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// The next octet, left in place.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.block.get(self.at).copied()
    }

    /// Section 5.1: an integer in the low `prefix_bits` of the next octet and, where they are all 1, in what follows.
    pub(crate) fn integer(&mut self, prefix_bits: u32) -> Result<usize, FrameError> {
        let at = self.at;
        let mask = u8::MAX.unbounded_shr(8_u32.saturating_sub(prefix_bits));
        let prefix = self.octet()? & mask;
        if prefix < mask {
            return Ok(usize::from(prefix));
        }
        let mut value = u64::from(prefix);
        for shift in [0, 7, 14, 21, 28] {
            let octet = self.octet()?;
            value += u64::from(octet & 0x7f) << shift;
            if octet & 0x80 == 0 {
                let value = u32::try_from(value).ok().and_then(|value| usize::try_from(value).ok());
                return value.ok_or(FrameError::HpackInteger { at });
            }
        }
        Err(FrameError::HpackInteger { at })
    }

    /// Section 5.2: a string, and whether it was Huffman-coded.
    pub(super) fn string(&mut self) -> Result<(Bytes, bool), FrameError> {
        let (octets, is_huffman) = self.string_octets()?;
        if is_huffman {
            let at = self.at.saturating_sub(octets.len());
            let decoded = huffman::decode(octets).map_err(|error| match error {
                HuffmanError::Eos => FrameError::HuffmanEos { at },
                HuffmanError::Padding => FrameError::HuffmanPadding { at },
            })?;
            return Ok((decoded, true));
        }
        Ok((Bytes::copy_from_slice(octets), false))
    }

    /// Section 5.2: a string as it stands in the block, and whether it is Huffman-coded.
    pub(crate) fn string_octets(&mut self) -> Result<(&'a [u8], bool), FrameError> {
        let is_huffman = self.peek().is_some_and(|octet| octet & HUFFMAN != 0);
        let len = self.integer(7)?;
        Ok((self.octets(len)?, is_huffman))
    }

    fn octet(&mut self) -> Result<u8, FrameError> {
        let octet = self.peek().ok_or(FrameError::HpackTruncated { at: self.at })?;
        self.at += 1;
        Ok(octet)
    }

    fn octets(&mut self, len: usize) -> Result<&'a [u8], FrameError> {
        let end = self.at.checked_add(len);
        let octets = end.and_then(|end| self.block.get(self.at..end));
        let octets = octets.ok_or(FrameError::HpackTruncated { at: self.block.len() })?;
        self.at += len;
        Ok(octets)
    }
}

/// Section 5.1: appends an integer whose first octet begins with these bits, the low `prefix_bits` of which are 0.
#[cfg(any(feature = "client", feature = "server", test))]
pub(crate) fn put_integer(octets: &mut Vec<u8>, first_bits: u8, prefix_bits: u32, value: usize) {
    let mask = u8::MAX.unbounded_shr(8_u32.saturating_sub(prefix_bits));
    if let Ok(value) = u8::try_from(value)
        && value < mask
    {
        octets.push(first_bits | value);
        return;
    }
    octets.push(first_bits | mask);
    let mut rest = value.saturating_sub(usize::from(mask));
    while rest >= 0x80 {
        octets.push(0x80 | u8::try_from(rest & 0x7f).unwrap_or(0));
        rest >>= 7;
    }
    octets.push(u8::try_from(rest).unwrap_or(0));
}

/// Section 5.2: appends a string that is Huffman-coded already.
#[cfg(any(feature = "client", feature = "server", test))]
pub(crate) fn put_huffman_string(octets: &mut Vec<u8>, coded: &[u8]) {
    put_integer(octets, HUFFMAN, 7, coded.len());
    octets.extend_from_slice(coded);
}

/// Section 5.2: the first bit of a string's length says that it is Huffman-coded.
const HUFFMAN: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(prefix_bits: u32, octets: &[u8]) -> Result<(usize, usize), FrameError> {
        let mut cursor = Cursor::new(octets);
        cursor.integer(prefix_bits).map(|value| (value, cursor.at()))
    }

    #[test]
    fn reads_the_integers_of_appendix_c_1() {
        let cases: [(u32, &[u8], usize); 3] = [
            (5, &[0b0000_1010], 10),                             // C.1.1
            (5, &[0b0001_1111, 0b1001_1010, 0b0000_1010], 1337), // C.1.2
            (8, &[0b0010_1010], 42),                             // C.1.3
        ];
        for (prefix_bits, octets, value) in cases {
            assert_eq!(integer(prefix_bits, octets), Ok((value, octets.len())));
        }
    }

    #[test]
    fn bits_before_the_prefix_do_not_count() {
        assert_eq!(integer(5, &[0b1110_1010]), Ok((10, 1)));
        assert_eq!(integer(5, &[0b1111_1111, 0x9a, 0x0a]), Ok((1337, 3)));
    }

    #[test]
    fn integers_have_at_most_32_bits() {
        let cases: [(&[u8], Result<usize, FrameError>); 6] = [
            (&[0xff, 0x80, 0x80, 0x80, 0x80, 0x00], Ok(255)),
            (&[0xff, 0x80, 0xfe, 0xff, 0xff, 0x0f], Ok(0xffff_ffff)),
            (&[0xff, 0x81, 0xfe, 0xff, 0xff, 0x0f], Err(FrameError::HpackInteger { at: 0 })),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], Err(FrameError::HpackInteger { at: 0 })),
            (&[0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], Err(FrameError::HpackInteger { at: 0 })),
            (&[0xff, 0x80, 0x80], Err(FrameError::HpackTruncated { at: 3 })),
        ];
        for (octets, expected) in cases {
            assert_eq!(integer(8, octets).map(|(value, _)| value), expected, "{octets:02x?}");
        }
    }

    #[test]
    fn integers_are_written_as_they_are_read() {
        for prefix_bits in 4..=7 {
            let values = (0..600).chain([4096, 16_383, 16_384, 0xffff_ffff]);
            for value in values {
                let mut octets = Vec::new();
                put_integer(&mut octets, 0, prefix_bits, value);
                assert_eq!(integer(prefix_bits, &octets), Ok((value, octets.len())), "{octets:02x?}");
            }
        }
        let mut octets = Vec::new();
        put_integer(&mut octets, 0b1110_0000, 5, 1337);
        put_huffman_string(&mut octets, b"\x9b\xd9\xab");
        assert_eq!(octets, b"\xff\x9a\x0a\x83\x9b\xd9\xab");
    }

    #[test]
    fn strings_end_where_their_length_says() {
        let mut cursor = Cursor::new(b"\x03abc\x00\x83\x9b\xd9\xab!");
        assert_eq!(cursor.string(), Ok((Bytes::from_static(b"abc"), false)));
        assert_eq!(cursor.string(), Ok((Bytes::new(), false)));
        assert_eq!(cursor.string(), Ok((Bytes::from_static(b"gzip"), true)));
        assert_eq!(cursor.peek(), Some(b'!'));
    }

    #[test]
    fn rejects_strings_longer_than_the_block() {
        // The last one promises 4 GiB: nothing is allocated for it.
        for octets in [&b"\x04abc"[..], b"\x84\x9b\xd9\xab", b"\x7f\x80\xff\xff\xff\x0fabc"] {
            let expected = FrameError::HpackTruncated { at: octets.len() };
            assert_eq!(Cursor::new(octets).string(), Err(expected), "{octets:02x?}");
        }
        assert_eq!(Cursor::new(b"").string(), Err(FrameError::HpackTruncated { at: 0 }));
    }
}
