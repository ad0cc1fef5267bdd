//! **Field block** -> fields, one representation after the other (RFC 7541, sections 3 and 6)
//!
//! The decoder keeps the dynamic table in step with the encoder's. Once a block breaks a rule the table cannot be
//! trusted, so every later block gives the same error. The decoded size is bounded; a block beyond the bound is still
//! read to its end, since its insertions count.

use bytes::Bytes;

use super::super::FrameError;
use super::primitive::Cursor;
use super::static_table;
use super::{DecodedBlock, DynamicTable, Field, Representation, SizeUpdate};

/// SETTINGS_HEADER_TABLE_SIZE until a side sets it.
pub const DEFAULT_TABLE_SIZE: usize = 4096;

/// Decoded octets of one section that a decoder gives when not told otherwise: 1 MiB.
pub const DEFAULT_MAX_LIST_SIZE: usize = 1 << 20;

/// Decodes one direction's field blocks in the order they were sent.
#[derive(Clone, Debug)]
pub struct Decoder {
    table: DynamicTable,
    /// The acknowledged SETTINGS_HEADER_TABLE_SIZE.
    max_table_size: usize,
    /// The table must shrink to this at the beginning of the next block.
    owed_update: Option<usize>,
    max_list_size: usize,
    broken: Option<FrameError>,
}

impl Decoder {
    /// A decoder whose table has `max_table_size` from the first block on; HTTP/2 begins with [`DEFAULT_TABLE_SIZE`].
    pub const fn new(max_table_size: usize) -> Self {
        Self {
            table: DynamicTable::new(max_table_size),
            max_table_size,
            owed_update: None,
            max_list_size: DEFAULT_MAX_LIST_SIZE,
            broken: None,
        }
    }

    /// Bounds the decoded size of one section, counted as SETTINGS_MAX_HEADER_LIST_SIZE counts.
    #[must_use]
    pub fn with_max_list_size(self, max: usize) -> Self {
        Self { max_list_size: max, ..self }
    }

    /// Sets the limit of size updates: SETTINGS_HEADER_TABLE_SIZE of the blocks' receiver, at the place where their
    /// sender acknowledges it. If the table is larger, the next block must begin with a size update that shrinks it
    /// (RFC 9113, section 4.3.1).
    pub fn set_max_table_size(&mut self, max: usize) {
        self.max_table_size = max;
        if max < self.table.max_size() {
            // Of several changes between two blocks the smallest must be told (RFC 7541, section 4.2).
            self.owed_update = Some(self.owed_update.map_or(max, |owed| owed.min(max)));
        }
    }

    /// Decodes a whole field block.
    ///
    /// # Errors
    /// [`FrameError::ListTooLarge`] leaves the decoder in step. Any other is a COMPRESSION_ERROR that ends the
    /// connection; the decoder repeats it from then on.
    pub fn decode(&mut self, block: &[u8]) -> Result<DecodedBlock, FrameError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let decoded = self.decode_in_step(block);
        if let Err(error) = decoded
            && !matches!(error, FrameError::ListTooLarge { .. })
        {
            self.broken = Some(error);
        }
        decoded
    }

    /// The dynamic table after the last block.
    pub const fn table(&self) -> &DynamicTable {
        &self.table
    }

    fn decode_in_step(&mut self, block: &[u8]) -> Result<DecodedBlock, FrameError> {
        let mut cursor = Cursor::new(block);
        let mut decoded =
            DecodedBlock { size_updates: self.size_updates(&mut cursor)?, ..DecodedBlock::default() };
        let mut list_size = 0_usize;
        while let Some(octet) = cursor.peek() {
            let field = self.field(octet, &mut cursor)?;
            list_size = list_size.saturating_add(field.size());
            if list_size <= self.max_list_size {
                decoded.fields.push(field);
            }
        }
        if list_size > self.max_list_size {
            return Err(FrameError::ListTooLarge { max: self.max_list_size });
        }
        name_survivors(&mut decoded.fields, &self.table);
        Ok(decoded)
    }

    /// Section 4.2: size updates stand at the beginning of a block.
    fn size_updates(&mut self, cursor: &mut Cursor<'_>) -> Result<Vec<SizeUpdate>, FrameError> {
        let mut updates = Vec::new();
        while cursor.peek().is_some_and(is_size_update) {
            let at = cursor.at();
            let max_size = cursor.integer(5)?;
            if max_size > self.max_table_size {
                return Err(FrameError::SizeUpdateTooLarge { at, size: max_size, max: self.max_table_size });
            }
            self.table.set_max_size(max_size);
            self.owed_update.take_if(|owed| max_size <= *owed);
            updates.push(SizeUpdate { max_size, range: at..cursor.at() });
        }
        match self.owed_update {
            Some(max) if cursor.peek().is_some() => Err(FrameError::SizeUpdateMissing { max }),
            _ => Ok(updates),
        }
    }

    /// Section 6: the first bits tell the representation.
    fn field(&mut self, first: u8, cursor: &mut Cursor<'_>) -> Result<Field, FrameError> {
        match first {
            0b1000_0000.. => self.indexed(cursor),
            0b0100_0000.. => {
                let field =
                    self.literal(cursor, 6, |name_index| Representation::LiteralIndexed { name_index })?;
                self.table.insert(field.name.clone(), field.value.clone());
                Ok(field)
            }
            0b0010_0000.. => Err(FrameError::SizeUpdateLate { at: cursor.at() }),
            0b0001_0000.. => {
                self.literal(cursor, 4, |name_index| Representation::LiteralNeverIndexed { name_index })
            }
            _ => self.literal(cursor, 4, |name_index| Representation::LiteralPlain { name_index }),
        }
    }

    fn indexed(&self, cursor: &mut Cursor<'_>) -> Result<Field, FrameError> {
        let at = cursor.at();
        let index = cursor.integer(7)?;
        let (name, value) = self.entry(index, at)?;
        Ok(Field {
            name,
            value,
            representation: Representation::Indexed { index },
            name_huffman: false,
            value_huffman: false,
            range: at..cursor.at(),
            becomes: None,
        })
    }

    fn literal(
        &self,
        cursor: &mut Cursor<'_>,
        prefix_bits: u32,
        representation: fn(Option<usize>) -> Representation,
    ) -> Result<Field, FrameError> {
        let at = cursor.at();
        let name_index = Some(cursor.integer(prefix_bits)?).filter(|index| *index != 0);
        let (name, name_huffman) = match name_index {
            Some(index) => (self.entry(index, at)?.0, false),
            None => cursor.string()?,
        };
        let (value, value_huffman) = cursor.string()?;
        Ok(Field {
            name,
            value,
            representation: representation(name_index),
            name_huffman,
            value_huffman,
            range: at..cursor.at(),
            becomes: None,
        })
    }

    /// Section 2.3.3: one address space for both tables.
    fn entry(&self, index: usize, at: usize) -> Result<(Bytes, Bytes), FrameError> {
        if index == 0 {
            return Err(FrameError::HpackIndexZero { at });
        }
        if let Some((name, value)) = static_table::get(index) {
            return Ok((Bytes::from_static(name.as_bytes()), Bytes::from_static(value.as_bytes())));
        }
        let highest = self.table.highest_index();
        let entry = self.table.get(index).ok_or(FrameError::HpackIndex { at, index, highest })?;
        Ok((entry.name.clone(), entry.value.clone()))
    }
}

/// Decodes with [`DEFAULT_TABLE_SIZE`].
impl Default for Decoder {
    fn default() -> Self {
        Self::new(DEFAULT_TABLE_SIZE)
    }
}

/// Section 6.3: `001` and the size.
const fn is_size_update(octet: u8) -> bool {
    octet & 0b1110_0000 == 0b0010_0000
}

/// Tells the added fields their index. Eviction takes the oldest first, so what is left of a block's additions are its
/// last ones, and they are the table's newest entries.
fn name_survivors(fields: &mut [Field], table: &DynamicTable) {
    let is_added = |field: &&mut Field| matches!(field.representation, Representation::LiteralIndexed { .. });
    for (field, (index, _)) in fields.iter_mut().rev().filter(is_added).zip(table.iter()) {
        field.becomes = Some(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and value of each field.
    fn list(decoded: &DecodedBlock) -> Vec<(&[u8], &[u8])> {
        decoded.fields.iter().map(|field| (&field.name[..], &field.value[..])).collect()
    }

    #[test]
    fn rejects_what_section_6_does_not_allow() {
        let cases: [(&[u8], FrameError); 11] = [
            (b"\x80", FrameError::HpackIndexZero { at: 0 }),
            (b"\x82\xbe", FrameError::HpackIndex { at: 1, index: 62, highest: 61 }),
            (b"\x7e\x01a", FrameError::HpackIndex { at: 0, index: 62, highest: 61 }),
            (b"\xff", FrameError::HpackTruncated { at: 1 }),
            (b"\x40", FrameError::HpackTruncated { at: 1 }),
            (b"\x40\x01a", FrameError::HpackTruncated { at: 3 }),
            (b"\x04\x03/a", FrameError::HpackTruncated { at: 4 }),
            (b"\x82\x20", FrameError::SizeUpdateLate { at: 1 }),
            (b"\x3f\xe2\x1f", FrameError::SizeUpdateTooLarge { at: 0, size: 4097, max: 4096 }),
            (b"\x04\x81\x18", FrameError::HuffmanPadding { at: 2 }),
            (b"\x04\x84\xff\xff\xff\xff", FrameError::HuffmanEos { at: 2 }),
        ];
        for (block, error) in cases {
            assert_eq!(Decoder::default().decode(block), Err(error), "{block:02x?}");
            assert_eq!(error.code(), crate::frame::ErrorCode::CompressionError);
        }
    }

    #[test]
    fn after_an_error_every_block_gives_it_again() {
        let mut decoder = Decoder::default();
        assert!(decoder.decode(b"\x82").is_ok());
        let error = decoder.decode(b"\x80").unwrap_err();
        assert_eq!(decoder.decode(b"\x82"), Err(error));
    }

    #[test]
    fn a_field_can_be_evicted_by_its_own_block() {
        // A table for one entry: the second field evicts the first, whose name it uses (section 4.4).
        let mut decoder = Decoder::new(40);
        let decoded = decoder.decode(b"\x40\x03abc\x011\x7e\x012").unwrap();
        assert_eq!(list(&decoded), [(&b"abc"[..], &b"1"[..]), (b"abc", b"2")]);
        let becomes: Vec<_> = decoded.fields.iter().map(|field| field.becomes).collect();
        assert_eq!(becomes, [None, Some(62)]);
        assert_eq!(decoder.table().len(), 1);
    }

    #[test]
    fn a_field_larger_than_the_table_is_no_error() {
        let mut decoder = Decoder::new(40);
        let decoded = decoder.decode(b"\x40\x01a\x01b\x40\x05large\x05value\x40\x01c\x01d").unwrap();
        let becomes: Vec<_> = decoded.fields.iter().map(|field| field.becomes).collect();
        assert_eq!(becomes, [None, None, Some(62)]);
        let decoded = decoder.decode(b"\x40\x05large\x05value").unwrap();
        assert_eq!((decoded.fields.len(), decoder.table().len()), (1, 0));
    }

    #[test]
    fn size_updates_are_reported_and_evict() {
        let mut decoder = Decoder::default();
        decoder.decode(b"\x40\x01a\x01b").unwrap();
        let decoded = decoder.decode(b"\x20\x3f\xe1\x1f\x82").unwrap();
        let updates = [SizeUpdate { max_size: 0, range: 0..1 }, SizeUpdate { max_size: 4096, range: 1..4 }];
        assert_eq!(decoded.size_updates, updates);
        assert_eq!(list(&decoded), [(&b":method"[..], &b"GET"[..])]);
        assert_eq!((decoder.table().len(), decoder.table().max_size()), (0, 4096));
    }

    #[test]
    fn a_smaller_limit_must_be_taken_up_by_the_next_block() {
        let shrunk = || {
            let mut decoder = Decoder::default();
            // Both changes fall between two blocks: the smaller one counts.
            decoder.set_max_table_size(31);
            decoder.set_max_table_size(100);
            decoder
        };
        assert_eq!(shrunk().decode(b"\x82"), Err(FrameError::SizeUpdateMissing { max: 31 }));
        assert_eq!(shrunk().decode(b"\x3f\x01\x82"), Err(FrameError::SizeUpdateMissing { max: 31 }));
        assert!(shrunk().decode(b"\x3e\x82").is_ok());
        let mut decoder = shrunk();
        assert!(decoder.decode(b"\x3e\x3f\x45\x82").is_ok());
        assert_eq!(decoder.table().max_size(), 100);
        assert!(decoder.decode(b"\x82").is_ok());
    }

    #[test]
    fn a_limit_that_the_table_keeps_already_needs_no_update() {
        let mut decoder = Decoder::default();
        decoder.decode(b"\x20").unwrap();
        decoder.set_max_table_size(100);
        assert!(decoder.decode(b"\x82").is_ok());
        decoder.set_max_table_size(65_536);
        assert!(decoder.decode(b"\x82").is_ok());
        assert_eq!(decoder.table().max_size(), 0);
    }

    #[test]
    fn a_section_beyond_the_bound_leaves_the_table_in_step() {
        let mut decoder = Decoder::default().with_max_list_size(3 * 34);
        let added = b"\x40\x01a\x01b";
        let error = FrameError::ListTooLarge { max: 102 };
        assert_eq!(decoder.decode(&added.repeat(4)), Err(error));
        assert_eq!(decoder.table().len(), 4);
        // One octet each, and as large as what it refers to.
        assert_eq!(decoder.decode(b"\xbe\xbe\xbe\xbe"), Err(error));
        assert_eq!(decoder.decode(b"\xbe\xbf\xc1").map(|decoded| decoded.fields.len()), Ok(3));
    }
}
