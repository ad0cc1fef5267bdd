//! Header blocks as peers send them, before and after.

mod blocks;
mod differential;

use bytes::Bytes;

use self::blocks::{How, How::*, NameAs, block, indexed, literal};
use super::*;
use crate::frame::hpack::Decoder;

/// The `:authority` values that a receiver reads.
fn authorities(decoder: &mut Decoder, block: &[u8]) -> Vec<Vec<u8>> {
    let fields = decoder.decode(block).unwrap().fields;
    fields.into_iter().filter(|field| field.name == ":authority").map(|field| field.value.to_vec()).collect()
}

/// A connection: what the receiver behind the cure reads.
struct Connection {
    cure: AuthorityCure,
    receiver: Decoder,
}

impl Connection {
    fn new() -> Self {
        Self { cure: AuthorityCure::new(4096), receiver: Decoder::default() }
    }

    /// What the receiver reads, what is told to have been sent, and whether the block kept its length.
    fn send(&mut self, authority: &[u8]) -> (Vec<Vec<u8>>, Option<Bytes>, bool) {
        let mut block = block(&[authority]);
        let Cured { len, sent } = self.cure.cure(&mut block);
        (authorities(&mut self.receiver, &block[..len]), sent, len == block.len())
    }
}

const HOWS: [How; 3] = [Added, Plain, NeverIndexed];
const NAMES: [NameAs; 3] = [NameAs::Index(1), NameAs::Text, NameAs::Huffman];

#[test]
fn the_same_octets_are_read_anew_once_an_entry_was_added() {
    let mut cure = AuthorityCure::new(4096);
    let newest = block(&[&indexed(62)]);
    for (authority, sent) in [(&b"legal"[..], None), (b"/a", Some("/a")), (b"/b", Some("/b")), (b"c", None)] {
        let _ = cure.cure(&mut block(&[&literal(Added, NameAs::Index(1), authority, false)]));
        for _ in 0..3 {
            let expected = Cured { len: newest.len(), sent: sent.map(Bytes::from) };
            assert_eq!(cure.cure(&mut newest.clone()), expected);
        }
    }
}

#[test]
fn each_representation_is_cured_in_place() {
    let cases: [(&'static [u8], &[u8]); 5] = [
        (b"/tmp/x/etcd.sock", b"-tmp-x-etcd.sock"),
        (b"tmp%2Fx%2Fa.sock", b"tmp-2Fx-2Fa.sock"),
        (b"/run/localhost:2379", b"-run-localhostk2379"),
        (b"a:1:2", b"ak1k2"),
        (b"[", b"$"),
    ];
    for (sent, cured) in cases {
        for (how, name) in HOWS.into_iter().flat_map(|how| NAMES.map(|name| (how, name))) {
            for is_huffman in [false, true] {
                let field = literal(how, name, sent, is_huffman);
                let expected = (vec![cured.to_vec()], Some(Bytes::from_static(sent)), true);
                assert_eq!(Connection::new().send(&field), expected, "{how:?} {name:?} {is_huffman}");
            }
        }
    }
}

#[test]
fn what_h2_takes_is_left_alone() {
    for sent in ["localhost", "127.0.0.1:50051", "[::1]:80", "a@b", "upstream_1", "a!$&'()*+,;=~"] {
        for (how, name) in HOWS.into_iter().flat_map(|how| NAMES.map(|name| (how, name))) {
            let field = literal(how, name, sent.as_bytes(), false);
            assert_eq!(Connection::new().send(&field), (vec![sent.into()], None, true));
        }
    }
}

#[test]
fn huffman_symbols_without_a_legal_one_of_their_length_shorten_the_block() {
    for sent in ["a\\b", "/tmp/é.sock", "<>", "^", "\u{1}\n"] {
        let sent = sent.as_bytes();
        let mut connection = Connection::new();
        let (read, told, kept) = connection.send(&literal(Added, NameAs::Index(1), sent, true));
        assert_eq!((read[0].len(), told.as_deref(), kept), (sent.len(), Some(sent), false));
        assert!(legal::is_legal(&read[0]));
        // Both tables have the same size.
        assert_eq!(connection.receiver.table().size(), 42 + sent.len());
    }
}

#[test]
fn an_index_of_a_cured_entry_tells_what_was_sent() {
    let mut connection = Connection::new();
    connection.send(&literal(Added, NameAs::Index(1), b"/a", false));
    for _ in 0..3 {
        let expected = (vec![b"-a".to_vec()], Some(Bytes::from_static(b"/a")), true);
        assert_eq!(connection.send(&indexed(62)), expected);
    }
    // Its name alone.
    let (read, told, _) = connection.send(&literal(Added, NameAs::Index(62), b"/bc", true));
    assert_eq!((read, told.as_deref()), (vec![b"-bc".to_vec()], Some(&b"/bc"[..])));
    assert_eq!(connection.send(&indexed(62)).1.as_deref(), Some(&b"/bc"[..]));
    assert_eq!(connection.send(&indexed(63)).1.as_deref(), Some(&b"/a"[..]));
}

#[test]
fn an_empty_one_is_taken_out_however_it_is_sent() {
    let nothing = (Vec::new(), Some(Bytes::new()), false);
    assert_eq!(Connection::new().send(&indexed(1)), nothing);
    for (how, name) in HOWS.into_iter().flat_map(|how| NAMES.map(|name| (how, name))) {
        for is_huffman in [false, true] {
            let mut connection = Connection::new();
            let field = literal(how, name, b"", is_huffman);
            assert_eq!(connection.send(&field), nothing, "{how:?} {name:?} {is_huffman}");
            assert_eq!(connection.receiver.table().len(), 0);
        }
    }
}

#[test]
fn indices_reach_past_an_empty_entry() {
    let mut connection = Connection::new();
    connection.send(&literal(Added, NameAs::Index(1), b"/old", false));
    connection.send(&literal(Added, NameAs::Index(1), b"", false));
    connection.send(&literal(Added, NameAs::Index(1), b"new", false));
    assert_eq!(connection.send(&indexed(62)), (vec![b"new".to_vec()], None, true));
    assert_eq!(connection.send(&indexed(63)), (Vec::new(), Some(Bytes::new()), false));
    let old = (vec![b"-old".to_vec()], Some(Bytes::from_static(b"/old")), true);
    assert_eq!(connection.send(&indexed(64)), old);
    // By the name of the entry that the receiver does not have.
    assert_eq!(connection.send(&literal(Plain, NameAs::Index(63), b"x", false)).0, [b"x"]);
}

#[test]
fn a_second_authority_stays_one_for_h2_to_refuse() {
    let (full, empty) = (literal(Added, NameAs::Index(1), b"/a", false), indexed(1));
    for (first, second) in [(&full, &full), (&full, &empty), (&empty, &full), (&empty, &empty)] {
        let (read, ..) = Connection::new().send(&[&first[..], second].concat());
        assert!(read.len() == 2 || read == [b""], "{read:?}");
    }
}

#[test]
fn a_broken_block_is_left_alone_and_so_is_what_follows() {
    let raw = block(&[&literal(Plain, NameAs::Index(1), b"/a", false)]);
    for broken in
        [&b"\x41\x7f"[..], b"\x41\x81\x00", b"\xff\xff\xff\xff\xff\xff\xff", b"\x41\x84\xff\xff\xff\xff"]
    {
        let mut cure = AuthorityCure::new(4096);
        for sent in [broken, &raw] {
            let mut block = sent.to_vec();
            assert_eq!(cure.cure(&mut block), Cured { len: sent.len(), sent: None });
            assert_eq!(block, sent);
        }
    }
}
