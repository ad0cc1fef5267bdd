//! The server's side of a connection.

use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;

use super::stream::{RecvHalf, SendHalf, reset_error};
use crate::{
    http2::{
        DataBuf, Error, Http2Config, KeepAlive,
        backlog::Backlog,
        config::WINDOW_MAX,
        driver::{Connection, Driver, Tasks},
        gate::{Gate, GatedIo, Order, gate},
        guard::{Guard, Meters, OpenCall, Originals, Side},
        pool::Pool,
        room::Room,
    },
    transport::{BoxFuture, Io},
};

/// One accepted connection. It makes progress only while [`ServerConnection::poll`] is called.
pub struct ServerConnection {
    driver: Driver<ServerSide>,
    meters: Arc<Meters>,
}

/// A request's headers and the two directions of its stream.
#[derive(Debug)]
pub struct Accepted {
    /// The fields of the request's HEADERS.
    pub request: http::Request<()>,
    /// What the client really sent as `:authority`, where `request` cannot hold it; then the one in `request` is made up.
    pub authority: Option<Bytes>,
    /// What the client sends after them.
    pub body: RecvHalf,
    /// The way to answer.
    pub respond: Respond,
    /// Room for large messages of the connection.
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "a client alone answers nobody"))]
    pub(crate) room: Room,
    /// What the client does not take of the connection's answers.
    #[cfg_attr(not(feature = "server"), allow(dead_code, reason = "a client alone answers nobody"))]
    pub(crate) backlog: Backlog,
}

/// What is done with a request: a future to run on the connection's task, or `None` if it runs elsewhere.
pub(crate) type OnRequest = Box<dyn FnMut(Accepted) -> Option<BoxFuture<'static, ()>> + Send>;

impl ServerConnection {
    /// Reads the client's preface and sends SETTINGS. What it holds of large messages it shares with all of the pool.
    pub async fn handshake(
        io: Box<dyn Io>,
        config: &Http2Config,
        pool: Pool,
        on_request: impl FnMut(Accepted) -> Option<BoxFuture<'static, ()>> + Send + 'static,
    ) -> Result<Self, Error> {
        let (gated, gate) = gate(io, Guard::new(Side::Server, config), None);
        let handshake = config.server_builder().handshake(gated);
        let Ok(h2) = tokio::time::timeout(config.handshake.preface, handshake).await else {
            return Err(Error::io(std::io::ErrorKind::TimedOut, "the client's preface did not come"));
        };
        let meters = gate.meters();
        let backlog = Backlog::new(config.answer_backlog, &pool);
        let room = Room::new(config.request_room, config.decoded_room, pool);
        let side = ServerSide {
            h2: h2?,
            on_request: Box::new(on_request),
            originals: gate.originals(),
            gate: gate.clone(),
            meters: Arc::clone(&meters),
            max_header_fields: config.max_header_fields,
            room: room.clone(),
            backlog,
            windows: Windows::new(config),
        };
        let mut driver = Driver::new(side, gate);
        room.tell(driver.waker());
        if !config.is_unguarded {
            driver.watch();
        }
        Ok(Self { driver, meters })
    }

    /// What has passed over this connection.
    pub fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// Asks from now on whether the client still lives once it has been silent for a while. Counts once.
    pub fn keep_alive(&mut self, keepalive: KeepAlive) {
        if let Some(pings) = self.driver.connection_mut().h2.ping_pong() {
            self.driver.keep_alive(keepalive.without_calls(), pings, Arc::clone(&self.meters));
        }
    }

    /// Drives the connection; ready when it is over.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.driver.poll_rounds(cx)
    }

    /// After the connection is over: reads and forgets what the client still sends, until it closes too.
    pub fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.driver.poll_linger(cx)
    }

    /// Begins to drain: GOAWAY, then a PING, then GOAWAY with the last stream (rule 44). Calls in flight go on.
    pub fn graceful_shutdown(&mut self) {
        self.driver.connection_mut().h2.graceful_shutdown();
    }

    /// Sends GOAWAY with this error code and closes, whatever is in flight.
    pub fn abrupt_shutdown(&mut self, code: u32) {
        self.driver.connection_mut().h2.abrupt_shutdown(code.into());
    }
}

impl fmt::Debug for ServerConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerConnection").field(&self.driver).finish()
    }
}

struct ServerSide {
    h2: h2::server::Connection<GatedIo, DataBuf>,
    on_request: OnRequest,
    originals: Originals,
    gate: Gate,
    meters: Arc<Meters>,
    max_header_fields: usize,
    room: Room,
    backlog: Backlog,
    windows: Windows,
}

/// The connection's window, which is wider while messages wait for room: what of them stays in h2 must not stop those that
/// have room.
struct Windows {
    connection: u32,
    stream: u32,
    waiting: usize,
}

impl Windows {
    fn new(config: &Http2Config) -> Self {
        Self { connection: config.connection_window, stream: config.stream_window, waiting: 0 }
    }

    /// The window with so many that wait, if that is another one than before.
    fn change(&mut self, waiting: usize) -> Option<u32> {
        if waiting == self.waiting {
            return None;
        }
        self.waiting = waiting;
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        Some(self.connection.saturating_add(self.stream.saturating_mul(waiting)).min(WINDOW_MAX))
    }
}

impl ServerSide {
    fn accept(
        &mut self,
        request: http::Request<h2::RecvStream>,
        mut respond: h2::server::SendResponse<DataBuf>,
    ) -> Option<BoxFuture<'static, ()>> {
        let authority = self.originals.take(respond.stream_id().as_u32());
        if request.headers().len() > self.max_header_fields {
            let mut refusal = http::Response::new(());
            *refusal.status_mut() = http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            // As h2 answers a list that is too large. A client that is gone needs no answer.
            let _ = respond.send_response(refusal, true);
            return None;
        }
        let (parts, body) = request.into_parts();
        (self.on_request)(Accepted {
            authority,
            request: http::Request::from_parts(parts, ()),
            body: RecvHalf::new(body),
            respond: Respond {
                stream: respond,
                open: OpenCall::new(Arc::clone(&self.meters)),
                backlog: Some(self.backlog.clone()),
            },
            room: self.room.clone(),
            backlog: self.backlog.clone(),
        })
    }
}

impl Connection for ServerSide {
    fn poll(&mut self, cx: &mut Context<'_>, tasks: &mut Tasks) -> Poll<Result<(), Error>> {
        match self.gate.take_order() {
            Some(Order::Drain) => self.h2.graceful_shutdown(),
            Some(Order::Close) => self.h2.abrupt_shutdown(h2::Reason::NO_ERROR),
            None => {}
        }
        if let Some(window) = self.windows.change(self.room.waiting()) {
            self.h2.set_target_window_size(window);
        }
        loop {
            match std::task::ready!(self.h2.poll_accept(cx)) {
                Some(Ok((request, respond))) => {
                    if let Some(task) = self.accept(request, respond) {
                        tasks.spawn(task);
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                None => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// The way to answer one request.
pub struct Respond {
    stream: h2::server::SendResponse<DataBuf>,
    open: OpenCall,
    /// For the half that sends, once there is one.
    backlog: Option<Backlog>,
}

impl Respond {
    /// What has passed over the stream's connection.
    pub fn meters(&self) -> &Arc<Meters> {
        self.open.meters()
    }

    /// Sends the response's HEADERS; DATA and trailers follow by the half.
    pub fn send_response(&mut self, response: http::Response<()>) -> Result<SendHalf, Error> {
        Ok(SendHalf::within(self.stream.send_response(response, false)?, self.backlog.take()))
    }

    /// Sends the response's HEADERS with END_STREAM.
    pub fn send_only(&mut self, response: http::Response<()>) -> Result<(), Error> {
        self.stream.send_response(response, true)?;
        Ok(())
    }

    /// Sends RST_STREAM with this error code.
    pub fn reset(&mut self, code: u32) {
        self.stream.send_reset(code.into());
    }

    /// Waits until the client resets the stream or the connection ends.
    pub fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        self.stream.poll_reset(cx).map(reset_error)
    }

    /// A whole answer: headers, one piece of DATA, trailers. Gives back what has to wait for the client's window.
    pub fn send_all(
        &mut self,
        response: http::Response<()>,
        data: DataBuf,
        trailers: HeaderMap,
    ) -> Result<Option<Unsent>, Error> {
        let half = self.send_response(response)?;
        let mut unsent = Unsent { half, data, trailers };
        if !unsent.half.try_send(&mut unsent.data)? {
            return Ok(Some(unsent));
        }
        unsent.end().map(|()| None)
    }
}

/// The rest of an answer, whose DATA is more than the window has left.
#[derive(Debug)]
pub struct Unsent {
    half: SendHalf,
    data: DataBuf,
    trailers: HeaderMap,
}

impl Unsent {
    /// How many bytes of DATA are left.
    pub fn remaining(&self) -> usize {
        self.data.remaining()
    }

    /// Sends it, as the window allows.
    pub async fn send(mut self) -> Result<(), Error> {
        self.half.send(mem::take(&mut self.data)).await?;
        self.end()
    }

    fn end(mut self) -> Result<(), Error> {
        self.half.send_trailers(self.trailers)
    }
}

impl fmt::Debug for Respond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Respond").field("stream", &self.stream.stream_id()).finish_non_exhaustive()
    }
}
