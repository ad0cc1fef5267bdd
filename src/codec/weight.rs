//! What a Protocol Buffers message may weigh once it is decoded, told from its bytes.
//!
//! Two octets can be an element of a repeated field and become a struct of many times their size: a message of 4 MiB,
//! 25 MiB and more. So its fields are counted before it is decoded, in one pass and without the message's type. What a
//! length delimits is looked into as if it were a message; where it turns out to be none it counts as far as it seemed to be
//! one. Too much is counted for text that looks like fields, never too little by more than one field holds by itself.

/// The bytes of a message, and for each field what its place in a struct or a list takes.
pub(super) fn of_fields(message: &[u8]) -> usize {
    let mut fields = Fields { rest: message, ends: Vec::new(), weight: message.len() };
    while !fields.rest.is_empty() {
        if fields.next().is_none() {
            fields.skip_level();
        }
        fields.leave_levels();
    }
    fields.weight
}

/// A walk over the fields of all levels, in the order of their octets.
struct Fields<'a> {
    rest: &'a [u8],
    /// How many octets are left behind each message that was entered, innermost last.
    ends: Vec<usize>,
    weight: usize,
}

impl<'a> Fields<'a> {
    /// Steps over a field, or into one that a length delimits; `None` where there is none.
    fn next(&mut self) -> Option<()> {
        let end = self.ends.last().copied().unwrap_or(0);
        let level = self.rest.get(..self.rest.len().checked_sub(end)?)?;
        let (tag, rest) = varint(level)?;
        if tag >> 3 == 0 {
            return None;
        }
        let (rest, weight) = match tag & 7 {
            0 => (varint(rest)?.1, SCALAR),
            1 => (rest.get(8..)?, SCALAR),
            5 => (rest.get(4..)?, SCALAR),
            2 => {
                let (len, rest) = varint(rest)?;
                let behind = rest.len().checked_sub(usize::try_from(len).ok()?)?;
                if self.ends.len() < LEVELS_MAX {
                    self.ends.push(behind + end);
                    (rest, DELIMITED)
                } else {
                    (rest.get(rest.len() - behind..)?, DELIMITED)
                }
            }
            // Groups, which proto3 has not, and what is not defined.
            _ => return None,
        };
        self.weight = self.weight.saturating_add(weight);
        self.rest = self.rest.get(self.rest.len().checked_sub(rest.len() + end)?..)?;
        Some(())
    }

    /// Gives up the innermost message, which is none.
    fn skip_level(&mut self) {
        let end = self.ends.pop().unwrap_or(0);
        self.rest = self.rest.get(self.rest.len().saturating_sub(end)..).unwrap_or_default();
    }

    /// Leaves the messages that end here.
    fn leave_levels(&mut self) {
        while self.ends.last().is_some_and(|end| *end >= self.rest.len()) {
            self.ends.pop();
        }
    }
}

/// A varint of up to ten octets, and what follows.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, octet) in bytes.iter().take(10).enumerate() {
        value |= u64::from(octet & 0x7f) << (7 * index);
        if octet & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

// The largest number, beside what a list may keep spare.
const SCALAR: usize = 8;

// A `String` or a `Vec` takes 24 bytes, a `Bytes` 32, a small struct or an entry of a map about as much or more.
const DELIMITED: usize = 48;

// Where prost gives up, too.
const LEVELS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_on_all_levels() {
        let table: [(&[u8], usize); 10] = [
            (b"", 0),
            (b"\x08\x01", SCALAR),
            (b"\x0d1234", SCALAR),
            (b"\x0912345678", SCALAR),
            (b"\x12\x00", DELIMITED),
            (b"\x12\x00\x12\x00\x12\x00", 3 * DELIMITED),
            // A message of two numbers, and a number behind it.
            (b"\x12\x04\x08\x01\x10\x02\x08\x01", DELIMITED + 3 * SCALAR),
            // A message in a message that ends with it.
            (b"\x12\x04\x0a\x02\x08\x01\x08\x01", 2 * DELIMITED + 2 * SCALAR),
            // Text is no message, and what follows counts.
            (b"\x0a\x03ccc\x12\x00", 2 * DELIMITED),
            (b"\x0a\x04\0\0\0\0\x08\x01", DELIMITED + SCALAR),
        ];
        for (message, weight) in table {
            assert_eq!(of_fields(message), message.len() + weight, "{message:?}");
        }
    }

    #[test]
    fn what_is_broken_counts_as_far_as_it_goes() {
        for broken in [
            &b"\x12\x05\0"[..],
            b"\x08",
            b"\x08\x80",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\0\0",
        ] {
            assert_eq!(of_fields(broken), broken.len(), "{broken:?}");
        }
        assert_eq!(of_fields(b"\x08\x01\x07\x08\x01"), 5 + SCALAR);
    }

    #[test]
    fn a_large_field_of_bytes_weighs_no_more_than_itself() {
        for filler in [0, b'c', 0xff] {
            let message = [&b"\x12\x80\x80\x40"[..], &vec![filler; 1 << 20]].concat();
            assert!(of_fields(&message) < message.len() + 100);
        }
    }

    #[test]
    fn two_octets_for_an_element_weigh_many_times_their_size() {
        assert_eq!(of_fields(&b"\x12\x00".repeat(1 << 20)), 50 << 20);
    }

    #[test]
    fn deep_nesting_is_walked_in_one_pass() {
        let mut message = Vec::new();
        for _ in 0..20_000 {
            let mut len = message.len();
            let mut head = vec![0x0a];
            while len > 0x7f {
                head.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
                len >>= 7;
            }
            head.push(u8::try_from(len).unwrap());
            head.reverse();
            message.extend(head);
        }
        // Built from its end.
        message.reverse();
        assert!(of_fields(&message) >= message.len() + LEVELS_MAX * DELIMITED);
    }
}
