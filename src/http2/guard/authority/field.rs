//! **Representations** of a field block, as far as they tell which is `:authority` (RFC 7541, section 6)
//!
//! Unlike [`hpack::Decoder`](crate::frame::hpack::Decoder) this decodes and copies nothing that is not asked for.

use std::{borrow::Cow, ops::Range};

use crate::frame::hpack::{huffman, primitive::Cursor};

/// A block that breaks HPACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// One representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// The octets of the block that it takes.
    pub(super) range: Range<usize>,
    pub(super) line: Line<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Section 6.3.
    SizeUpdate,
    /// Section 6.1.
    Indexed(Index),
    /// Section 6.2.
    Literal(Literal<'a>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Literal<'a> {
    pub(super) name: Name<'a>,
    pub(super) value: Text<'a>,
    /// Whether it becomes an entry of the dynamic table.
    pub(super) is_added: bool,
}

/// A reference to an entry of the static or the dynamic table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) value: usize,
    /// The octets of the block that hold it.
    pub(super) range: Range<usize>,
    /// What the first octet holds besides, and how many of its bits are the index's.
    pub(super) first_bits: u8,
    pub(super) prefix_bits: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    Indexed(Index),
    Literal(Text<'a>),
}

/// A string literal (section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text<'a> {
    /// The octets of the block that it takes with its length.
    pub(super) range: Range<usize>,
    pub(super) octets: &'a [u8],
    pub(super) is_huffman: bool,
}

impl<'a> Field<'a> {
    /// The next field of a block.
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Option<Self>, Broken> {
        let begin = cursor.at();
        let Some(first) = cursor.peek() else { return Ok(None) };
        let line = match first {
            0b1000_0000.. => Line::Indexed(Index::read(cursor, 0b1000_0000, 7)?),
            0b0100_0000.. => Line::Literal(Literal::read(cursor, ADDED, 6)?),
            0b0010_0000.. => {
                Index::read(cursor, 0b0010_0000, 5)?;
                Line::SizeUpdate
            }
            _ => Line::Literal(Literal::read(cursor, first & NEVER_INDEXED, 4)?),
        };
        Ok(Some(Self { range: begin..cursor.at(), line }))
    }
}

impl<'a> Literal<'a> {
    fn read(cursor: &mut Cursor<'a>, first_bits: u8, prefix_bits: u32) -> Result<Self, Broken> {
        let index = Index::read(cursor, first_bits, prefix_bits)?;
        let name = if index.value == 0 { Name::Literal(Text::read(cursor)?) } else { Name::Indexed(index) };
        Ok(Self { name, value: Text::read(cursor)?, is_added: first_bits == ADDED })
    }
}

impl Index {
    fn read(cursor: &mut Cursor<'_>, first_bits: u8, prefix_bits: u32) -> Result<Self, Broken> {
        let begin = cursor.at();
        let value = cursor.integer(prefix_bits).map_err(|_| Broken)?;
        Ok(Self { value, range: begin..cursor.at(), first_bits, prefix_bits })
    }
}

impl<'a> Text<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Broken> {
        let begin = cursor.at();
        let (octets, is_huffman) = cursor.string_octets().map_err(|_| Broken)?;
        Ok(Self { range: begin..cursor.at(), octets, is_huffman })
    }

    /// The octets of the block that it takes without its length.
    pub(super) fn octets_range(&self) -> Range<usize> {
        self.range.end.saturating_sub(self.octets.len())..self.range.end
    }

    /// Whether it says `:authority`.
    pub(super) fn is_authority(&self) -> bool {
        // A text has one Huffman code: the padding is all 1.
        self.octets == if self.is_huffman { HUFFMAN_NAME } else { NAME }
    }

    /// What it says.
    pub(super) fn decoded(&self) -> Result<Cow<'a, [u8]>, Broken> {
        if !self.is_huffman {
            return Ok(Cow::Borrowed(self.octets));
        }
        let decoded = huffman::decode(self.octets).map_err(|_| Broken)?;
        Ok(Cow::Owned(decoded.into()))
    }
}

/// How many representations a block holds, updates of the table's size among them. An index of one octet stands for a
/// field of any length, so octets alone do not tell what a block costs. What is malformed ends the count: h2 ends the
/// connection there.
pub(in crate::http2::guard) fn representations(block: &[u8]) -> usize {
    let mut cursor = Cursor::new(block);
    std::iter::from_fn(|| Field::read(&mut cursor).ok().flatten()).count()
}

/// How a literal with incremental indexing begins (section 6.2.1).
const ADDED: u8 = 0b0100_0000;

/// How a literal never indexed begins (section 6.2.3).
const NEVER_INDEXED: u8 = 0b0001_0000;

const NAME: &[u8] = b":authority";
const HUFFMAN_NAME: &[u8] = &[0xb8, 0x3b, 0x53, 0x39, 0xec, 0x32, 0x7d, 0x7f];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_known_in_both_codings() {
        assert_eq!(HUFFMAN_NAME, huffman::encode(NAME));
    }

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
