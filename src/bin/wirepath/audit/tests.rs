//! Captures of real calls in memory, and what the audit makes of them.

use std::time::Duration;

use wirepath::generated::wirepath::echo::v1::{SayRequest, echo_client::EchoClient, echo_server::EchoServer};
use wirepath::tap::{Analyzer, Direction, Recording, Tapped};
use wirepath::transport::{Listener, duplex};
use wirepath::{Channel, Server};

use super::capture::{CALLS, Capture, Route, Shape, make_calls};
use super::describe::Describer;
use super::frames::{Detail, side_by_side};
use super::ledger::Ledger;
use super::report::{Captured, Machine, Report, TitledRow};
use super::row::{Row, Verdict};
use super::sameness::{Likeness, compare};
use super::second::Addresses;
use super::{json, render};
use crate::echo::EchoService;

/// The calls of a shape over the in-memory transport.
fn captured(authority: &str, shape: Shape) -> Capture {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (connector, listener) = duplex(1 << 16);
        let listeners = [Box::new(listener) as Box<dyn Listener>];
        let server = Server::new().add(EchoServer::new(EchoService));
        tokio::spawn(server.serve_with_shutdown(listeners, std::future::pending()));
        let recording = Recording::new(1 << 20);
        let channel =
            Channel::builder(Tapped::new(connector, recording.clone())).authority(authority).unwrap();
        make_calls(&EchoClient::new(channel.build()), shape).await.unwrap();
        Capture::read(&recording)
    })
}

fn all_captured() -> Vec<Captured> {
    let capture = |shape| Captured {
        shape,
        unix: captured("localhost", shape),
        tcp: captured("127.0.0.1:50051", shape),
        tcp_as_localhost: captured("localhost", shape),
    };
    Shape::ALL.into_iter().map(capture).collect()
}

fn report() -> Report {
    let captured = all_captured();
    Report {
        machine: Machine::here(),
        addresses: Addresses { pid: 1, socket: "/tmp/echo.sock".into(), tcp: "127.0.0.1:50051".to_owned() },
        frames: captured[0].frames(),
        ledger: captured.iter().map(Captured::column).collect(),
        rows: Vec::new(),
        sameness: captured.iter().flat_map(Captured::comparisons).collect(),
    }
}

#[test]
fn the_ledgers_sums_are_the_captured_totals() {
    for shape in Shape::ALL {
        let capture = captured("localhost", shape);
        let ledger = Ledger::of(&capture);
        assert_eq!(ledger.unread, 0, "{shape:?}");
        assert_eq!(ledger.total(), capture.sent.len() + capture.received.len(), "{shape:?}");
        assert_eq!(ledger.calls.len(), CALLS);
        assert!(ledger.further().total() < ledger.first().total());
    }
}

#[test]
fn a_frame_that_is_cut_off_is_unread_and_not_lost() {
    let mut capture = captured("localhost", Shape::Say);
    let whole = Ledger::of(&capture);
    capture.received.extend_from_slice(&[0, 0, 9, 0]);
    let cut = Ledger::of(&capture);
    assert_eq!((cut.total(), cut.unread), (whole.total(), 4));
}

#[test]
fn the_items_of_a_unary_call_are_on_their_accounts() {
    let ledger = Ledger::of(&captured("localhost", Shape::Say));
    let (first, further) = (ledger.first(), ledger.further());
    assert_eq!((first.preface, further.preface), (24, 0));
    // `text: "hello, wire"`, there and back.
    assert_eq!((first.messages, first.prefixes), (26, 10));
    // HEADERS and DATA; HEADERS, DATA and HEADERS.
    assert_eq!(further.heads, 5 * 9);
    assert!(further.request_headers < first.request_headers);
}

#[test]
fn with_the_same_authority_every_byte_is_the_same() {
    let (one, other) = (captured("localhost", Shape::Say), captured("localhost", Shape::Say));
    for direction in Direction::BOTH {
        assert_eq!(compare(&one, &other, direction), Likeness::Identical);
    }
}

#[test]
fn another_authority_is_set_aside_and_named() {
    let (one, other) = (captured("localhost", Shape::Say), captured("127.0.0.1:50051", Shape::Say));
    assert_eq!(compare(&one, &other, Direction::ClientToServer), Likeness::ButAuthority);
    assert_eq!(compare(&one, &other, Direction::ServerToClient), Likeness::Identical);
}

#[test]
fn a_changed_byte_of_any_other_kind_differs_and_is_found() {
    let one = captured("localhost", Shape::Say);
    let text = one.sent.windows(5).position(|window| window == b"hello").unwrap();
    // The value of the first setting: behind the preface, a frame head and the setting's number.
    let setting = 24 + 9 + 5;
    for (place, found) in [(text, "stream 1, frame 2, DATA"), (setting, "stream 0, frame 2, SETTINGS")] {
        let mut other = one.clone();
        other.sent[place] ^= 1;
        other.events = Analyzer::new().push(Direction::ClientToServer, &other.sent, Duration::ZERO);
        assert_eq!(compare(&one, &other, Direction::ClientToServer), Likeness::Differs(found.to_owned()));
    }
}

/// The same capture with the client's acknowledgement of SETTINGS at the end.
fn acknowledged_late(mut capture: Capture) -> Capture {
    let acknowledgement = [0, 0, 0, 4, 1, 0, 0, 0, 0];
    let at = capture.sent.windows(9).position(|window| window == acknowledgement).unwrap();
    capture.sent.drain(at..at + 9);
    capture.sent.extend(acknowledgement);
    let mut analyzer = Analyzer::new();
    capture.events = analyzer.push(Direction::ClientToServer, &capture.sent, Duration::ZERO);
    capture.events.extend(analyzer.push(Direction::ServerToClient, &capture.received, Duration::ZERO));
    capture
}

#[test]
fn frames_of_another_stream_between_are_a_matter_of_time() {
    let one = captured("localhost", Shape::Say);
    let other = acknowledged_late(one.clone());
    let likeness = compare(&one, &other, Direction::ClientToServer);
    assert!(likeness == Likeness::Interleaved && likeness.holds() && likeness.is_a_matter_of_time());
    assert_eq!(compare(&one, &other, Direction::ServerToClient), Likeness::Identical);
}

#[test]
fn captures_that_were_timed_apart_are_taken_again() {
    let (own, same) = (captured("127.0.0.1:50051", Shape::Say), captured("localhost", Shape::Say));
    let mut takes = 0;
    let settled = Captured::settled(Shape::Say, |route| {
        takes += 1;
        // The socket's first take is timed unlike all of TCP's.
        Ok::<_, ()>(match route {
            Route::Unix if takes == 1 => acknowledged_late(same.clone()),
            Route::Unix | Route::TcpAsLocalhost => same.clone(),
            Route::Tcp => own.clone(),
        })
    });
    let likenesses: Vec<_> = settled.unwrap().comparisons().map(|one| one.same_authority).collect();
    assert_eq!((takes, likenesses), (6, vec![Likeness::Identical, Likeness::Identical]));
}

#[test]
fn captures_that_never_agree_are_kept_as_they_are() {
    let one = captured("localhost", Shape::Say);
    let late = acknowledged_late(one.clone());
    let captured = Captured::settled(Shape::Say, |route| {
        Ok::<_, ()>(if route == Route::Unix { late.clone() } else { one.clone() })
    });
    let likenesses: Vec<_> = captured.unwrap().comparisons().map(|one| one.same_authority).collect();
    assert_eq!(likenesses, [Likeness::Interleaved, Likeness::Identical]);
}

#[test]
fn messages_cut_elsewhere_into_data_are_equal_by_name_only() {
    let one = captured("localhost", Shape::Say);
    let mut other = one.clone();
    let needle = b"hello, wire";
    let at = one.sent.windows(needle.len()).position(|window| window == needle).unwrap();
    // The DATA frame's head stands 16 bytes before the text: 9 of head, 5 of prefix, 2 of the field's key and length.
    let head = at - 16;
    let cut = at + 4;
    let first = u8::try_from(cut - (head + 9)).unwrap();
    let rest = u8::try_from(needle.len() - 4).unwrap();
    other.sent[head + 2] = first;
    other.sent[head + 4] = 0;
    other.sent.splice(cut..cut, [0, 0, rest, 0, 1, 0, 0, 0, 1]);
    other.events = Analyzer::new().push(Direction::ClientToServer, &other.sent, Duration::ZERO);
    assert_eq!(compare(&one, &other, Direction::ClientToServer), Likeness::Cut);
}

#[test]
fn the_frames_side_by_side_differ_in_authority_alone() {
    let (unix, tcp) = (captured("localhost", Shape::Say), captured("127.0.0.1:50051", Shape::Say));
    let views = side_by_side(&unix, &tcp, &Describer::new());
    let differing: Vec<_> = views.iter().filter(|view| !view.equal).collect();
    assert_eq!(differing.len(), 1);
    let fields = differing[0].details.iter().filter_map(|detail| match detail {
        Detail::Field { name, unix, tcp: Some(tcp) } => {
            Some((name.as_str(), unix.value.as_str(), tcp.value.as_str()))
        }
        _ => None,
    });
    assert_eq!(fields.collect::<Vec<_>>(), [(":authority", "localhost", "127.0.0.1:50051")]);
    let message = views.iter().flat_map(|view| &view.details).find_map(|detail| match detail {
        Detail::Message { len, text } => Some((*len, text.as_str())),
        _ => None,
    });
    assert_eq!(message, Some((13, "text:\"hello, wire\"")));
    let request = SayRequest { text: "hello, wire".to_owned(), ..Default::default() };
    assert_eq!(prost::Message::encoded_len(&request), 13);
}

#[test]
fn the_text_fits_100_columns_and_has_no_colours_of_its_own() {
    let text = render::text(&report(), render::Paint::for_output(false));
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
        assert!(!line.contains('\x1b'), "{line}");
    }
}

#[test]
fn json_says_what_the_text_says() {
    let document = json::document(&report());
    for column in document["ledger"].as_array().unwrap() {
        let parts =
            column["unix"]["calls"].as_array().unwrap().iter().map(|call| call["total"].as_u64().unwrap());
        let sum = parts.sum::<u64>() + column["unix"]["connection"]["total"].as_u64().unwrap();
        assert_eq!(Some(sum), column["unix"]["captured"].as_u64());
    }
    assert!(
        document["sameness"].as_array().unwrap().iter().all(|one| one["same_authority"]["equal"] == true)
    );
    assert_eq!(document["frames"][0]["frame"], "preface");
}

fn row(verdict: Verdict) -> TitledRow {
    let (tcp, unix, experiment) = ("waits".to_owned(), "EAGAIN".to_owned(), "3 connects".to_owned());
    TitledRow { title: "backlog full", row: Row { name: "backlog", row: 4, tcp, unix, experiment, verdict } }
}

#[test]
fn a_row_that_differs_fails_the_audit_and_one_that_is_not_here_does_not() {
    let mut report = report();
    report.rows = vec![row(Verdict::Proved), row(Verdict::NotHere("too noisy".to_owned()))];
    assert!(report.holds());
    report.rows.push(row(Verdict::Differs("it waited".to_owned())));
    assert_eq!((report.holds(), report.tally()), (false, (1, 1, 1)));

    let text = render::text(&report, render::Paint::for_output(false));
    for line in ["1 proved   1 differ   1 not here", "ok backlog full", "-- backlog full", "!! backlog full"]
    {
        assert!(text.contains(line), "{line}");
    }
    assert!(text.contains("differs: it waited") && text.contains("not here: too noisy"));

    let rows = &json::document(&report)["rows"];
    assert_eq!((&rows[2]["verdict"], &rows[2]["reason"]), (&"differs".into(), &"it waited".into()));
    assert_eq!((&rows[0]["row"], &rows[0]["verdict"]), (&4.into(), &"proved".into()));
}

#[test]
fn bytes_that_differ_fail_the_audit() {
    let mut report = report();
    report.sameness[0].same_authority = Likeness::Differs("stream 1, frame 2, DATA".to_owned());
    assert!(!report.holds());
}
