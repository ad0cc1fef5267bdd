//! A server with handlers to provoke, and an h2 client that sends whatever it is told to.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use h2::{RecvStream, SendStream, client::SendRequest};
use http::{HeaderMap, Request, Response};
use wirepath::{
    Code, MessageReceiver, MessageSender, Router, Server, Status,
    call::{MethodDescriptor, MethodType},
    codec::Codec,
    transport::{Connector, duplex},
};

pub(crate) const SAY: MethodDescriptor<Bytes, Bytes> =
    MethodDescriptor::new("/test.Echo/Say", MethodType::Unary, Codec::RAW, Codec::RAW);
pub(crate) const CHAT: MethodDescriptor<Bytes, Bytes> =
    MethodDescriptor::new("/test.Echo/Chat", MethodType::BidiStreaming, Codec::RAW, Codec::RAW);

/// A format of its own: all letters are large.
const UPPER: Codec<Bytes> = Codec::new(
    |message, _| Some(message.to_ascii_uppercase().into()),
    |bytes| Ok(bytes.to_ascii_uppercase().into()),
);

/// How many handlers have begun, and how many were dropped or have returned.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    begun: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Handlers {
    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// Waits until this many handlers have ended.
    pub(crate) async fn ended(&self, count: usize) {
        let all = async {
            while self.ended.load(Ordering::SeqCst) < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), all).await.expect("the handlers end");
    }

    fn enter(&self) -> Entered {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Entered(Arc::clone(&self.ended))
    }
}

struct Entered(Arc<AtomicUsize>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Serves what the message asks for: an echo, or trouble.
async fn say(request: wirepath::Request<Bytes>) -> Result<wirepath::Response<Bytes>, Status> {
    match &request.message()[..] {
        b"panic" => panic!("as asked"),
        b"fail" => Err(Status::not_found("no such thing").with_details(&b"\x08\x05"[..])),
        b"wait" => std::future::pending().await,
        _ => Ok(request.into_message().into()),
    }
}

/// Echoes; ends early at "enough".
async fn chat(
    requests: wirepath::Request<MessageReceiver<Bytes>>,
    mut responses: MessageSender<Bytes>,
) -> Result<(), Status> {
    let mut requests = requests.into_message();
    while let Some(message) = requests.recv().await? {
        match &message[..] {
            b"enough" => return Ok(()),
            b"fail" => return Err(Status::new(Code::Aborted, "as asked")),
            _ => responses.send(message).await?,
        }
    }
    Ok(())
}

fn router(handlers: &Handlers) -> Router {
    let mut router = Router::new();
    for method in [SAY, SAY.with_format("upper", UPPER, UPPER)] {
        let entered = handlers.clone();
        router.unary(&method, move |request| {
            let entered = entered.clone();
            async move {
                let _entered = entered.enter();
                say(request).await
            }
        });
    }
    let entered = handlers.clone();
    router.bidi_streaming(&CHAT, move |requests, responses| {
        let entered = entered.clone();
        async move {
            let _entered = entered.enter();
            chat(requests, responses).await
        }
    });
    router
}

/// A client by h2 alone, connected to a server of this library.
pub(crate) async fn connect() -> (SendRequest<Bytes>, Handlers) {
    connect_to(|server| server).await
}

pub(crate) async fn connect_to(configure: impl FnOnce(Server) -> Server) -> (SendRequest<Bytes>, Handlers) {
    let handlers = Handlers::default();
    let (connector, listener) = duplex(1 << 20);
    tokio::spawn(configure(Server::new()).add(router(&handlers)).serve(listener));
    let (io, _) = connector.connect().await.unwrap().into_parts();
    let (client, connection) = h2::client::handshake(io).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    (client, handlers)
}

/// A well-formed request to `path`.
pub(crate) fn request(path: &str) -> Request<()> {
    Request::builder()
        .method("POST")
        .uri(format!("http://localhost{path}"))
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(())
        .unwrap()
}

/// Compressed-Flag, Message-Length, message.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Bytes {
    let mut bytes = vec![flag];
    bytes.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(message);
    bytes.into()
}

/// A whole answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: Response<()>,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    /// `grpc-status`, wherever it stands.
    pub(crate) fn status(&self) -> Option<&str> {
        self.fields().get("grpc-status").and_then(|value| value.to_str().ok())
    }

    pub(crate) fn message(&self) -> &str {
        self.fields().get("grpc-message").map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn is_trailers_only(&self) -> bool {
        self.trailers.is_none() && self.headers.headers().contains_key("grpc-status")
    }

    pub(crate) fn fields(&self) -> &HeaderMap {
        self.trailers.as_ref().unwrap_or(self.headers.headers())
    }
}

/// Opens a stream with these headers.
pub(crate) async fn open(
    client: &mut SendRequest<Bytes>,
    request: Request<()>,
    end: bool,
) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
    poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
    client.send_request(request, end).unwrap()
}

/// Reads an answer to its end.
pub(crate) async fn answer(response: h2::client::ResponseFuture) -> Result<Answer, h2::Error> {
    let (parts, mut body) = response.await?.into_parts();
    let bytes = read(&mut body).await?;
    let trailers = body.trailers().await?;
    Ok(Answer { headers: Response::from_parts(parts, ()), body: bytes, trailers })
}

async fn read(body: &mut RecvStream) -> Result<Bytes, h2::Error> {
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

/// Sends headers and DATA pieces, the last with END_STREAM, and reads the answer.
pub(crate) async fn ask(
    client: &mut SendRequest<Bytes>,
    request: Request<()>,
    pieces: &[Bytes],
) -> Result<Answer, h2::Error> {
    let (response, mut stream) = open(client, request, pieces.is_empty()).await;
    for (index, piece) in pieces.iter().enumerate() {
        // The server may have answered already.
        let _ = stream.send_data(piece.clone(), index + 1 == pieces.len());
        tokio::task::yield_now().await;
    }
    tokio::time::timeout(Duration::from_secs(10), answer(response)).await.expect("an answer in time")
}
