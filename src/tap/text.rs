//! Events as text: the layout of `nghttp -v`, which readers know, with direction, offset, each field's HPACK
//! representation, and the gRPC call that the frames make up.
//!
//! ```text
//! [  0.001] -> @70      HEADERS frame <length=74, flags=0x04, stream_id=1>
//!           ; END_HEADERS
//!           :method: POST ; 1 byte: indexed 3
//! ```
//!
//! A peer's bytes are shown printable: what is not ASCII text is escaped, so a trace is safe on a terminal.

use std::fmt::{self, Write};
use std::time::Duration;

use super::event::{CallEvent, CallRecord, Event, EventKind, HeaderBlock, MessageRecord};
use crate::frame::hpack::{Field, Representation};
use crate::frame::{Frame, FrameType, Payload};

/// Says what a message holds, in any number of lines; `None` shows its first bytes instead.
pub type Describe<'a> = dyn Fn(&CallRecord, &MessageRecord) -> Option<String> + 'a;

/// Describes no message.
pub fn undescribed(_: &CallRecord, _: &MessageRecord) -> Option<String> {
    None
}

/// Appends the event's lines to `out`.
///
/// # Errors
/// Those of `out`; a `String` has none.
pub fn write(out: &mut impl Write, event: &Event, describe: &Describe<'_>) -> fmt::Result {
    let place = Place { at: event.at, arrow: event.direction.arrow(), offset: event.offset };
    match &event.kind {
        EventKind::Preface => writeln!(out, "{place} connection preface <length=24>"),
        EventKind::Frame(frame) => write_frame(out, &place, frame),
        EventKind::HeaderBlock(block) => write_block(out, block),
        EventKind::Call(record) => write_call(out, record, describe),
        EventKind::Garbage(garbage) => writeln!(out, "{place} {garbage}"),
        EventKind::Broken(broken) => writeln!(out, "{place} broken: {broken}"),
    }
}

/// A field's representation in words: `indexed 3`, or `literal, name 4, Huffman, becomes 62`.
pub fn representation(field: &Field) -> String {
    let (kind, name_index) = match field.representation {
        Representation::Indexed { index } => return format!("indexed {index}"),
        Representation::LiteralIndexed { name_index } => ("literal", name_index),
        Representation::LiteralPlain { name_index } => ("literal not indexed", name_index),
        Representation::LiteralNeverIndexed { name_index } => ("literal never indexed", name_index),
    };
    let mut words = kind.to_owned();
    if let Some(index) = name_index {
        let _ = write!(words, ", name {index}");
    }
    if field.name_huffman || field.value_huffman {
        words.push_str(", Huffman");
    }
    if let Some(index) = field.becomes {
        let _ = write!(words, ", becomes {index}");
    }
    words
}

/// A peer's bytes as printable ASCII; everything else, and the backslash, is escaped.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// What stands at the beginning of a frame's first line.
struct Place {
    at: Duration,
    arrow: &'static str,
    offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:7.3}] {} @{:<7}", self.at.as_secs_f64(), self.arrow, self.offset)
    }
}

fn write_frame(out: &mut impl Write, place: &Place, frame: &Frame) -> fmt::Result {
    let head = &frame.head;
    let (kind, len, flags, stream_id) = (head.kind, head.len, head.flags, head.stream_id);
    writeln!(out, "{place} {kind} frame <length={len}, flags={flags:#04x}, stream_id={stream_id}>")?;
    let names: Vec<_> = head.flag_names().collect();
    if !names.is_empty() {
        writeln!(out, "{INDENT}; {}", names.join(" | "))?;
    }
    // A payload that breaks a rule is told by the event that follows.
    let Ok(payload) = frame.parse() else { return Ok(()) };
    match payload {
        Payload::Settings(settings) => {
            writeln!(out, "{INDENT}(niv={})", settings.len())?;
            settings.iter().try_for_each(|setting| {
                let (id, number, value) = (setting.id, setting.id.number(), setting.value);
                writeln!(out, "{INDENT}[SETTINGS_{id}({number:#04x}):{value}]")
            })
        }
        Payload::Headers { padding: Some(padding), .. } | Payload::Data { padding: Some(padding), .. } => {
            writeln!(out, "{INDENT}(padlen={padding})")
        }
        Payload::PushPromise { promised_stream_id, .. } => {
            writeln!(out, "{INDENT}(promised_stream_id={promised_stream_id})")
        }
        Payload::RstStream { code } => writeln!(out, "{INDENT}(error_code={code}({:#04x}))", code.number()),
        Payload::Ping(octets) | Payload::PingAck(octets) => {
            writeln!(out, "{INDENT}(opaque_data={:016x})", u64::from_be_bytes(octets))
        }
        Payload::WindowUpdate { increment } => writeln!(out, "{INDENT}(window_size_increment={increment})"),
        Payload::Goaway { last_stream_id, code, debug_data } => writeln!(
            out,
            "{INDENT}(last_stream_id={last_stream_id}, error_code={code}({:#04x}), opaque_data({})=[{}])",
            code.number(),
            debug_data.len(),
            printable(debug_data),
        ),
        _ => Ok(()),
    }
}

fn write_block(out: &mut impl Write, block: &HeaderBlock) -> fmt::Result {
    if block.frames > 1 {
        writeln!(out, "{INDENT}; header block of {} bytes in {} frames", block.octets.len(), block.frames)?;
    }
    for update in &block.size_updates {
        writeln!(out, "{INDENT}; dynamic table size {}", update.max_size)?;
    }
    for field in &block.fields {
        let (name, value) = (printable(&field.name), printable(&field.value));
        writeln!(out, "{INDENT}{name}: {value} ; {}: {}", bytes(field.range.len()), representation(field))?;
    }
    Ok(())
}

fn write_call(out: &mut impl Write, record: &CallRecord, describe: &Describe<'_>) -> fmt::Result {
    let CallRecord { call_id, sequence, path, event, .. } = record;
    write!(out, "{INDENT}= call {call_id}, {sequence}: {}", event.name())?;
    match event {
        CallEvent::ClientHeader { timeout: Some(timeout), .. } => {
            writeln!(out, " {} within {timeout:?}", printable(path.as_bytes()))
        }
        CallEvent::ClientHeader { .. } => writeln!(out, " {}", printable(path.as_bytes())),
        CallEvent::ClientMessage(message) | CallEvent::ServerMessage(message) => {
            writeln!(out, " {}", message.number)?;
            write_message(out, message, describe(record, message))
        }
        CallEvent::ServerTrailer { status, message, .. } => {
            match status {
                Some(status) => write!(out, " status {status}")?,
                None => write!(out, " without a status")?,
            }
            writeln!(out, "{}{}", if message.is_empty() { "" } else { " " }, printable(message.as_bytes()))
        }
        CallEvent::Cancel { error_code } => writeln!(out, " error code {error_code:#04x}"),
        CallEvent::ServerHeader { .. } | CallEvent::ClientHalfClose => writeln!(out),
    }
}

fn write_message(out: &mut impl Write, message: &MessageRecord, described: Option<String>) -> fmt::Result {
    let flag = u8::from(message.compressed);
    let compressed = if message.compressed { "compressed" } else { "not compressed" };
    write!(out, "{INDENT}  prefix {flag:02x} {:08x}: {compressed}, {}", message.len, bytes(message.len))?;
    if message.frames > 1 {
        write!(out, " in {} {} frames", message.frames, FrameType::Data)?;
    }
    writeln!(out)?;
    match described {
        Some(text) => text.lines().try_for_each(|line| writeln!(out, "{INDENT}  {line}")),
        None if message.data.is_empty() => Ok(()),
        None => {
            let first = message.data.get(..SHOWN).unwrap_or(&message.data);
            let more = if message.data.len() > SHOWN { " ..." } else { "" };
            writeln!(out, "{INDENT}  {}{more}", printable(first))
        }
    }
}

fn bytes(count: impl fmt::Display + PartialEq + From<u8>) -> String {
    let unit = if count == 1.into() { "byte" } else { "bytes" };
    format!("{count} {unit}")
}

const INDENT: &str = "          ";

/// Bytes of an undescribed message that are shown.
const SHOWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_bytes_cannot_steer_a_terminal() {
        assert_eq!(printable(b"a b\\\x1b[31m\xc3\xa9\n"), "a b\\\\\\x1b[31m\\xc3\\xa9\\x0a");
    }

    #[test]
    fn names_each_representation() {
        let field = |representation, value_huffman, becomes| Field {
            name: "n".into(),
            value: "v".into(),
            representation,
            name_huffman: false,
            value_huffman,
            range: 0..3,
            becomes,
        };
        use Representation::{Indexed, LiteralIndexed, LiteralNeverIndexed, LiteralPlain};
        let table = [
            (field(Indexed { index: 3 }, false, None), "indexed 3"),
            (
                field(LiteralIndexed { name_index: Some(4) }, true, Some(62)),
                "literal, name 4, Huffman, becomes 62",
            ),
            (field(LiteralIndexed { name_index: None }, false, None), "literal"),
            (field(LiteralPlain { name_index: Some(62) }, false, None), "literal not indexed, name 62"),
            (field(LiteralNeverIndexed { name_index: None }, true, None), "literal never indexed, Huffman"),
        ];
        for (field, expected) in table {
            assert_eq!(representation(&field), expected);
        }
    }
}
