//! Rows about what is said above the socket, and must not change with it: the names that peers call a server by, pings
//! and the way a server says goodbye.

use std::{fmt, io};

use wirepath::frame::{Frame, FrameType, Payload, flags};

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    talk::{Served, Talk},
};

/// On a path every library has a name of its own for the server; all are served, and none is a URI authority but two.
pub(super) fn authorities(bench: &Bench<'_>) -> io::Result<Finding> {
    let served = Served::start(bench)?;
    let tcp = answered(&mut served.talk(Transport::Tcp)?)?;
    let unix = answered(&mut served.talk(Transport::Unix)?)?;
    Ok(Finding {
        tcp: format!("the same {} of {} are answered", tcp.len(), AUTHORITIES.len()),
        unix: format!("{} of {} are answered: {}", unix.len(), AUTHORITIES.len(), unix.join(", ")),
        experiment: "a call with each, as the libraries write them".to_owned(),
        verdict: Verdict::of(&[
            (unix.len() == AUTHORITIES.len(), "a call with a name of this kind was not answered"),
            (tcp == unix, "TCP and Unix socket do not serve the same names"),
        ]),
    })
}

/// A PING is answered; one that comes too often, with no call to keep alive, is a strike, and the third is the last.
pub(super) fn keepalive(bench: &Bench<'_>) -> io::Result<Finding> {
    let served = Served::start(bench)?;
    let tcp = Pinged::too_often(&mut served.talk(Transport::Tcp)?)?;
    let unix = Pinged::too_often(&mut served.talk(Transport::Unix)?)?;
    Ok(Finding {
        tcp: tcp.to_string(),
        unix: format!("the same: {unix}"),
        experiment: "PINGs without a call, until GOAWAY".to_owned(),
        verdict: Verdict::of(&[
            (unix.acknowledged > 0, "no PING was acknowledged"),
            (unix.goaway == "ENHANCE_YOUR_CALM too_many_pings", "the pings were not ended as gRPC has it"),
            (tcp == unix, "TCP and Unix socket do not end alike"),
        ]),
    })
}

/// GOAWAY for all streams, a PING to know that it was read, GOAWAY with the last one (rule 44).
pub(super) fn drain(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = goodbye(bench, Transport::Tcp)?;
    let unix = goodbye(bench, Transport::Unix)?;
    Ok(Finding {
        tcp: tcp.join(", "),
        unix: format!("the same: {}", unix.join(", ")),
        experiment: "shutdown with an idle client".to_owned(),
        verdict: Verdict::of(&[
            (unix == GOODBYE, "the server did not say goodbye in two steps"),
            (tcp == unix, "TCP and Unix socket do not end alike"),
        ]),
    })
}

/// The kinds of `:authority` to which the server answered.
fn answered(talk: &mut Talk) -> io::Result<Vec<&'static str>> {
    let mut answered = Vec::new();
    for ((kind, authority), stream_id) in AUTHORITIES.iter().zip((1..).step_by(2)) {
        talk.say(FrameType::Headers, flags::END_HEADERS, stream_id, &call_to(*authority))?;
        talk.say(FrameType::Data, flags::END_STREAM, stream_id, &EMPTY_MESSAGE)?;
        let is_last = |frame: &Frame| frame.head.stream_id == stream_id && ends_stream(frame);
        if talk.hear(is_last)?.head.kind == FrameType::Headers {
            answered.push(*kind);
        }
    }
    Ok(answered)
}

fn ends_stream(frame: &Frame) -> bool {
    frame.head.kind == FrameType::RstStream || frame.head.is_end_stream()
}

/// A field block for a call to this authority: POST, http and the rest as literals without indexing.
fn call_to(authority: Option<&str>) -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    for (index, value) in [(1, authority), (4, Some("/wirepath.echo.v1.Echo/Say"))] {
        // Each is far shorter than the 127 bytes that need a longer length.
        if let Some(value) = value
            && let Ok(len @ ..127) = u8::try_from(value.len())
        {
            block.extend([index, len]);
            block.extend(value.as_bytes());
        }
    }
    block.extend(b"\x00\x02te\x08trailers\x0f\x10\x10application/grpc");
    block
}

/// How many PINGs were acknowledged, and what came in the end.
#[derive(PartialEq, Eq)]
struct Pinged {
    acknowledged: usize,
    goaway: String,
}

impl Pinged {
    fn too_often(talk: &mut Talk) -> io::Result<Self> {
        for acknowledged in 0..MOST_PINGS {
            talk.say(FrameType::Ping, 0, 0, b"too soon")?;
            let answer = talk.hear(|frame| matches!(frame.head.kind, FrameType::Ping | FrameType::Goaway))?;
            if let Ok(Payload::Goaway { code, debug_data, .. }) = answer.parse() {
                let goaway = format!("{code} {}", debug_data.escape_ascii());
                return Ok(Self { acknowledged, goaway });
            }
        }
        Ok(Self { acknowledged: MOST_PINGS, goaway: "no GOAWAY".to_owned() })
    }
}

impl fmt::Display for Pinged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} acknowledged, then {}", self.acknowledged, self.goaway)
    }
}

/// What a draining server says, to a client that acknowledges its PING.
fn goodbye(bench: &Bench<'_>, transport: Transport) -> io::Result<Vec<&'static str>> {
    let mut served = Served::start(bench)?;
    let mut talk = served.talk(transport)?;
    served.drain();
    let mut said = Vec::new();
    while said.len() < GOODBYE.len() {
        let frame = talk.hear(|frame| matches!(frame.head.kind, FrameType::Ping | FrameType::Goaway))?;
        said.push(match frame.parse().map_err(io::Error::other)? {
            Payload::Goaway { last_stream_id: LAST_OF_ALL, .. } => "GOAWAY for all",
            Payload::Goaway { last_stream_id: 0, .. } => "GOAWAY after 0",
            Payload::Ping(octets) => {
                talk.say(FrameType::Ping, flags::ACK, 0, &octets)?;
                "PING"
            }
            _ => "something else",
        });
    }
    Ok(said)
}

/// What kinds of `:authority` there are, each by the libraries that send it.
const AUTHORITIES: &[(&str, Option<&str>)] = &[
    ("localhost", Some("localhost")),
    ("a path", Some("/run/a.sock")),
    ("%2F", Some("run%2Fa.sock")),
    ("empty", Some("")),
    ("none", None),
];

const EMPTY_MESSAGE: [u8; 5] = [0; 5];

const GOODBYE: &[&str] = &["GOAWAY for all", "PING", "GOAWAY after 0"];

/// 2^31-1: no stream is above it.
const LAST_OF_ALL: u32 = 0x7fff_ffff;

/// Far beyond what a server should bear.
const MOST_PINGS: usize = 20;
