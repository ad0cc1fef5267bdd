//! **Dynamic table**: a first-in, first-out list bounded by size (RFC 7541, sections 2.3.2 and 4)
//!
//! The newest entry has index 62, right after the static table. An entry counts as its name, its value and 32 octets;
//! adding evicts the oldest until the new one fits, and one that never fits leaves the table empty.

use std::collections::VecDeque;

use bytes::Bytes;

use super::static_table;

/// The fields that later blocks can refer to.
#[derive(Clone, Debug)]
pub struct DynamicTable {
    /// Newest first.
    entries: VecDeque<Entry>,
    size: usize,
    max_size: usize,
}

impl DynamicTable {
    /// The entries with their index, newest first.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Entry)> {
        (FIRST_INDEX..).zip(&self.entries)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Octets that the entries count for.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Octets that they may count for; what the encoder set last.
    pub fn max_size(&self) -> usize {
        self.max_size
    }

    pub(super) const fn new(max_size: usize) -> Self {
        Self { entries: VecDeque::new(), size: 0, max_size }
    }

    /// The entry of an index that follows on the static table's.
    pub(super) fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index.checked_sub(FIRST_INDEX)?)
    }

    /// The highest index in use, also with no entry.
    pub(super) fn highest_index(&self) -> usize {
        static_table::LEN + self.entries.len()
    }

    pub(super) fn insert(&mut self, name: Bytes, value: Bytes) {
        let entry = Entry { name, value };
        let size = entry.size();
        self.evict_to(self.max_size.saturating_sub(size));
        if size <= self.max_size {
            self.size += size;
            self.entries.push_front(entry);
        }
    }

    pub(super) fn set_max_size(&mut self, max_size: usize) {
        self.max_size = max_size;
        self.evict_to(max_size);
    }

    fn evict_to(&mut self, size: usize) {
        while self.size > size
            && let Some(oldest) = self.entries.pop_back()
        {
            self.size -= oldest.size();
        }
    }
}

/// A field in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Bytes,
    /// Its value.
    pub value: Bytes,
}

impl Entry {
    /// Octets that it counts for (RFC 7541, section 4.1).
    pub fn size(&self) -> usize {
        entry_size(&self.name, &self.value)
    }
}

/// RFC 7541, section 4.1.
pub(super) fn entry_size(name: &[u8], value: &[u8]) -> usize {
    name.len().saturating_add(value.len()).saturating_add(ENTRY_OVERHEAD)
}

/// RFC 7541, section 4.1: an estimate of what an entry costs beside its octets.
const ENTRY_OVERHEAD: usize = 32;

/// Index of the newest entry: RFC 7541, section 2.3.3.
const FIRST_INDEX: usize = static_table::LEN + 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(table: &mut DynamicTable, name: &'static str, value: &'static str) {
        table.insert(Bytes::from_static(name.as_bytes()), Bytes::from_static(value.as_bytes()));
    }

    fn names(table: &DynamicTable) -> Vec<(usize, &str)> {
        table.iter().map(|(index, entry)| (index, std::str::from_utf8(&entry.name).unwrap())).collect()
    }

    #[test]
    fn the_newest_entry_has_index_62() {
        let mut table = DynamicTable::new(4096);
        insert(&mut table, "a", "1");
        insert(&mut table, "b", "2");
        assert_eq!(names(&table), [(62, "b"), (63, "a")]);
        assert_eq!(table.get(63).map(|entry| &entry.value[..]), Some(&b"1"[..]));
        assert_eq!((table.get(61), table.get(64)), (None, None));
        assert_eq!((table.size(), table.highest_index()), (68, 63));
    }

    #[test]
    fn the_oldest_goes_first() {
        let mut table = DynamicTable::new(70);
        insert(&mut table, "a", "1");
        insert(&mut table, "b", "2");
        insert(&mut table, "c", "3");
        assert_eq!(names(&table), [(62, "c"), (63, "b")]);
        table.set_max_size(67);
        assert_eq!(names(&table), [(62, "c")]);
        table.set_max_size(0);
        assert_eq!((table.len(), table.size()), (0, 0));
    }

    #[test]
    fn an_entry_that_cannot_fit_empties_the_table() {
        let mut table = DynamicTable::new(34);
        insert(&mut table, "a", "1");
        insert(&mut table, "b", "23");
        assert!(table.is_empty());
        assert_eq!(table.size(), 0);
    }
}
