//! A JSON object written member by member (RFC 8259), so that the tap needs no JSON library.

use std::fmt::{Display, Write};

/// Writes one object to the end of a string; closed by [`Object::close`].
#[derive(Debug)]
pub(super) struct Object<'a> {
    out: &'a mut String,
    is_empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn open(out: &'a mut String) -> Self {
        out.push('{');
        Object { out, is_empty: true }
    }

    pub(super) fn close(self) {
        self.out.push('}');
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        quote(self.out, value);
    }

    pub(super) fn number(&mut self, key: &str, value: impl Number) {
        self.key(key);
        let _ = write!(self.out, "{value}");
    }

    pub(super) fn boolean(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out.push_str(if value { "true" } else { "false" });
    }

    /// A member that is an array of objects.
    pub(super) fn objects<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Object<'_>, T),
    ) {
        self.key(key);
        self.out.push('[');
        for (place, item) in items.into_iter().enumerate() {
            if place > 0 {
                self.out.push(',');
            }
            nest(self.out, |object| fill(object, item));
        }
        self.out.push(']');
    }

    fn key(&mut self, key: &str) {
        if !self.is_empty {
            self.out.push(',');
        }
        self.is_empty = false;
        quote(self.out, key);
        self.out.push(':');
    }
}

/// Integers: their `Display` is a JSON number.
pub(super) trait Number: Display {}

impl Number for u8 {}
impl Number for u16 {}
impl Number for u32 {}
impl Number for u64 {}
impl Number for u128 {}
impl Number for usize {}

fn nest(out: &mut String, fill: impl FnOnce(&mut Object<'_>)) {
    let mut object = Object::open(out);
    fill(&mut object);
    object.close();
}

/// Appends a JSON string: quote, backslash and control characters escaped (RFC 8259, section 7).
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // DEL and the separators are legal but break terminals and line readers.
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_json_demands_and_what_breaks_lines() {
        let table = [
            ("plain é 🦀", "\"plain é 🦀\""),
            ("\"\\/", "\"\\\"\\\\/\""),
            ("\n\r\t\u{8}\u{0}", "\"\\n\\r\\t\\u0008\\u0000\""),
            ("\u{7f}\u{85}\u{2028}", "\"\\u007f\\u0085\\u2028\""),
        ];
        for (text, expected) in table {
            let mut out = String::new();
            quote(&mut out, text);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn nests_objects_and_arrays() {
        let mut out = String::new();
        let mut object = Object::open(&mut out);
        object.number("a", 1u32);
        object.objects("b", [true, false], |object, value| object.boolean("c", value));
        object.objects("d", [(); 0], |_, ()| {});
        object.close();
        assert_eq!(out, r#"{"a":1,"b":[{"c":true},{"c":false}],"d":[]}"#);
    }
}
