//! The proof that HTTP/2 is the same over both transports: what was captured, compared byte for byte.
//!
//! Two captures of the same calls are equal, or they differ in ways that are named, the smallest first. `:authority` names
//! the server's address and so must differ: each header block is decoded, the bytes of that one field are set aside, and
//! the bytes of every other field are compared. HTTP/2 leaves two things to time: how frames of different streams follow
//! one another, and how a stream's bytes are cut into DATA.

use std::collections::BTreeMap;
use std::fmt;

use wirepath::frame::FrameType;
use wirepath::tap::{Direction, HeaderBlock};

use super::capture::{Capture, Shape};
use super::steps::{Step, steps};

/// How alike one direction of two captures is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// Every byte.
    Identical,
    /// Every byte but those of `:authority` and the length of the frame that holds it.
    ButAuthority,
    /// The frames of each stream, but in another order between streams.
    Interleaved,
    /// The bytes of each stream, but cut into DATA frames elsewhere.
    Cut,
    /// Otherwise, and where.
    Differs(String),
}

impl Likeness {
    /// HTTP/2 says the same.
    pub(crate) fn holds(&self) -> bool {
        !matches!(self, Likeness::Differs(_))
    }

    /// HTTP/2 says the same and leaves the difference to time.
    pub(crate) fn is_a_matter_of_time(&self) -> bool {
        matches!(self, Likeness::Interleaved | Likeness::Cut)
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Likeness::Identical => f.write_str("identical"),
            Likeness::ButAuthority => f.write_str("equal but :authority"),
            Likeness::Interleaved => f.write_str("equal by stream"),
            Likeness::Cut => f.write_str("equal, DATA cut apart"),
            Likeness::Differs(place) => write!(f, "differs: {place}"),
        }
    }
}

/// One direction of the same calls over both transports.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) shape: Shape,
    pub(crate) direction: Direction,
    /// Bytes over the socket.
    pub(crate) unix: usize,
    /// Bytes over TCP, with its own `:authority`.
    pub(crate) tcp: usize,
    /// The socket against TCP, each with its own `:authority`.
    pub(crate) own_authority: Likeness,
    /// The socket against TCP, both with `localhost`.
    pub(crate) same_authority: Likeness,
}

/// Compares one direction of two captures.
pub(crate) fn compare(one: &Capture, other: &Capture, direction: Direction) -> Likeness {
    if one.bytes(direction) == other.bytes(direction) {
        return Likeness::Identical;
    }
    let (one, other) = (units(one, direction), units(other, direction));
    if one == other {
        return Likeness::ButAuthority;
    }
    let (one, other) = (by_stream(one), by_stream(other));
    if one == other {
        return Likeness::Interleaved;
    }
    let (one, other) = (joined(one), joined(other));
    match first_difference(&one, &other) {
        None => Likeness::Cut,
        Some(place) => Likeness::Differs(place),
    }
}

/// A frame without its length, which follows from its content.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unit {
    stream_id: u32,
    kind: Option<FrameType>,
    flags: u8,
    content: Vec<u8>,
}

fn units(capture: &Capture, direction: Direction) -> Vec<Unit> {
    let steps = steps(&capture.events);
    steps.iter().filter(|step| step.direction == direction).map(unit).collect()
}

fn unit(step: &Step<'_>) -> Unit {
    let content = match (step.block, step.frame) {
        (Some(block), _) => without_authority(block),
        (None, Some(frame)) => frame.payload.to_vec(),
        (None, None) => Vec::new(),
    };
    Unit {
        stream_id: step.stream_id(),
        kind: step.frame.map(|frame| frame.head.kind),
        flags: step.frame.map_or(0, |frame| frame.head.flags),
        content,
    }
}

/// The block's own bytes, field by field; of `:authority` only how it was sent and the table entry that it became.
fn without_authority(block: &HeaderBlock) -> Vec<u8> {
    let mut content = Vec::with_capacity(block.octets.len());
    for update in &block.size_updates {
        content.extend_from_slice(&block.octets[update.range.clone()]);
    }
    for field in &block.fields {
        if field.name == ":authority" {
            content.extend(format!("{:?} becomes {:?}", field.representation, field.becomes).bytes());
        } else {
            content.extend_from_slice(&block.octets[field.range.clone()]);
        }
    }
    content
}

fn by_stream(units: Vec<Unit>) -> BTreeMap<u32, Vec<Unit>> {
    let mut streams: BTreeMap<u32, Vec<Unit>> = BTreeMap::new();
    for unit in units {
        streams.entry(unit.stream_id).or_default().push(unit);
    }
    streams
}

/// Makes DATA frames that follow one another in a stream one; the last one's flags hold.
fn joined(streams: BTreeMap<u32, Vec<Unit>>) -> BTreeMap<u32, Vec<Unit>> {
    let join = |units: Vec<Unit>| {
        let mut joined: Vec<Unit> = Vec::new();
        for unit in units {
            match joined.last_mut() {
                Some(last) if last.kind == Some(FrameType::Data) && unit.kind == last.kind => {
                    last.content.extend(unit.content);
                    last.flags = unit.flags;
                }
                _ => joined.push(unit),
            }
        }
        joined
    };
    streams.into_iter().map(|(id, units)| (id, join(units))).collect()
}

fn first_difference(one: &BTreeMap<u32, Vec<Unit>>, other: &BTreeMap<u32, Vec<Unit>>) -> Option<String> {
    if one.len() != other.len() {
        return Some(format!("{} streams over unix, {} over tcp", one.len(), other.len()));
    }
    for ((id, one), (_, other)) in one.iter().zip(other) {
        let names = |units: &[Unit]| units.iter().map(name).collect::<Vec<_>>().join(" ");
        if let Some(place) = one.iter().zip(other).position(|(one, other)| one != other) {
            return Some(format!("stream {id}, frame {}, {}", place + 1, name(&one[place])));
        }
        if one.len() != other.len() {
            return Some(format!("stream {id}: {} over unix, {} over tcp", names(one), names(other)));
        }
    }
    None
}

fn name(unit: &Unit) -> String {
    unit.kind.map_or_else(|| "preface".to_owned(), |kind| kind.to_string())
}
