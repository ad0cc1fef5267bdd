//! One call, frame by frame: what went over the socket, and beside it what went over TCP.

use wirepath::frame::hpack::{Field, Representation};
use wirepath::frame::{Frame, FrameHead, FrameType, Payload};
use wirepath::tap::{CallEvent, CallRecord, Direction, HeaderBlock, text};

use super::capture::Capture;
use super::describe::Describer;
use super::steps::{Step, steps, streams};

/// One frame on either side.
#[derive(Clone, Debug)]
pub(crate) struct FrameView {
    pub(crate) direction: Direction,
    /// Where it begins among its direction's bytes over the socket.
    pub(crate) offset: u64,
    /// `HEADERS`, with its flags.
    pub(crate) title: String,
    /// What it is for, to a reader who has never seen one.
    pub(crate) purpose: &'static str,
    pub(crate) unix: Option<Size>,
    pub(crate) tcp: Option<Size>,
    /// Every byte is the same.
    pub(crate) equal: bool,
    pub(crate) details: Vec<Detail>,
}

/// Bytes of a frame; the preface has no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) head: usize,
    pub(crate) payload: usize,
}

/// What a frame says.
#[derive(Clone, Debug)]
pub(crate) enum Detail {
    Note(String),
    Field { name: String, unix: FieldView, tcp: Option<FieldView> },
    Prefix { note: String },
    Message { len: u32, text: String },
}

/// One header field as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldView {
    pub(crate) value: String,
    /// Bytes of the header block that it took.
    pub(crate) bytes: usize,
    pub(crate) how: String,
}

/// The first call over both transports, in the order in which it went over the socket.
pub(crate) fn side_by_side(unix: &Capture, tcp: &Capture, describer: &Describer) -> Vec<FrameView> {
    let (unix, tcp) = (steps(&unix.events), steps(&tcp.events));
    let (unix, mut tcp) = (first_call(unix), first_call(tcp));
    let mut views = Vec::new();
    for step in unix {
        let twin = tcp.iter().position(|twin| is_twin(&step, twin)).map(|place| tcp.remove(place));
        views.push(view(Some(&step), twin.as_ref(), describer));
    }
    // What went over TCP alone.
    views.extend(tcp.iter().map(|step| view(None, Some(step), describer)));
    views
}

fn first_call(steps: Vec<Step<'_>>) -> Vec<Step<'_>> {
    let first = streams(&steps).first().copied();
    let belongs = |step: &Step<'_>| step.stream_id() == 0 || Some(step.stream_id()) == first;
    steps.into_iter().filter(belongs).collect()
}

/// The next frame of the same kind in the same stream and direction.
fn is_twin(one: &Step<'_>, other: &Step<'_>) -> bool {
    let kind = |step: &Step<'_>| step.frame.map(|frame| (frame.head.kind, frame.head.is_ack()));
    one.direction == other.direction && one.stream_id() == other.stream_id() && kind(one) == kind(other)
}

fn view(unix: Option<&Step<'_>>, tcp: Option<&Step<'_>>, describer: &Describer) -> FrameView {
    // One of the two is there.
    let shown = unix.or(tcp);
    FrameView {
        direction: shown.map_or(Direction::ClientToServer, |step| step.direction),
        offset: shown.map_or(0, |step| step.offset),
        title: shown.map(title).unwrap_or_default(),
        purpose: shown.map_or("", purpose),
        unix: unix.map(size),
        tcp: tcp.map(size),
        equal: unix.zip(tcp).is_some_and(|(unix, tcp)| is_equal(unix, tcp)),
        details: shown.map(|step| details(step, tcp, describer)).unwrap_or_default(),
    }
}

fn is_equal(one: &Step<'_>, other: &Step<'_>) -> bool {
    let content = |frame: &Frame| (frame.head, frame.payload.clone());
    one.frame.map(content) == other.frame.map(content)
}

fn size(step: &Step<'_>) -> Size {
    Size { head: step.frame.map_or(0, |_| FrameHead::LEN), payload: step.payload_len() }
}

fn title(step: &Step<'_>) -> String {
    let Some(Frame { head, .. }) = step.frame else { return "preface".to_owned() };
    let mut title = head.kind.to_string();
    if head.stream_id != 0 {
        title.push_str(&format!(" {}", head.stream_id));
    }
    for flag in head.flag_names() {
        title.push(' ');
        title.push_str(flag);
    }
    title
}

fn purpose(step: &Step<'_>) -> &'static str {
    let Some(Frame { head, .. }) = step.frame else { return "here speaks HTTP/2" };
    let from_client = step.direction == Direction::ClientToServer;
    match head.kind {
        FrameType::Settings if head.is_ack() => "the other's settings hold now",
        FrameType::Settings if from_client => "what the client takes",
        FrameType::Settings => "what the server takes",
        FrameType::WindowUpdate => "room for more bytes",
        FrameType::Headers if from_client => "the call: which method",
        FrameType::Headers if head.is_end_stream() => "the trailers: how it ended",
        FrameType::Headers => "the answer begins",
        FrameType::Data if head.len == 0 => "nothing more from this side",
        FrameType::Data if from_client => "the request",
        FrameType::Data => "the response",
        FrameType::Ping => "are you there",
        FrameType::RstStream => "the stream is given up",
        FrameType::Goaway => "no new calls",
        _ => "",
    }
}

fn details(step: &Step<'_>, tcp: Option<&Step<'_>>, describer: &Describer) -> Vec<Detail> {
    let mut details = Vec::new();
    if let Some(block) = step.block {
        details.extend(fields(block, tcp.and_then(|step| step.block)));
    }
    match step.frame.map(Frame::parse) {
        Some(Ok(Payload::Settings(settings))) if !settings.is_empty() => {
            let settings: Vec<_> = settings.iter().map(|setting| setting.to_string()).collect();
            details.push(Detail::Note(settings.join(", ")));
        }
        Some(Ok(Payload::WindowUpdate { increment })) => {
            details.push(Detail::Note(format!("{increment} more")));
        }
        Some(Ok(Payload::RstStream { code })) => details.push(Detail::Note(code.to_string())),
        _ => {}
    }
    for record in &step.calls {
        if let CallEvent::ClientMessage(message) | CallEvent::ServerMessage(message) = &record.event {
            let compressed = if message.compressed { "compressed" } else { "not compressed" };
            let note = format!(
                "{:02x} {:08x}: {compressed}, {}",
                u8::from(message.compressed),
                message.len,
                message.len
            );
            details.push(Detail::Prefix { note: format!("{note} bytes follow") });
            details.push(Detail::Message { len: message.len, text: message_text(record, describer) });
        }
    }
    details
}

fn message_text(record: &CallRecord, describer: &Describer) -> String {
    let (CallEvent::ClientMessage(message) | CallEvent::ServerMessage(message)) = &record.event else {
        return String::new();
    };
    let described = describer.describe(record, message);
    described.unwrap_or_else(|| text::printable(&message.data[..message.data.len().min(64)]))
}

/// Each field, with its twin over TCP where a byte of it differs.
fn fields(block: &HeaderBlock, tcp: Option<&HeaderBlock>) -> Vec<Detail> {
    let twin = |place: usize, field: &Field| {
        let tcp = tcp?;
        let twin = tcp.fields.get(place)?;
        let same = block.octets.get(field.range.clone()) == tcp.octets.get(twin.range.clone());
        (!same).then(|| field_view(twin))
    };
    let fields = block.fields.iter().enumerate();
    let details = fields.map(|(place, field)| Detail::Field {
        name: text::printable(&field.name),
        unix: field_view(field),
        tcp: twin(place, field),
    });
    details.collect()
}

fn field_view(field: &Field) -> FieldView {
    FieldView { value: text::printable(&field.value), bytes: field.range.len(), how: how(field) }
}

/// How HPACK sent the field, in words that need no RFC.
fn how(field: &Field) -> String {
    let huffman = if field.name_huffman || field.value_huffman { "Huffman" } else { "plain" };
    match (field.representation, field.becomes) {
        (Representation::Indexed { index }, _) => format!("table entry {index}"),
        (_, Some(entry)) => format!("{huffman}, now at {entry}"),
        (Representation::LiteralNeverIndexed { .. }, None) => format!("{huffman}, never kept"),
        (_, None) => format!("{huffman}, not kept"),
    }
}
