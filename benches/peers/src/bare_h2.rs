//! h2 without gRPC: what is left when prefix, metadata, status and trailers are taken away.
//!
//! Tuned as wirepath is, so that the difference is the price of gRPC and of a library's face: the same windows and frame
//! sizes, handlers on the connection's own task with a flush after every few, streamed messages gathered into one DATA
//! frame. A message ends with its stream; the messages of a server stream all have the length of the request.

use std::future::poll_fn;
use std::path::Path;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream, client, server};
use http::{Method, Request, Response, Uri, Version};
use tokio::net::{UnixListener, UnixStream};

use crate::load::cell::STREAM_LEN;
use crate::load::part::announce;
use crate::load::{Client, Failure, Received};

// What `wirepath::http2::Http2Config` has by default.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
const FRAME_LEN: u32 = 64 * 1024;
const SEND_BUFFER_LEN: usize = 512 * 1024;
/// Calls accepted before their answers are flushed, so that the client works on them while the rest run.
const ACCEPTED_AT_ONCE: usize = 16;
/// Streamed messages gathered for one DATA frame.
const GATHERED_LEN: usize = 32 * 1024;

const UNARY: &str = "/unary";
const SERVER_STREAM: &str = "/server-stream";

/// Answers every client that connects.
pub(crate) async fn serve(socket: &Path) -> Result<(), Failure> {
    let listener = UnixListener::bind(socket)?;
    announce()?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve_connection(stream));
    }
}

/// Opens a connection.
pub(crate) async fn connect(socket: &Path) -> Result<H2Client, Failure> {
    let stream = UnixStream::connect(socket).await?;
    let (requests, connection) = client::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_LEN)
        .max_send_buffer_size(SEND_BUFFER_LEN)
        .enable_push(false)
        .handshake(stream)
        .await?;
    tokio::spawn(connection);
    Ok(H2Client { requests })
}

#[derive(Clone)]
pub(crate) struct H2Client {
    requests: client::SendRequest<Bytes>,
}

impl H2Client {
    async fn call(&self, path: &'static str, data: Bytes) -> Result<RecvStream, Failure> {
        let mut requests = self.requests.clone().ready().await?;
        let (response, mut body) = requests.send_request(request(path), false)?;
        body.send_data(data, true)?;
        Ok(response.await?.into_body())
    }
}

impl Client for H2Client {
    async fn unary(&self, data: Bytes) -> Result<Bytes, Failure> {
        Ok(whole(&mut self.call(UNARY, data).await?).await?)
    }

    async fn server_stream(&self, data: Bytes, received: &Received) -> Result<(), Failure> {
        let message_len = data.len();
        let mut body = self.call(SERVER_STREAM, data).await?;
        let (mut bytes, mut messages) = (0, 0);
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            body.flow_control().release_capacity(chunk.len())?;
            bytes += chunk.len();
            received.add((bytes / message_len - messages) as u64);
            messages = bytes / message_len;
        }
        match messages {
            STREAM_LEN => Ok(()),
            _ => Err(format!("a stream of {messages} messages, not {STREAM_LEN}").into()),
        }
    }
}

async fn serve_connection(stream: UnixStream) -> Result<(), h2::Error> {
    let mut connection = server::Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_LEN)
        .max_send_buffer_size(SEND_BUFFER_LEN)
        .handshake(stream)
        .await?;
    let mut handlers = FuturesUnordered::new();
    poll_fn(|cx| poll_connection(&mut connection, &mut handlers, cx)).await
}

type Handlers = FuturesUnordered<BoxFuture<'static, Result<(), h2::Error>>>;

/// Accepts a few calls, runs their handlers, comes back to the connection, which sends what they answered.
fn poll_connection(
    connection: &mut server::Connection<UnixStream, Bytes>,
    handlers: &mut Handlers,
    cx: &mut Context<'_>,
) -> Poll<Result<(), h2::Error>> {
    loop {
        let mut accepted = 0;
        while accepted < ACCEPTED_AT_ONCE {
            match connection.poll_accept(cx)? {
                Poll::Ready(Some((request, respond))) => handlers.push(Box::pin(handle(request, respond))),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
            accepted += 1;
        }
        // A call that fails is the client's to report.
        while let Poll::Ready(Some(_)) = handlers.poll_next_unpin(cx) {}
        if accepted == 0 {
            return Poll::Pending;
        }
    }
}

async fn handle(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let message = whole(&mut body).await?;
    let mut answer = respond.send_response(Response::new(()), false)?;
    match head.uri.path() {
        SERVER_STREAM => send_stream(&mut answer, &message).await,
        _ => answer.send_data(message, true),
    }
}

async fn send_stream(answer: &mut SendStream<Bytes>, message: &Bytes) -> Result<(), h2::Error> {
    let mut left = STREAM_LEN;
    while left > 0 {
        let gathered = left.min(GATHERED_LEN / message.len());
        let mut data = BytesMut::with_capacity(gathered * message.len());
        for _ in 0..gathered {
            data.extend_from_slice(message);
        }
        answer.reserve_capacity(data.len());
        while answer.capacity() < data.len() {
            match poll_fn(|cx| answer.poll_capacity(cx)).await {
                Some(capacity) => capacity?,
                None => return Ok(()),
            };
        }
        left -= gathered;
        answer.send_data(data.freeze(), left == 0)?;
    }
    Ok(())
}

/// A whole body: the one chunk that it mostly is, or a copy of several.
async fn whole(body: &mut RecvStream) -> Result<Bytes, h2::Error> {
    let mut message = Bytes::new();
    let mut gathered = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        if message.is_empty() && gathered.is_empty() {
            message = chunk;
        } else {
            gathered.extend_from_slice(&std::mem::take(&mut message));
            gathered.extend_from_slice(&chunk);
        }
    }
    Ok(if gathered.is_empty() { message } else { gathered.freeze() })
}

fn request(path: &'static str) -> Request<()> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(http::uri::Scheme::HTTP);
    parts.authority = Some(http::uri::Authority::from_static("localhost"));
    parts.path_and_query = Some(http::uri::PathAndQuery::from_static(path));
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    request
}
