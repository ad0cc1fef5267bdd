//! **HPACK**: field sections from their compressed form, with how each field was sent (RFC 7541)
//!
//! A [`Decoder`] reads one direction's field blocks in order. Beside name and value it tells what an audit asks: the
//! representation, the index used, Huffman coding, the octets taken, the index gained, and the dynamic table after
//! the block. It never encodes; what the guard changes in a received block it writes by the production's own file.

mod decoder;
mod field;
pub(crate) mod huffman;
pub(crate) mod primitive;
mod static_table;
mod table;

pub use decoder::{DEFAULT_MAX_LIST_SIZE, DEFAULT_TABLE_SIZE, Decoder};
pub use field::{DecodedBlock, Field, Representation, SizeUpdate};
pub use table::{DynamicTable, Entry};
