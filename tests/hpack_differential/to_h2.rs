//! Blocks of random representations, whole and broken, as h2's server and our decoder read them.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use wirepath::frame::hpack::{DecodedBlock, Decoder, Field};
use wirepath::frame::{FrameHead, FrameType, PREFACE, flags};

use crate::recorded::block_on;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn h2_reads_the_same_lists(sections in prop::collection::vec(section(), 1..12)) {
        let mut decoder = Decoder::default();
        let mut blocks = Vec::new();
        let mut lists = Vec::new();
        for section in &sections {
            let block = section.encode(&decoder);
            lists.push(list(&decoder.decode(&block).unwrap()).expect("legal names and values"));
            blocks.push(block);
        }
        let (requests, ended) = block_on(read_by_h2(&blocks));
        prop_assert_eq!(ended, None);
        prop_assert_eq!(requests, lists);
    }

    #[test]
    fn h2_refuses_the_same_blocks(
        sections in prop::collection::vec(section(), 1..4),
        damage in damage(),
        at in any::<Index>(),
    ) {
        let mut decoder = Decoder::default();
        let mut blocks = Vec::new();
        for section in &sections {
            let block = section.encode(&decoder);
            if blocks.len() + 1 < sections.len() {
                decoder.decode(&block).unwrap();
            }
            blocks.push(block);
        }
        let last = blocks.last_mut().unwrap();
        damage.apply(last, at);

        let decoded = decoder.decode(last);
        let (requests, ended) = block_on(read_by_h2(&blocks));
        match decoded.map(|decoded| list(&decoded)) {
            // RFC 9113 4.3 asks for COMPRESSION_ERROR; h2 ends the connection by PROTOCOL_ERROR.
            Err(_) => prop_assert_eq!(ended, Some(h2::Reason::PROTOCOL_ERROR)),
            Ok(Some(list)) => {
                prop_assert_eq!(ended, None);
                prop_assert!(requests.len() < blocks.len() || requests.last() == Some(&list));
            }
            // h2 takes names and values that HTTP forbids for errors of HPACK.
            Ok(None) => {}
        }
    }
}

/// Sends each block as a request; gives the lists that h2's server reads and the error that ends the connection.
async fn read_by_h2(blocks: &[Vec<u8>]) -> (Vec<HeaderMap>, Option<h2::Reason>) {
    let (mut client, server) = tokio::io::duplex(1 << 16);
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(FrameType::Settings, 0, 0, &[]));
    for (stream_id, block) in (1..).step_by(2).zip(blocks) {
        bytes.extend(frame(FrameType::Headers, flags::END_HEADERS | flags::END_STREAM, stream_id, block));
    }
    client.write_all(&bytes).await.unwrap();
    let mut connection = h2::server::handshake(server).await.unwrap();
    let mut requests = Vec::new();
    // Time stands still, so it runs out only when h2 has read everything and waits for more.
    while let Ok(accepted) = timeout(Duration::from_secs(1), connection.accept()).await {
        match accepted.expect("the pipe stays open") {
            Ok((request, _)) => requests.push(request.into_parts().0.headers),
            Err(error) => return (requests, error.reason()),
        }
    }
    (requests, None)
}

fn frame(kind: FrameType, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
    let head = FrameHead { len: u32::try_from(payload.len()).unwrap(), kind, flags, stream_id };
    [&head.encode(), payload].concat()
}

/// The regular fields as h2 gives them; `None` when HTTP forbids one of the fields.
fn list(decoded: &DecodedBlock) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for field in &decoded.fields {
        if field.name.starts_with(b":") {
            is_known_pseudo_header(field).then_some(())?;
            continue;
        }
        let name = HeaderName::from_lowercase(&field.name).ok()?;
        headers.append(name, HeaderValue::from_bytes(&field.value).ok()?);
    }
    Some(headers)
}

fn is_known_pseudo_header(field: &Field) -> bool {
    let known: [&[u8]; 6] = [b"GET", b"POST", b"/", b"/index.html", b"http", b"https"];
    let names: [&[u8]; 3] = [b":method", b":path", b":scheme"];
    names.contains(&&field.name[..]) && known.contains(&&field.value[..])
}

/// A request: an optional size update, then three static pseudo-header fields, then these.
#[derive(Clone, Debug)]
struct Section {
    size_update: Option<usize>,
    fields: Vec<Choice>,
}

/// How a field is sent. Where the dynamic table has no entry to refer to, a literal name is sent.
#[derive(Clone, Debug)]
enum Choice {
    Indexed(Index),
    Literal { kind: Kind, name: Name, value: String },
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Added,
    Plain,
    NeverIndexed,
}

#[derive(Clone, Debug)]
enum Name {
    Static(usize),
    Dynamic(Index),
    Literal(String),
}

impl Section {
    /// The block; `decoder` is in step, so its table tells which indices there are.
    fn encode(&self, decoder: &Decoder) -> Vec<u8> {
        // Its own copy of the table moves on while the block grows.
        let mut table = decoder.clone();
        let mut block = Vec::new();
        let update = self.size_update.map(|size| integer(5, 0b0010_0000, size));
        let pseudo = vec![0x83, 0x86, 0x84];
        for octets in update.into_iter().chain([pseudo]) {
            table.decode(&octets).unwrap();
            block.extend(octets);
        }
        for choice in &self.fields {
            let octets = choice.encode(table.table().len());
            table.decode(&octets).unwrap();
            block.extend(octets);
        }
        block
    }
}

impl Choice {
    fn encode(&self, entries: usize) -> Vec<u8> {
        let dynamic = |index: &Index| (entries > 0).then(|| 62 + index.index(entries));
        match self {
            Self::Indexed(index) => integer(7, 0b1000_0000, dynamic(index).unwrap_or(16)),
            Self::Literal { kind, name, value } => {
                let (prefix_bits, first) = match kind {
                    Kind::Added => (6, 0b0100_0000),
                    Kind::Plain => (4, 0),
                    Kind::NeverIndexed => (4, 0b0001_0000),
                };
                let (index, name) = match name {
                    Name::Static(index) => (*index, None),
                    Name::Dynamic(index) => dynamic(index).map_or((0, Some("x-none")), |index| (index, None)),
                    Name::Literal(name) => (0, Some(name.as_str())),
                };
                let mut octets = integer(prefix_bits, first, index);
                for text in name.into_iter().chain([value.as_str()]) {
                    octets.extend(integer(7, 0, text.len()));
                    octets.extend(text.as_bytes());
                }
                octets
            }
        }
    }
}

/// RFC 7541, section 5.1.
fn integer(prefix_bits: u32, first: u8, value: usize) -> Vec<u8> {
    let most = (1 << prefix_bits) - 1;
    if value < most {
        return vec![first | value as u8];
    }
    let mut octets = vec![first | most as u8];
    let mut rest = value - most;
    while rest >= 0x80 {
        octets.push(0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    octets.push(rest as u8);
    octets
}

/// What breaks a block.
#[derive(Clone, Debug)]
enum Damage {
    Flip(u8),
    Cut,
    Insert(Vec<u8>),
}

impl Damage {
    fn apply(&self, block: &mut Vec<u8>, at: Index) {
        let at = at.index(block.len());
        match self {
            Self::Flip(bits) => block[at] ^= bits,
            Self::Cut => block.truncate(at),
            Self::Insert(octets) => drop(block.splice(at..at, octets.iter().copied())),
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (1..=u8::MAX).prop_map(Damage::Flip),
        Just(Damage::Cut),
        prop::collection::vec(any::<u8>(), 1..12).prop_map(Damage::Insert),
    ]
}

fn section() -> impl Strategy<Value = Section> {
    let size = prop::option::weighted(0.2, 0..=4096_usize);
    (size, prop::collection::vec(choice(), 0..8))
        .prop_map(|(size_update, fields)| Section { size_update, fields })
}

fn choice() -> impl Strategy<Value = Choice> {
    let kind = prop::sample::select(vec![Kind::Added, Kind::Added, Kind::Plain, Kind::NeverIndexed]);
    let name = prop_oneof![
        // Without pseudo-header fields, content-length and what belongs to a connection.
        prop::sample::select(vec![15, 19, 23, 31, 32, 33, 55, 58, 61]).prop_map(Name::Static),
        any::<Index>().prop_map(Name::Dynamic),
        "x-[a-z0-9-]{1,12}".prop_map(Name::Literal),
    ];
    prop_oneof![
        2 => any::<Index>().prop_map(Choice::Indexed),
        3 => (kind, name, "[ -~]{0,200}").prop_map(|(kind, name, value)| Choice::Literal { kind, name, value }),
    ]
}
