//! Random header blocks, as an observer reads them before and after, and as h2 reads them after.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, uri::Authority};
use proptest::{prelude::*, sample::Index};
use tokio::{io::AsyncWriteExt, time::timeout};

use super::blocks::{How, NameAs, indexed, literal, named, named_by_index, put_string};
use crate::{
    frame::{
        FrameHead, FrameType, PREFACE, flags,
        hpack::{DecodedBlock, Decoder, DynamicTable, primitive::put_integer},
    },
    http2::guard::authority::{AuthorityCure, Cured},
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_but_the_authority_is_read_as_it_was_sent(sections in prop::collection::vec(section(), 1..16)) {
        let (mut sender, mut receiver) = (Decoder::default(), Decoder::default());
        let mut cure = AuthorityCure::new(4096);
        let mut to_h2 = Vec::new();
        let mut expected = Vec::new();
        for section in &sections {
            let mut block = section.encode(&sender);
            let before = sender.decode(&block).unwrap();
            let Cured { len, sent } = cure.cure(&mut block);
            block.truncate(len);
            let after = receiver.decode(&block).unwrap();

            prop_assert_eq!(others(&before), others(&after));
            prop_assert_eq!(&before.size_updates.len(), &after.size_updates.len());
            assert_in_step(sender.table(), receiver.table());
            if let [value] = &authorities(&before)[..] {
                let is_legal = Authority::try_from(&value[..]).is_ok();
                prop_assert_eq!(sent.as_deref(), (!is_legal).then_some(&value[..]));
                let read = authorities(&after);
                prop_assert_eq!(read.iter().all(|value| Authority::try_from(&value[..]).is_ok()), true);
                prop_assert_eq!(read.is_empty(), value.is_empty());
                prop_assert!(!is_legal || read[0] == *value);
            }
            // A second :authority is malformed, whatever it says.
            if authorities(&before).len() < 2 {
                expected.push(headers(&before));
            }
            to_h2.push(block);
        }
        prop_assert_eq!(read_by_h2(&to_h2), expected);
    }

    #[test]
    fn any_octets_are_left_to_h2_without_a_panic(blocks in prop::collection::vec(octets(), 1..8)) {
        let mut cure = AuthorityCure::new(4096);
        for mut block in blocks {
            let before = block.len();
            prop_assert!(cure.cure(&mut block).len <= before);
        }
    }
}

/// The receiver's table has the entries of the sender's but the empty ones, and perhaps older ones behind them.
fn assert_in_step(sender: &DynamicTable, receiver: &DynamicTable) {
    let sizes = |table: &DynamicTable| -> Vec<_> {
        let entries = table.iter().map(|(_, entry)| (entry.name.clone(), entry.size()));
        entries.filter(|(name, size)| name != ":authority" || *size > 42).collect()
    };
    let (sent, received) = (sizes(sender), sizes(receiver));
    assert!(received.starts_with(&sent), "{sent:?} {received:?}");
    assert_eq!(sender.max_size(), receiver.max_size());
    if sender.iter().all(|(_, entry)| entry.size() > 42 || entry.name != ":authority")
        && sent.len() == received.len()
    {
        assert_eq!(sender.size(), receiver.size());
    }
}

fn authorities(decoded: &DecodedBlock) -> Vec<Vec<u8>> {
    let fields = decoded.fields.iter().filter(|field| field.name == ":authority");
    fields.map(|field| field.value.to_vec()).collect()
}

fn others(decoded: &DecodedBlock) -> Vec<(&[u8], &[u8])> {
    let fields = decoded.fields.iter().filter(|field| field.name != ":authority");
    fields.map(|field| (&field.name[..], &field.value[..])).collect()
}

fn headers(decoded: &DecodedBlock) -> HeaderMap {
    let regular = decoded.fields.iter().filter(|field| !field.name.starts_with(b":"));
    let named = regular.map(|field| {
        let value = HeaderValue::from_bytes(&field.value).unwrap();
        (HeaderName::from_lowercase(&field.name).unwrap(), value)
    });
    let mut headers = HeaderMap::new();
    for (name, value) in named {
        headers.append(name, value);
    }
    headers
}

/// The requests that a server of h2 accepts.
fn read_by_h2(blocks: &[Vec<u8>]) -> Vec<HeaderMap> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let mut bytes = PREFACE.to_vec();
        bytes.extend(FrameHead { len: 0, kind: FrameType::Settings, flags: 0, stream_id: 0 }.encode());
        for (stream_id, block) in (1..).step_by(2).zip(blocks) {
            let flags = flags::END_HEADERS | flags::END_STREAM;
            let len = u32::try_from(block.len()).unwrap();
            bytes.extend(FrameHead { len, kind: FrameType::Headers, flags, stream_id }.encode());
            bytes.extend(block);
        }
        let (mut client, server) = tokio::io::duplex(bytes.len() + 1024);
        client.write_all(&bytes).await.unwrap();
        let mut builder = h2::server::Builder::new();
        builder.max_frame_size(1 << 20);
        let mut connection = builder.handshake::<_, bytes::Bytes>(server).await.unwrap();
        let mut requests = Vec::new();
        // Time stands still, so it runs out only when h2 has read everything and waits for more.
        while let Ok(accepted) = timeout(Duration::from_secs(1), connection.accept()).await {
            requests.push(accepted.unwrap().unwrap().0.into_parts().0.headers);
        }
        requests
    })
}

/// A request's block: an optional size update, `:authority` somewhere among the other pseudo-header fields, the rest.
#[derive(Clone, Debug)]
struct Section {
    size_update: Option<usize>,
    authorities: Vec<(Index, Choice)>,
    fields: Vec<Regular>,
}

/// How an `:authority` is sent; what the table does not have comes as a literal.
#[derive(Clone, Debug)]
struct Choice {
    by: By,
    how: How,
    value: Vec<u8>,
    is_huffman: bool,
}

#[derive(Clone, Debug)]
enum By {
    Empty,
    Entry(Index),
    NameOf(Index),
    Name(NameAs),
}

#[derive(Clone, Debug)]
enum Regular {
    Entry(Index),
    Literal { how: How, name: Result<usize, Index>, value: String, is_huffman: bool },
}

impl Section {
    /// The block; `decoder` is in step, so its table tells which entries there are.
    fn encode(&self, decoder: &Decoder) -> Vec<u8> {
        let mut table = decoder.clone();
        let mut block = Vec::new();
        let mut put = |octets: Vec<u8>| {
            table.decode(&octets).unwrap();
            block.extend(octets);
            table.table().clone()
        };
        let mut entries = put(self.size_update.map_or(Vec::new(), |size| {
            let mut octets = Vec::new();
            put_integer(&mut octets, 0b0010_0000, 5, size);
            octets
        }));
        for (place, pseudo) in [Some(0x83), Some(0x86), Some(0x84), None].into_iter().enumerate() {
            for (at, choice) in &self.authorities {
                if at.index(4) == place {
                    entries = put(choice.encode(&entries));
                }
            }
            entries = put(pseudo.into_iter().collect());
        }
        for field in &self.fields {
            entries = put(field.encode(&entries));
        }
        block
    }
}

impl Choice {
    fn encode(&self, table: &DynamicTable) -> Vec<u8> {
        let of_table = |at: &Index| pick(table, at, |name| name == b":authority");
        let name = match &self.by {
            By::Empty => return indexed(1),
            By::Entry(at) => match of_table(at) {
                Some(index) => return indexed(index),
                None => NameAs::Index(1),
            },
            By::NameOf(at) => NameAs::Index(of_table(at).unwrap_or(1)),
            By::Name(name) => *name,
        };
        literal(self.how, name, &self.value, self.is_huffman)
    }
}

impl Regular {
    fn encode(&self, table: &DynamicTable) -> Vec<u8> {
        let of_table = |at: &Index| pick(table, at, |name| !name.starts_with(b":"));
        match self {
            // accept-encoding: gzip, deflate
            Self::Entry(at) => indexed(of_table(at).unwrap_or(16)),
            Self::Literal { how, name, value, is_huffman } => {
                let index = name.as_ref().map_or_else(of_table, |index| Some(*index));
                let mut octets =
                    index.map_or_else(|| named(*how, b"x-none"), |index| named_by_index(*how, index));
                put_string(&mut octets, value.as_bytes(), *is_huffman);
                octets
            }
        }
    }
}

fn pick(table: &DynamicTable, at: &Index, is_wanted: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let wanted: Vec<_> = table.iter().filter(|(_, entry)| is_wanted(&entry.name)).collect();
    (!wanted.is_empty()).then(|| at.get(&wanted).0)
}

fn section() -> impl Strategy<Value = Section> {
    let size_update = prop::option::weighted(0.2, prop_oneof![0..=4096_usize, 0..200_usize]);
    let authority = || (any::<Index>(), choice());
    let authorities = prop_oneof![
        1 => Just(Vec::new()),
        12 => authority().prop_map(|one| vec![one]),
        1 => (authority(), authority()).prop_map(|(one, other)| vec![one, other]),
    ];
    let fields = prop::collection::vec(regular(), 0..8);
    (size_update, authorities, fields).prop_map(|(size_update, authorities, fields)| Section {
        size_update,
        authorities,
        fields,
    })
}

fn choice() -> impl Strategy<Value = Choice> {
    let names = vec![NameAs::Index(1), NameAs::Text, NameAs::Huffman];
    let by = prop_oneof![
        1 => Just(By::Empty),
        6 => any::<Index>().prop_map(By::Entry),
        2 => any::<Index>().prop_map(By::NameOf),
        4 => prop::sample::select(names).prop_map(By::Name),
    ];
    (by, how(), value(), any::<bool>()).prop_map(|(by, how, value, is_huffman)| Choice {
        by,
        how,
        value,
        is_huffman,
    })
}

/// What peers send, what nobody sends, and what no table holds.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let known =
        ["", "", "localhost", "[::1]:80", "/tmp/x/etcd.sock", "tmp%2Fx%2Fa.sock", "a:1:2", "a@", "/é"];
    prop_oneof![
        6 => prop::sample::select(known.to_vec()).prop_map(|known| known.as_bytes().to_vec()),
        2 => "[/%:a-z0-9@.#?-]{1,30}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 1..40),
        1 => (any::<u8>(), 1000..5000_usize).prop_map(|(octet, len)| vec![octet; len]),
    ]
}

fn regular() -> impl Strategy<Value = Regular> {
    // Without pseudo-header fields, content-length and what belongs to a connection.
    let known = prop::sample::select(vec![15, 19, 23, 31, 32, 33, 55, 58, 61]);
    let name = prop_oneof![known.prop_map(Ok), any::<Index>().prop_map(Err)];
    let literal = (how(), name, "[ -~]{0,60}", any::<bool>());
    prop_oneof![
        1 => any::<Index>().prop_map(Regular::Entry),
        1 => literal.prop_map(|(how, name, value, is_huffman)| Regular::Literal { how, name, value, is_huffman }),
    ]
}

fn how() -> impl Strategy<Value = How> {
    prop::sample::select(vec![How::Added, How::Added, How::Plain, How::NeverIndexed])
}

/// Blocks that begin well more often than by chance.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let any_octets = prop::collection::vec(any::<u8>(), 0..40);
    let begin = prop::sample::select(vec![
        &b""[..],
        b"\x41",
        b"\x81",
        b"\x41\x00",
        b"\x40\x0a:authority",
        b"\x41\x03/ab\xbe",
    ]);
    (begin, any_octets).prop_map(|(begin, rest)| [begin, &rest].concat())
}
