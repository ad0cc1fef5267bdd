//! What a Protocol Buffers message may weigh once it is decoded, told from its bytes.
//!
//! Two octets can be an element of a repeated field and become a struct of many times their size: a message of 4 MiB,
//! 25 MiB and more. So its fields are counted before it is decoded, in one pass and without the message's type. What a
//! length delimits is looked into as if it were a message; where it turns out to be none it counts as far as it seemed to be
//! one. Too much is counted for text that looks like fields, never too little by more than one field holds by itself.

/// The bytes of a message, and for each field what its place in a struct or a list takes.
pub(super) fn of_fields(message: &[u8]) -> usize {
    let mut weight = message.len();
    let (mut at, mut end) = (0, message.len());
    // Where the messages end that stand around the one that is walked, innermost last.
    let mut around = Vec::new();
    loop {
        if at >= end {
            let Some(outer) = around.pop() else { return weight };
            end = outer;
        } else if let Some(field) = field(message, at, end) {
            weight += field.place;
            at = field.end;
            if field.content < field.end && around.len() < LEVELS_MAX {
                around.push(end);
                (at, end) = (field.content, field.end);
            }
        } else {
            // It is no message.
            at = end;
        }
    }
}

struct Field {
    /// What its place takes.
    place: usize,
    /// Where the content begins that may be a message.
    content: usize,
    end: usize,
}

/// The field at this place of a message that ends there.
fn field(message: &[u8], at: usize, end: usize) -> Option<Field> {
    let (tag, at) = varint(message, at)?;
    if tag >> 3 == 0 {
        return None;
    }
    let (place, content, field_end) = match tag & 7 {
        0 => (SCALAR, end, varint(message, at)?.1),
        1 => (SCALAR, end, at + 8),
        5 => (SCALAR, end, at + 4),
        2 => {
            let (len, content) = varint(message, at)?;
            (DELIMITED, content, content.checked_add(usize::try_from(len).ok()?)?)
        }
        // The beginning and the end of a group, which proto3 has not and skips: what is in it counts, and what follows.
        3 | 4 => (0, end, at),
        _ => return None,
    };
    (field_end <= end).then_some(Field { place, content, end: field_end })
}

/// A varint of up to ten octets, and where it ends.
fn varint(message: &[u8], at: usize) -> Option<(u64, usize)> {
    let first = *message.get(at)?;
    if first < 0x80 {
        return Some((u64::from(first), at + 1));
    }
    let mut value = 0;
    for (index, octet) in message.get(at..)?.iter().take(10).enumerate() {
        value |= u64::from(octet & 0x7f) << (7 * index);
        if octet & 0x80 == 0 {
            return Some((value, at + index + 1));
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
        let table: [(&[u8], usize); 11] = [
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
            // A group is skipped, and what follows counts.
            (b"\x7b\x7c\x12\x00", DELIMITED),
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
