//! One block on its way: finds each `:authority` and decides what becomes of it
//!
//! A second `:authority` makes a request malformed (RFC 9113, section 8.3.1). h2 sees that by itself, unless the first
//! one was taken out; then an empty one is put before the second, so that h2 refuses the request all the same.

use std::ops::Range;

use bytes::Bytes;

use super::{
    edits::Edits,
    field::{Broken, Field, Index, Line, Literal, Name, Text},
    history::{History, Value},
    legal,
};
use crate::frame::hpack::{
    huffman,
    primitive::{Cursor, put_huffman_string, put_integer},
};

pub(super) struct Reading<'a> {
    history: &'a mut History,
    edits: Edits,
    sent: Option<Bytes>,
    seen: Seen,
}

/// The `:authority` fields of the block so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    None,
    /// One, which was empty and is taken out.
    TakenOut,
    /// One that stays, or several.
    Some,
}

impl<'a> Reading<'a> {
    pub(super) fn new(history: &'a mut History) -> Self {
        Self { history, edits: Edits::default(), sent: None, seen: Seen::None }
    }

    /// Reads the whole block.
    pub(super) fn read(&mut self, block: &[u8]) -> Result<(), Broken> {
        let mut cursor = Cursor::new(block);
        while let Some(field) = Field::read(&mut cursor)? {
            match &field.line {
                Line::SizeUpdate => {}
                Line::Indexed(index) => self.indexed(&field.range, index),
                Line::Literal(literal) if self.is_authority(&literal.name) => {
                    self.authority(&field.range, literal)?;
                }
                Line::Literal(literal) => {
                    self.renumber_name(&literal.name);
                    if literal.is_added {
                        self.history.add_other();
                    }
                }
            }
        }
        Ok(())
    }

    /// What is to be changed, and what the peer sent if it is.
    pub(super) fn finish(self) -> (Edits, Option<Bytes>) {
        (self.edits, self.sent)
    }

    fn is_authority(&self, name: &Name<'_>) -> bool {
        match name {
            Name::Literal(text) => text.is_authority(),
            Name::Indexed(index) => index.value == AUTHORITY || self.history.get(index.value).is_some(),
        }
    }

    /// RFC 7541, section 6.1: the name and the value of an entry.
    fn indexed(&mut self, field: &Range<usize>, index: &Index) {
        let known =
            if index.value == AUTHORITY { Some(&Value::Empty) } else { self.history.get(index.value) };
        let Some(known) = known.cloned() else { return self.renumber(index) };
        match known {
            Value::Empty => return self.take_out(field),
            Value::Cured(sent) => self.sent = Some(sent),
            Value::Legal => {}
        }
        self.leave_in(field);
        self.renumber(index);
    }

    /// RFC 7541, section 6.2: a literal value.
    fn authority(&mut self, field: &Range<usize>, literal: &Literal<'_>) -> Result<(), Broken> {
        let value = literal.value.decoded()?;
        let known = if value.is_empty() {
            self.take_out(field);
            Value::Empty
        } else {
            self.leave_in(field);
            self.renumber_name(&literal.name);
            self.cure(&literal.value, &value)
        };
        if literal.is_added {
            self.history.add(known, value.len());
        }
        Ok(())
    }

    fn cure(&mut self, text: &Text<'_>, value: &[u8]) -> Value {
        if legal::is_legal(value) {
            return Value::Legal;
        }
        let legal = legal::legalized(value);
        if text.is_huffman {
            let mut octets = Vec::with_capacity(text.range.len());
            put_huffman_string(&mut octets, &huffman::encode(&legal));
            self.edits.replace(text.range.clone(), octets);
        } else {
            self.edits.replace(text.octets_range(), legal);
        }
        let sent = Bytes::copy_from_slice(value);
        self.sent = Some(sent.clone());
        Value::Cured(sent)
    }

    /// An empty field that is the only one so far.
    fn take_out(&mut self, field: &Range<usize>) {
        if self.seen == Seen::None {
            self.seen = Seen::TakenOut;
            self.sent = Some(Bytes::new());
            self.edits.replace(field.clone(), Vec::new());
        } else {
            self.seen = Seen::Some;
            self.edits.replace(field.clone(), EMPTY_AUTHORITY.to_vec());
        }
    }

    fn leave_in(&mut self, field: &Range<usize>) {
        if self.seen == Seen::TakenOut {
            self.edits.replace(field.start..field.start, EMPTY_AUTHORITY.to_vec());
        }
        self.seen = Seen::Some;
    }

    fn renumber_name(&mut self, name: &Name<'_>) {
        if let Name::Indexed(index) = name {
            self.renumber(index);
        }
    }

    /// Refers to the same entry in h2's table, which lacks the empty ones.
    fn renumber(&mut self, index: &Index) {
        let in_h2 = match self.history.get(index.value) {
            Some(Value::Empty) => AUTHORITY,
            _ => self.history.index_in_h2(index.value),
        };
        if in_h2 != index.value {
            let mut octets = Vec::new();
            put_integer(&mut octets, index.first_bits, index.prefix_bits, in_h2);
            self.edits.replace(index.range.clone(), octets);
        }
    }
}

/// Index of `:authority` in the static table, where its value is empty (RFC 7541, appendix A).
const AUTHORITY: usize = 1;

/// The field at that index.
const EMPTY_AUTHORITY: [u8; 1] = [0x81];
