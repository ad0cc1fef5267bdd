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
