//! Events as JSON Lines: one object per event, `"v":1`.
//!
//! Common to all: `v`, `at_us` (microseconds since the tap was made), `from` (`client` or `server`), `offset`, `event`.
//! Then by `event`: `preface`; `frame` (`type`, `length`, `flags`, `stream` and what the payload says); `header_block`
//! (`stream`, `length`, `fields` with their HPACK representation); `call` (`call`, `sequence`, `stream`, `path`, `step` by
//! the names of gRFC A16); `garbage` and `broken` (`reason`). Bytes that are not UTF-8, and messages, are base64.

mod object;

use bytes::Bytes;

use self::object::Object;
use super::event::{CallEvent, CallRecord, Event, EventKind, HeaderBlock, MessageRecord};
use super::text::Describe;
use crate::frame::hpack::{Field, Representation};
use crate::frame::{Frame, Payload};
use crate::wire::base64;

/// Appends the event's object and a line feed to `out`.
pub fn write(out: &mut String, event: &Event, describe: &Describe<'_>) {
    let mut object = Object::open(out);
    object.number("v", VERSION);
    object.number("at_us", event.at.as_micros());
    object.text("from", event.direction.sender());
    object.number("offset", event.offset);
    match &event.kind {
        EventKind::Preface => object.text("event", "preface"),
        EventKind::Frame(frame) => write_frame(&mut object, frame),
        EventKind::HeaderBlock(block) => write_block(&mut object, block),
        EventKind::Call(record) => write_call(&mut object, record, describe),
        EventKind::Garbage(garbage) => {
            object.text("event", "garbage");
            object.text("reason", &garbage.to_string());
        }
        EventKind::Broken(broken) => {
            object.text("event", "broken");
            object.text("reason", &broken.to_string());
        }
    }
    object.close();
    out.push('\n');
}

fn write_frame(object: &mut Object<'_>, frame: &Frame) {
    object.text("event", "frame");
    object.text("type", &frame.head.kind.to_string());
    object.number("length", frame.head.len);
    object.number("flags", frame.head.flags);
    object.number("stream", frame.head.stream_id);
    // A payload that breaks a rule is told by the event that follows.
    let Ok(payload) = frame.parse() else { return };
    match payload {
        Payload::Settings(settings) => object.objects("settings", settings.iter(), |object, setting| {
            object.text("name", &setting.id.to_string());
            object.number("value", setting.value);
        }),
        Payload::Data { padding: Some(padding), .. } | Payload::Headers { padding: Some(padding), .. } => {
            object.number("padding", padding);
        }
        Payload::PushPromise { promised_stream_id, .. } => {
            object.number("promised_stream", promised_stream_id)
        }
        Payload::RstStream { code } => object.text("error_code", &code.to_string()),
        Payload::Ping(octets) | Payload::PingAck(octets) => object.text("opaque", &base64::encode(&octets)),
        Payload::WindowUpdate { increment } => object.number("increment", increment),
        Payload::Goaway { last_stream_id, code, debug_data } => {
            object.number("last_stream", last_stream_id);
            object.text("error_code", &code.to_string());
            write_bytes(object, "debug_data", debug_data);
        }
        _ => {}
    }
}

fn write_block(object: &mut Object<'_>, block: &HeaderBlock) {
    object.text("event", "header_block");
    object.number("stream", block.stream_id);
    object.number("length", block.octets.len());
    object.number("frames", block.frames);
    object.boolean("end_stream", block.end_stream);
    object
        .objects("table_sizes", &block.size_updates, |object, update| object.number("size", update.max_size));
    object.objects("fields", &block.fields, write_field);
}

fn write_field(object: &mut Object<'_>, field: &Field) {
    write_bytes(object, "name", &field.name);
    write_bytes(object, "value", &field.value);
    object.number("bytes", field.range.len());
    let (representation, index) = match field.representation {
        Representation::Indexed { index } => ("indexed", Some(index)),
        Representation::LiteralIndexed { name_index } => ("literal", name_index),
        Representation::LiteralPlain { name_index } => ("literal not indexed", name_index),
        Representation::LiteralNeverIndexed { name_index } => ("literal never indexed", name_index),
    };
    object.text("representation", representation);
    if let Some(index) = index {
        object.number("index", index);
    }
    object.boolean("name_huffman", field.name_huffman);
    object.boolean("value_huffman", field.value_huffman);
    if let Some(index) = field.becomes {
        object.number("becomes", index);
    }
}

fn write_call(object: &mut Object<'_>, record: &CallRecord, describe: &Describe<'_>) {
    object.text("event", "call");
    object.number("call", record.call_id);
    object.number("sequence", record.sequence);
    object.number("stream", record.stream_id);
    object.text("path", &record.path);
    object.text("step", record.event.name());
    match &record.event {
        CallEvent::ClientHeader { authority, timeout, metadata } => {
            if let Some(authority) = authority {
                object.text("authority", authority);
            }
            if let Some(timeout) = timeout {
                object.number("timeout_ns", timeout.as_nanos());
            }
            write_metadata(object, metadata);
        }
        CallEvent::ServerHeader { metadata } => write_metadata(object, metadata),
        CallEvent::ClientMessage(message) | CallEvent::ServerMessage(message) => {
            write_message(object, message, describe(record, message));
        }
        CallEvent::ServerTrailer { status, message, metadata } => {
            if let Some(status) = status {
                object.number("status", *status);
            }
            object.text("message", message);
            write_metadata(object, metadata);
        }
        CallEvent::Cancel { error_code } => object.number("error_code", *error_code),
        CallEvent::ClientHalfClose => {}
    }
}

fn write_message(object: &mut Object<'_>, message: &MessageRecord, described: Option<String>) {
    object.number("number", message.number);
    object.boolean("compressed", message.compressed);
    object.number("length", message.len);
    object.number("frames", message.frames);
    object.text("data", &base64::encode(&message.data));
    if let Some(text) = described {
        object.text("text", &text);
    }
}

fn write_metadata(object: &mut Object<'_>, metadata: &[(Bytes, Bytes)]) {
    object.objects("metadata", metadata, |object, (key, value)| {
        write_bytes(object, "key", key);
        write_bytes(object, "value", value);
    });
}

/// As text where the bytes are UTF-8; else base64 under the key with `_base64`.
fn write_bytes(object: &mut Object<'_>, key: &str, bytes: &[u8]) {
    match str::from_utf8(bytes) {
        Ok(text) => object.text(key, text),
        Err(_) => object.text(&format!("{key}_base64"), &base64::encode(bytes)),
    }
}

/// Of the shape of these objects; members may be added within a version, never changed.
const VERSION: u8 = 1;
