//! A small encoder, one representation after the other.

use crate::frame::hpack::{
    huffman,
    primitive::{put_huffman_string, put_integer},
};

#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    Added,
    Plain,
    NeverIndexed,
}

/// How the name `:authority` is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum NameAs {
    Index(usize),
    Text,
    Huffman,
}

/// A request's block with these representations between `:method POST`, `:scheme http` and `:path /`.
pub(super) fn block(authority: &[&[u8]]) -> Vec<u8> {
    [b"\x83", &authority.concat()[..], b"\x86\x84"].concat()
}

pub(super) fn indexed(index: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    put_integer(&mut octets, 0x80, 7, index);
    octets
}

/// An `:authority`.
pub(super) fn literal(how: How, name: NameAs, value: &[u8], is_huffman: bool) -> Vec<u8> {
    let mut octets = match name {
        NameAs::Index(index) => named_by_index(how, index),
        NameAs::Text => named(how, b":authority"),
        NameAs::Huffman => {
            let mut octets = named_by_index(how, 0);
            put_huffman_string(&mut octets, &huffman::encode(b":authority"));
            octets
        }
    };
    put_string(&mut octets, value, is_huffman);
    octets
}

/// The beginning of a literal up to its name.
pub(super) fn named(how: How, name: &[u8]) -> Vec<u8> {
    let mut octets = named_by_index(how, 0);
    put_string(&mut octets, name, false);
    octets
}

pub(super) fn named_by_index(how: How, index: usize) -> Vec<u8> {
    let (first_bits, prefix_bits) = match how {
        How::Added => (0b0100_0000, 6),
        How::Plain => (0, 4),
        How::NeverIndexed => (0b0001_0000, 4),
    };
    let mut octets = Vec::new();
    put_integer(&mut octets, first_bits, prefix_bits, index);
    octets
}

pub(super) fn put_string(octets: &mut Vec<u8>, text: &[u8], is_huffman: bool) {
    if is_huffman {
        put_huffman_string(octets, &huffman::encode(text));
    } else {
        put_integer(octets, 0, 7, text.len());
        octets.extend_from_slice(text);
    }
}
