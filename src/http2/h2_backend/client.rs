//! The client's side of a connection.

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::stream::{RecvHalf, SendHalf};
use crate::{
    http2::{
        DataBuf, Error, Http2Config, Initiator, KeepAlive, Spawner,
        driver::{Connection, Driver, Tasks},
        gate::{GatedIo, gate},
        guard::{Guard, Meters, OpenCall, Side},
        opening::Opening,
        standing::{Fate, Follower, Standing},
        turns::Turns,
    },
    transport::Io,
};

/// A handle to one connection: cheap to clone, usable from any task. The connection closes when the last one is dropped.
#[derive(Clone)]
pub struct ClientConnection {
    h2: h2::client::SendRequest<DataBuf>,
    spawner: Spawner,
    standing: Arc<Standing>,
    meters: Arc<Meters>,
    turns: Arc<Turns>,
}

impl ClientConnection {
    /// Sends the preface and SETTINGS, and waits until the server's SETTINGS have come and hold: from then on it is known
    /// how many streams the server takes. The driver that comes with the handle has to be polled by a task. Errors of the
    /// byte stream name `endpoint`.
    ///
    /// # Errors
    /// The peer is no HTTP/2 server, or the connection has ended again.
    pub async fn handshake(
        io: Box<dyn Io>,
        config: &Http2Config,
        keepalive: Option<KeepAlive>,
        endpoint: String,
    ) -> Result<(Self, ClientDriver), Error> {
        let standing = Standing::new();
        let guard = Guard::new(Side::Client, config);
        let (gated, gate) = gate(io, guard, Some(Opening::new(endpoint)));
        gate.tell(Follower::new(Arc::clone(&standing)));
        let (h2, mut connection) = config.client_builder().handshake(gated).await?;
        let (pings, meters) = (keepalive.zip(connection.ping_pong()), gate.meters());
        let turns = Turns::new(Arc::clone(&meters), Arc::clone(&standing));
        let side = ClientSide {
            h2: connection,
            standing: Arc::clone(&standing),
            turns: Closing(Arc::clone(&turns)),
        };
        let mut driver = Driver::new(side, gate);
        let mut connection = Self { h2, spawner: driver.spawner(), standing, meters, turns };
        poll_fn(|cx| match driver.poll_rounds(cx) {
            Poll::Ready(end) => Poll::Ready(Err(end.err().unwrap_or_else(closed_at_once))),
            Poll::Pending if connection.standing.is_settled() => Poll::Ready(connection.check_usable()),
            Poll::Pending => Poll::Pending,
        })
        .await?;
        if let Some((keepalive, pings)) = pings {
            driver.keep_alive(keepalive, pings, Arc::clone(&connection.meters));
        }
        let standing = Arc::clone(&connection.standing);
        Ok((connection, ClientDriver { driver, standing }))
    }

    /// What has passed over this connection.
    pub fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// Whether a stream can be opened: the connection is up and not about to end.
    ///
    /// # Errors
    /// How it ended.
    pub fn check_usable(&mut self) -> Result<(), Error> {
        // A handle that has opened no stream itself is ready, or its connection has failed.
        let mut cx = Context::from_waker(Waker::noop());
        match self.h2.poll_ready(&mut cx) {
            Poll::Ready(ready) => Ok(ready?),
            Poll::Pending => Ok(()),
        }
    }

    /// The trace of a stream that is not opened yet.
    #[cfg(feature = "client")]
    pub(crate) fn trace(&self) -> Trace {
        Trace { standing: Arc::clone(&self.standing), stream_id: u32::MAX }
    }

    /// Whether the server ended the connection because of this client's PINGs (rule 45); true once.
    pub fn take_too_many_pings(&self) -> bool {
        self.standing.take_too_many_pings()
    }

    /// Waits while many streams that were opened before have not left; then it is this call's turn to open one, at once.
    /// `None`, without waiting, if nothing is in the way. The turn is over when it is dropped.
    #[cfg(feature = "client")]
    pub(crate) fn turn(&self) -> Option<impl Future<Output = crate::http2::Turn> + use<>> {
        self.turns.is_crowded().then(|| Arc::clone(&self.turns).take())
    }

    /// Opens a stream and sends its HEADERS by this handle. Above the peer's MAX_CONCURRENT_STREAMS it waits its turn within h2.
    ///
    /// # Errors
    /// The connection is over or is to end: nothing was sent.
    pub fn send_request(mut self, request: http::Request<()>) -> Result<(SendHalf, PendingResponse), Error> {
        // It takes the handle because h2 lets each queue but one stream above the limit.
        let (response, stream) = self.h2.send_request(request, false)?;
        let pending = PendingResponse {
            response,
            open: Some(OpenCall::new(self.meters)),
            standing: self.standing,
            spawner: self.spawner,
            fate: Fate::Unknown,
        };
        self.turns.opened();
        Ok((SendHalf::new(stream), pending))
    }

    /// Puts futures on the connection's task.
    pub fn spawner(&self) -> &Spawner {
        &self.spawner
    }
}

/// The driver's end without an error, before there was a call.
fn closed_at_once() -> Error {
    Error::io(io::ErrorKind::UnexpectedEof, "the peer ended the connection before the first call")
}

impl fmt::Debug for ClientConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConnection").finish_non_exhaustive()
    }
}

/// A stream whose response has not begun.
pub struct PendingResponse {
    response: h2::client::ResponseFuture,
    /// Goes on with the half that receives.
    open: Option<OpenCall>,
    standing: Arc<Standing>,
    spawner: Spawner,
    fate: Fate,
}

/// By which a call that has lost its stream learns what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    standing: Arc<Standing>,
    stream_id: u32,
}

impl Trace {
    /// What became of the request, now that its stream has ended by `error`.
    pub(crate) fn fate(&self, error: &Error) -> Fate {
        let code = error.code().filter(|_| error.initiator() == Initiator::Remote);
        self.standing.fate(self.stream_id, code)
    }

    /// Whether the server has answered any call on the connection.
    #[cfg(feature = "client")]
    pub(crate) fn is_connection_answered(&self) -> bool {
        self.standing.is_answered()
    }
}

impl PendingResponse {
    /// Waits for the response's HEADERS; 1xx ones are skipped.
    pub async fn response(&mut self) -> Result<(http::Response<()>, RecvHalf), Error> {
        match (&mut self.response).await {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                Ok((http::Response::from_parts(parts, ()), RecvHalf::of_client(body, self.open.take())))
            }
            Err(error) => {
                let error = Error::from(error);
                self.fate = self.trace().fate(&error);
                Err(error)
            }
        }
    }

    /// What became of the request, once [`PendingResponse::response`] has failed.
    pub(crate) fn fate(&self) -> Fate {
        self.fate
    }

    /// A way to ask the same without waiting for the response.
    pub(crate) fn trace(&self) -> Trace {
        Trace { standing: Arc::clone(&self.standing), stream_id: self.response.stream_id().as_u32() }
    }

    /// Puts futures on the connection's task.
    pub fn spawner(&self) -> &Spawner {
        &self.spawner
    }
}

impl fmt::Debug for PendingResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingResponse").field("stream", &self.response.stream_id()).finish_non_exhaustive()
    }
}

/// Drives a client's connection; ready when it is over.
#[derive(Debug)]
pub struct ClientDriver {
    driver: Driver<ClientSide>,
    standing: Arc<Standing>,
}

impl ClientDriver {
    /// As [`ClientConnection::take_too_many_pings`].
    pub fn take_too_many_pings(&self) -> bool {
        self.standing.take_too_many_pings()
    }
}

impl Future for ClientDriver {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.driver.poll_rounds(cx)
    }
}

struct ClientSide {
    h2: h2::client::Connection<GatedIo, DataBuf>,
    standing: Arc<Standing>,
    /// Behind h2, which refuses further streams once it is gone.
    turns: Closing,
}

impl Connection for ClientSide {
    fn poll(&mut self, cx: &mut Context<'_>, _tasks: &mut Tasks) -> Poll<Result<(), Error>> {
        let end = Pin::new(&mut self.h2).poll(cx).map_err(Error::from);
        let Closing(turns) = &self.turns;
        if end.is_ready() || self.standing.is_ending() {
            turns.close();
        } else {
            turns.pass_on();
        }
        end
    }
}

/// Whoever waits for a turn on a connection that is gone is let go.
struct Closing(Arc<Turns>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}
