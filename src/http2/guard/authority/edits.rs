//! Changes to a block, collected while it is read

use std::ops::Range;

/// Octets to stand in the place of others, in the order of the block.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// Unallocated until a block needs one.
    edits: Vec<(Range<usize>, Vec<u8>)>,
}

impl Edits {
    /// Puts `octets` in the place of those at `range`, which follow on what was replaced before.
    pub(super) fn replace(&mut self, range: Range<usize>, octets: Vec<u8>) {
        self.edits.push((range, octets));
    }

    /// Whether nothing is to be changed.
    pub(super) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Changes the block, zeroes what is left at its end and gives its new length.
    pub(super) fn apply(self, block: &mut [u8]) -> usize {
        if self.edits.is_empty() {
            return block.len();
        }
        let mut edited = Vec::with_capacity(block.len());
        let mut at = 0;
        for (range, octets) in self.edits {
            edited.extend_from_slice(block.get(at..range.start).unwrap_or_default());
            edited.extend_from_slice(&octets);
            at = range.end;
        }
        edited.extend_from_slice(block.get(at..).unwrap_or_default());
        // Never longer: each edit is as long as what it replaces at most, or makes use of octets taken out before it.
        let Some((place, rest)) = block.split_at_mut_checked(edited.len()) else { return block.len() };
        place.copy_from_slice(&edited);
        rest.fill(0);
        edited.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type All = &'static [(Range<usize>, &'static str)];

    #[test]
    fn a_block_is_edited_in_place() {
        let cases: [(All, &[u8], usize); 4] = [
            (&[], b"0123456789", 10),
            (&[(1..3, "ab")], b"0ab3456789", 10),
            (&[(0..1, ""), (4..6, "a"), (9..10, "")], b"123a678\0\0\0", 7),
            (&[(0..2, ""), (5..5, "a"), (5..6, "b")], b"234ab6789\0", 9),
        ];
        for (edits, expected, len) in cases {
            let mut block = *b"0123456789";
            let mut all = Edits::default();
            edits.iter().for_each(|(range, octets)| all.replace(range.clone(), octets.as_bytes().to_vec()));
            assert_eq!((all.apply(&mut block), &block[..]), (len, expected));
        }
    }
}
