//! What a field block says, and how it was said (RFC 7541, section 6)

use std::ops::Range;

use bytes::Bytes;

/// A field block, decoded. Size updates stand before the first field, so the two lists keep the order of the block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodedBlock {
    /// Dynamic table size updates at the beginning of the block.
    pub size_updates: Vec<SizeUpdate>,
    /// The fields in order, repeated names included.
    pub fields: Vec<Field>,
}

/// A field line and its representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, as sent; whether it is a legal one is a rule of HTTP.
    pub name: Bytes,
    /// Value, as sent.
    pub value: Bytes,
    /// How it was sent.
    pub representation: Representation,
    /// Whether the name came as a Huffman-coded string.
    pub name_huffman: bool,
    /// Whether the value came as a Huffman-coded string.
    pub value_huffman: bool,
    /// The octets of the block that it took.
    pub range: Range<usize>,
    /// The index by which the next block can refer to it; `None` when it was not added to the dynamic table, or has
    /// been evicted again before the end of the block.
    pub becomes: Option<usize>,
}

impl Field {
    /// What the field adds to the size of a list or a table: name, value and 32 octets (RFC 7541, section 4.1).
    pub fn size(&self) -> usize {
        super::table::entry_size(&self.name, &self.value)
    }
}

/// How a field is sent. A name index refers to the static table up to 61, to the dynamic table from 62 on; without one
/// the name came as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Representation {
    /// Section 6.1: name and value are an entry of a table.
    Indexed {
        /// The entry.
        index: usize,
    },
    /// Section 6.2.1, literal with incremental indexing: added to the dynamic table.
    LiteralIndexed {
        /// Entry that gives the name.
        name_index: Option<usize>,
    },
    /// Section 6.2.2, literal without indexing.
    LiteralPlain {
        /// Entry that gives the name.
        name_index: Option<usize>,
    },
    /// Section 6.2.3, literal never indexed: no hop may index it, so that its value stays unguessable.
    LiteralNeverIndexed {
        /// Entry that gives the name.
        name_index: Option<usize>,
    },
}

/// A dynamic table size update (RFC 7541, section 6.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeUpdate {
    /// The table's maximum size from here on.
    pub max_size: usize,
    /// The octets of the block that it took.
    pub range: Range<usize>,
}
