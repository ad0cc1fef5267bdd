//! What goes over the wire, as `tests/golden/*.trace`: real calls over the in-memory transport, seen by the tap.
//!
//! A change on the wire shows as a change of these files. `WIREPATH_BLESS=1 cargo test --features cli --test golden` writes
//! them anew. Times are left out; everything else is the same in each run, since one thread runs both ends. The files are
//! those of the features of `cli`: other encodings would be named in `grpc-accept-encoding`.
#![cfg(all(feature = "tap", feature = "protos"))]

use std::path::Path;
use std::time::Duration;

use prost::Message;
use wirepath::generated::wirepath::echo::v1::*;
use wirepath::tap::{Analyzer, CallEvent, CallRecord, MessageRecord, Recording, Tapped, text};
use wirepath::transport::{Listener, duplex};
use wirepath::{Channel, Code, MessageReceiver, MessageSender, Request, Response, Server, Status};

use echo_client::EchoClient;
use echo_server::{Echo, EchoServer};

/// Answers of fixed content, with metadata, a failure, and one that never comes.
struct Fixed;

impl Echo for Fixed {
    async fn say(&self, request: Request<SayRequest>) -> Result<Response<SayResponse>, Status> {
        let SayRequest { text, payload } = request.into_message();
        if text == "fail" {
            return Err(Status::not_found("no such word: ä"));
        }
        let mut response = Response::new(SayResponse { text, payload });
        response.metadata_mut().append("served-by", "fixed")?;
        response.trailers_mut().append_bin("sum-bin", &[0xff, 0x00])?;
        Ok(response)
    }

    async fn collect(
        &self,
        requests: Request<MessageReceiver<CollectRequest>>,
    ) -> Result<Response<CollectResponse>, Status> {
        let mut requests = requests.into_message();
        let mut collected = CollectResponse::default();
        while let Some(request) = requests.recv().await? {
            collected.messages += 1;
            collected.last_text = request.text;
        }
        Ok(Response::new(collected))
    }

    async fn count(
        &self,
        request: Request<CountRequest>,
        mut responses: MessageSender<CountResponse>,
    ) -> Result<(), Status> {
        for number in 1..=request.message().messages {
            responses.send(CountResponse { number, ..Default::default() }).await?;
        }
        Ok(())
    }

    async fn chat(
        &self,
        requests: Request<MessageReceiver<ChatRequest>>,
        mut responses: MessageSender<ChatResponse>,
    ) -> Result<(), Status> {
        let mut requests = requests.into_message();
        while let Some(ChatRequest { text, payload }) = requests.recv().await? {
            responses.send(ChatResponse { text, payload }).await?;
        }
        Ok(())
    }
}

/// Makes calls against [`Fixed`] over the in-memory transport; gives what passed.
fn recorded(call: impl AsyncFnOnce(EchoClient)) -> Recording {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let recording = Recording::new(1 << 20);
    runtime.block_on(async {
        let (connector, listener) = duplex(1 << 16);
        let listeners = [Box::new(listener) as Box<dyn Listener>];
        tokio::spawn(
            Server::new().add(EchoServer::new(Fixed)).serve_with_shutdown(listeners, std::future::pending()),
        );
        let channel = Channel::new(Tapped::new(connector, recording.clone()));
        call(EchoClient::new(channel)).await;
        // Lets both ends say what they still have to say.
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    recording
}

fn trace(recording: &Recording) -> String {
    let (mut analyzer, mut trace) = (Analyzer::new(), String::new());
    for chunk in recording.chunks() {
        for event in analyzer.push(chunk.direction, &chunk.bytes, Duration::ZERO) {
            text::write(&mut trace, &event, &describe).unwrap();
        }
    }
    // The version is in `user-agent`; a release is no change on the wire.
    trace.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

fn describe(record: &CallRecord, message: &MessageRecord) -> Option<String> {
    let data = message.data.clone();
    let is_request = matches!(record.event, CallEvent::ClientMessage(_));
    let text = match record.path.rsplit('/').next()? {
        "Say" if is_request => SayRequest::decode(data).ok()?.text,
        "Say" => SayResponse::decode(data).ok()?.text,
        "Collect" if is_request => CollectRequest::decode(data).ok()?.text,
        "Collect" => format!("{} messages", CollectResponse::decode(data).ok()?.messages),
        "Count" if is_request => format!("{} messages", CountRequest::decode(data).ok()?.messages),
        "Count" => CountResponse::decode(data).ok()?.number.to_string(),
        "Chat" if is_request => ChatRequest::decode(data).ok()?.text,
        _ => ChatResponse::decode(data).ok()?.text,
    };
    Some(format!("{text:?}"))
}

fn compare(name: &str, trace: &str) {
    if !HAS_ENCODINGS_OF_CLI {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).with_extension("trace");
    if std::env::var_os("WIREPATH_BLESS").is_some() {
        std::fs::write(&path, trace).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let place = golden.lines().zip(trace.lines()).position(|(one, other)| one != other);
    let line = place.unwrap_or(golden.lines().count().min(trace.lines().count()));
    assert!(
        golden == trace,
        "{name}: the wire changed at line {}:\n- {}\n+ {}\nWIREPATH_BLESS=1 accepts it",
        line + 1,
        golden.lines().nth(line).unwrap_or_default(),
        trace.lines().nth(line).unwrap_or_default(),
    );
}

const HAS_ENCODINGS_OF_CLI: bool = cfg!(all(
    feature = "gzip",
    not(any(feature = "deflate", feature = "zstd", feature = "br", feature = "snappy"))
));

async fn say(client: &EchoClient, text: &str) -> Result<Response<SayResponse>, Status> {
    let mut request = Request::new(SayRequest { text: text.to_owned(), ..Default::default() });
    request.metadata_mut().append("tenant", "blue").unwrap();
    request.metadata_mut().append_bin("trace-bin", &[1, 2, 3]).unwrap();
    client.say(request.with_timeout(Duration::from_secs(5))).await
}

#[test]
fn unary_first_call_and_second() {
    let recording = recorded(async |client| {
        for text in ["hello", "again"] {
            let response = say(&client, text).await.unwrap();
            assert_eq!(response.metadata().get("served-by"), Some("fixed"));
        }
    });
    compare("unary", &trace(&recording));
}

#[test]
fn failure_before_the_first_message_is_trailers_only() {
    let recording = recorded(async |client| {
        assert_eq!(say(&client, "fail").await.unwrap_err().code(), Code::NotFound);
    });
    compare("trailers-only", &trace(&recording));
}

#[test]
fn client_streaming() {
    let recording = recorded(async |client| {
        let (mut requests, responses) = client.collect(Request::new(())).await.unwrap();
        for text in ["one", "two"] {
            requests.send(CollectRequest { text: text.to_owned(), ..Default::default() }).await.unwrap();
        }
        requests.finish().await.unwrap();
        assert_eq!(responses.only_message().await.unwrap().message().messages, 2);
    });
    compare("client-streaming", &trace(&recording));
}

#[test]
fn server_streaming() {
    let recording = recorded(async |client| {
        let mut responses = client.count(CountRequest { messages: 2, ..Default::default() }).await.unwrap();
        while responses.recv().await.unwrap().is_some() {}
    });
    compare("server-streaming", &trace(&recording));
}

#[test]
fn bidi_streaming_and_then_a_cancelled_call() {
    let recording = recorded(async |client| {
        let (mut requests, mut responses) = client.chat(Request::new(())).await.unwrap();
        requests.send(ChatRequest { text: "ping".to_owned(), ..Default::default() }).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap().text, "ping");
        requests.finish().await.unwrap();
        assert!(responses.recv().await.unwrap().is_none());

        let (mut requests, mut responses) = client.chat(Request::new(())).await.unwrap();
        requests.send(ChatRequest { text: "bye".to_owned(), ..Default::default() }).await.unwrap();
        assert_eq!(responses.recv().await.unwrap().unwrap().text, "bye");
        drop((requests, responses));
        tokio::time::sleep(Duration::from_millis(10)).await;
    });
    compare("bidi-streaming", &trace(&recording));
}

#[cfg(feature = "cli")]
#[test]
fn every_event_is_one_line_of_valid_json() {
    let recording = recorded(async |client| {
        say(&client, "quote \" backslash \\ newline \n \u{1f980}").await.unwrap();
        say(&client, "fail").await.unwrap_err();
    });
    let (mut analyzer, mut lines, mut events) = (Analyzer::new(), String::new(), 0);
    for chunk in recording.chunks() {
        for event in analyzer.push(chunk.direction, &chunk.bytes, chunk.at) {
            wirepath::tap::json::write(&mut lines, &event, &describe);
            events += 1;
        }
    }
    assert_eq!(lines.lines().count(), events);
    let objects: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(objects.iter().all(|object| object["v"] == 1 && object["offset"].is_u64()));
    let steps: Vec<_> =
        objects.iter().filter(|object| object["call"] == 2).map(|object| &object["step"]).collect();
    assert_eq!(steps, ["CLIENT_HEADER", "CLIENT_MESSAGE", "CLIENT_HALF_CLOSE", "SERVER_TRAILER"]);
    let trailer =
        objects.iter().find(|object| object["call"] == 2 && object["step"] == "SERVER_TRAILER").unwrap();
    assert_eq!((&trailer["status"], &trailer["message"]), (&5.into(), &"no such word: ä".into()));
    let text = objects.iter().find_map(|object| object["text"].as_str()).unwrap();
    assert_eq!(text, format!("{:?}", "quote \" backslash \\ newline \n \u{1f980}"));
}

#[test]
fn a_tapped_listener_sees_what_a_tapped_connector_sees() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (at_client, at_server) = (Recording::new(1 << 20), Recording::new(1 << 20));
    runtime.block_on(async {
        let (connector, listener) = duplex(1 << 16);
        let listeners = [Box::new(Tapped::new(listener, at_server.clone())) as Box<dyn Listener>];
        tokio::spawn(
            Server::new().add(EchoServer::new(Fixed)).serve_with_shutdown(listeners, std::future::pending()),
        );
        say(&EchoClient::new(Channel::new(Tapped::new(connector, at_client.clone()))), "hello")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    let bytes = |recording: &Recording, direction| {
        let chunks = recording.chunks().into_iter().filter(|chunk| chunk.direction == direction);
        chunks.flat_map(|chunk| chunk.bytes).collect::<Vec<_>>()
    };
    for direction in wirepath::tap::Direction::BOTH {
        assert_eq!(bytes(&at_client, direction), bytes(&at_server, direction), "{direction}");
        assert!(!bytes(&at_client, direction).is_empty());
    }
}
