//! Real calls through the tap: each of the four shapes over each route, on a connection of its own.
//!
//! A capture ends when its last call has its answer: by then both ends have acknowledged the other's SETTINGS, so what is
//! captured does not depend on who was faster.

use std::time::Duration;

use wirepath::generated::wirepath::echo::v1::{
    ChatRequest, CollectRequest, CountRequest, SayRequest, echo_client::EchoClient,
};
use wirepath::tap::{Analyzer, Direction, Event, Recording, Tapped};
use wirepath::{Channel, Endpoint, Request, Status};

use super::second::Addresses;

/// The four call shapes, by the methods of the echo service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Say,
    Collect,
    Count,
    Chat,
}

impl Shape {
    pub(crate) const ALL: [Shape; 4] = [Shape::Say, Shape::Collect, Shape::Count, Shape::Chat];

    /// The method's name.
    pub(crate) const fn method(self) -> &'static str {
        match self {
            Shape::Say => "Say",
            Shape::Collect => "Collect",
            Shape::Count => "Count",
            Shape::Chat => "Chat",
        }
    }

    /// What gRPC calls the shape.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Shape::Say => "unary",
            Shape::Collect => "client streaming",
            Shape::Count => "server streaming",
            Shape::Chat => "bidirectional",
        }
    }
}

/// Over what a call goes, and the `:authority` that it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The Unix socket, `localhost`.
    Unix,
    /// TCP, the address that was dialled.
    Tcp,
    /// TCP, `localhost` as over the socket.
    TcpAsLocalhost,
}

/// What went over one connection.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    /// All bytes from client to server.
    pub(crate) sent: Vec<u8>,
    /// All bytes from server to client.
    pub(crate) received: Vec<u8>,
    /// What they say, in the order in which they passed.
    pub(crate) events: Vec<Event>,
}

impl Capture {
    /// All bytes of a direction.
    pub(crate) fn bytes(&self, direction: Direction) -> &[u8] {
        match direction {
            Direction::ClientToServer => &self.sent,
            Direction::ServerToClient => &self.received,
        }
    }

    /// Reads a recording of one connection.
    pub(crate) fn read(recording: &Recording) -> Self {
        let mut analyzer = Analyzer::new();
        let mut capture = Capture { sent: Vec::new(), received: Vec::new(), events: Vec::new() };
        for chunk in recording.chunks() {
            match chunk.direction {
                Direction::ClientToServer => capture.sent.extend_from_slice(&chunk.bytes),
                Direction::ServerToClient => capture.received.extend_from_slice(&chunk.bytes),
            }
            capture.events.extend(analyzer.push(chunk.direction, &chunk.bytes, chunk.at));
        }
        capture
    }
}

/// Makes [`CALLS`] calls of a shape over a route, one after the other on one connection.
pub(crate) async fn capture(addresses: &Addresses, route: Route, shape: Shape) -> Result<Capture, Status> {
    let recording = Recording::new(RECORDED);
    let (endpoint, authority) = match route {
        Route::Unix => (addresses.unix_endpoint(), "localhost"),
        Route::Tcp => (addresses.tcp_endpoint(), addresses.tcp.as_str()),
        Route::TcpAsLocalhost => (addresses.tcp_endpoint(), "localhost"),
    };
    let client = EchoClient::new(tapped(endpoint, authority, recording.clone())?);
    make_calls(&client, shape).await?;
    Ok(Capture::read(&recording))
}

/// [`CALLS`] calls, one after the other.
pub(super) async fn make_calls(client: &EchoClient, shape: Shape) -> Result<(), Status> {
    for _ in 0..CALLS {
        call(client, shape).await?;
    }
    Ok(())
}

fn tapped(endpoint: Endpoint, authority: &str, recording: Recording) -> Result<Channel, Status> {
    let channel = Channel::builder(Tapped::new(endpoint, recording)).authority(authority);
    Ok(channel.map_err(|error| Status::internal(error.to_string()))?.build())
}

async fn call(client: &EchoClient, shape: Shape) -> Result<(), Status> {
    match shape {
        Shape::Say => {
            client.say(SayRequest { text: "hello, wire".to_owned(), ..Default::default() }).await?;
        }
        Shape::Collect => {
            let (mut requests, responses) = client.collect(Request::new(())).await?;
            for text in WORDS {
                requests.send(CollectRequest { text: text.to_owned(), ..Default::default() }).await?;
                pause().await;
            }
            requests.finish().await?;
            responses.only_message().await?;
        }
        Shape::Count => {
            let mut responses = client.count(CountRequest { messages: 3, ..Default::default() }).await?;
            while responses.recv().await?.is_some() {}
        }
        Shape::Chat => {
            let (mut requests, mut responses) = client.chat(Request::new(())).await?;
            for text in WORDS {
                requests.send(ChatRequest { text: text.to_owned(), ..Default::default() }).await?;
                responses.recv().await?;
            }
            requests.finish().await?;
            while responses.recv().await?.is_some() {}
        }
    }
    Ok(())
}

/// Messages that are ready together share a DATA frame. Sent apart, each has its own on either transport.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Calls of one capture: the first, one that fills the HPACK tables, and one in the steady state.
pub(crate) const CALLS: usize = 3;

const WORDS: [&str; 3] = ["one", "two", "three"];

/// Far more than these calls need.
const RECORDED: usize = 1 << 20;
