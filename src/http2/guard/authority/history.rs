//! **Dynamic table**, as far as `:authority` entries are concerned (RFC 7541, section 2.3)
//!
//! An index says how many entries were added since, so counting is enough: evictions need no tracking, because a valid
//! index never reaches an evicted entry. An empty `:authority` is never added to h2's table; what is older has a lower
//! index there, and stays there longer than the peer refers to it.

use std::collections::VecDeque;

use bytes::Bytes;

/// The `:authority` entries that a peer may still refer to.
#[derive(Debug)]
pub(super) struct History {
    /// Entries added by the peer since the connection began.
    added: usize,
    /// Oldest first.
    entries: VecDeque<Entry>,
    /// Octets that they count for.
    size: usize,
    /// The most that the peer's table holds.
    max_size: usize,
    /// How many of them h2 does not have.
    missing: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Its place among all that were added, from 1.
    nth: usize,
    size: usize,
    value: Value,
}

/// The value of an `:authority` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// As it was sent.
    Legal,
    /// Overwritten; this was sent.
    Cured(Bytes),
    /// Empty, and not in h2's table.
    Empty,
}

impl History {
    pub(super) const fn new(max_size: usize) -> Self {
        Self { added: 0, entries: VecDeque::new(), size: 0, max_size, missing: 0 }
    }

    /// How many entries the peer has added so far.
    pub(super) fn added(&self) -> usize {
        self.added
    }

    /// The `:authority` entry of an index, if it is one.
    pub(super) fn get(&self, index: usize) -> Option<&Value> {
        if self.entries.is_empty() {
            return None;
        }
        let nth = self.nth(index)?;
        self.entries.iter().rev().find(|entry| entry.nth == nth).map(|entry| &entry.value)
    }

    /// The index that an entry has in h2's table.
    pub(super) fn index_in_h2(&self, index: usize) -> usize {
        if self.missing == 0 {
            return index;
        }
        let Some(nth) = self.nth(index) else { return index };
        let newer = self.entries.iter().rev().take_while(|entry| entry.nth > nth);
        index.saturating_sub(newer.filter(|entry| entry.value == Value::Empty).count())
    }

    /// Takes note of an added entry with another name.
    pub(super) fn add_other(&mut self) {
        self.added = self.added.saturating_add(1);
    }

    /// Takes note of an added `:authority` whose value has this many octets.
    pub(super) fn add(&mut self, value: Value, len: usize) {
        self.add_other();
        // RFC 7541, section 4.1.
        let size = len.saturating_add(EMPTY_SIZE);
        self.missing += usize::from(value == Value::Empty);
        self.size = self.size.saturating_add(size);
        self.entries.push_back(Entry { nth: self.added, size, value });
        // What these alone have driven out of the table.
        while self.size > self.max_size
            && let Some(oldest) = self.entries.pop_front()
        {
            self.size = self.size.saturating_sub(oldest.size);
            self.missing -= usize::from(oldest.value == Value::Empty);
        }
    }

    fn nth(&self, index: usize) -> Option<usize> {
        let newer = index.checked_sub(FIRST_INDEX)?;
        self.added.checked_sub(newer).filter(|nth| *nth > 0)
    }
}

/// What `:authority` and an empty value count for: RFC 7541, section 4.1.
const EMPTY_SIZE: usize = 10 + 32;

/// Index of the newest entry: RFC 7541, section 2.3.3.
const FIRST_INDEX: usize = 62;

#[cfg(test)]
mod tests {
    use super::*;

    fn cured(sent: &'static str) -> Value {
        Value::Cured(Bytes::from_static(sent.as_bytes()))
    }

    #[test]
    fn an_entry_is_found_by_how_many_were_added_since() {
        let mut history = History::new(4096);
        assert_eq!(history.get(62), None);
        history.add_other();
        history.add(cured("/a"), 2);
        history.add_other();
        history.add(Value::Legal, 9);
        let found: Vec<_> = (60..68).map(|index| history.get(index).cloned()).collect();
        let expected = [None, None, Some(Value::Legal), None, Some(cured("/a")), None, None, None];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_older_than_an_empty_one_has_a_lower_index_in_h2() {
        let mut history = History::new(4096);
        history.add_other();
        history.add(Value::Empty, 0);
        history.add_other();
        history.add(Value::Empty, 0);
        history.add_other();
        let indices: Vec<_> = [1, 61, 62, 64, 66, 67].map(|index| history.index_in_h2(index)).to_vec();
        assert_eq!(indices, [1, 61, 62, 63, 64, 67]);
    }

    #[test]
    fn no_more_is_kept_than_a_table_holds() {
        let mut history = History::new(4096);
        for _ in 0..10_000 {
            history.add(Value::Empty, 0);
            history.add(cured("/a"), 2);
        }
        assert_eq!(history.entries.len(), 4096 / (42 + 44) * 2 + 1);
        assert_eq!(
            history.missing,
            history.entries.iter().filter(|entry| entry.value == Value::Empty).count()
        );
        // Larger than the table: it drives out all others, and is not kept itself.
        history.add(cured(""), 4096);
        assert_eq!((history.entries.len(), history.size, history.missing), (0, 0, 0));
    }
}
