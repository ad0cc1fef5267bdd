//! The client's side of a connection.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::stream::{RecvHalf, SendHalf};
use crate::{
    http2::{
        DataBuf, Error, Http2Config, Spawner,
        driver::{Connection, Driver, Tasks},
        gate::{GatedIo, gate},
        guard::{Guard, Meters, Side},
        opening::Opening,
    },
    transport::Io,
};

/// A handle to one connection: cheap to clone, usable from any task. The connection closes when the last one is dropped.
#[derive(Clone)]
pub struct ClientConnection {
    h2: h2::client::SendRequest<DataBuf>,
    spawner: Spawner,
    meters: Arc<Meters>,
}

impl ClientConnection {
    /// Sends the preface and SETTINGS. The driver that comes with the handle has to be polled by a task. Errors of the
    /// byte stream name `endpoint`.
    pub async fn handshake(
        io: Box<dyn Io>,
        config: &Http2Config,
        endpoint: String,
    ) -> Result<(Self, ClientDriver), Error> {
        let (gated, gate) = gate(io, Guard::new(Side::Client, config), Some(Opening::new(endpoint)));
        let (h2, connection) = config.client_builder().handshake(gated).await?;
        let meters = gate.meters();
        let driver = Driver::new(ClientSide { h2: connection }, gate);
        Ok((Self { h2, spawner: driver.spawner(), meters }, ClientDriver { driver }))
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

    /// Opens a stream and sends its HEADERS by this handle. Above the peer's MAX_CONCURRENT_STREAMS it waits its turn within h2.
    ///
    /// # Errors
    /// The connection is over or is to end: nothing was sent.
    pub fn send_request(mut self, request: http::Request<()>) -> Result<(SendHalf, PendingResponse), Error> {
        // It takes the handle because h2 lets each queue but one stream above the limit.
        let (response, stream) = self.h2.send_request(request, false)?;
        Ok((SendHalf::new(stream), PendingResponse { response }))
    }

    /// Puts futures on the connection's task.
    pub fn spawner(&self) -> &Spawner {
        &self.spawner
    }
}

impl fmt::Debug for ClientConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConnection").finish_non_exhaustive()
    }
}

/// A stream whose response has not begun.
pub struct PendingResponse {
    response: h2::client::ResponseFuture,
}

impl PendingResponse {
    /// Waits for the response's HEADERS; 1xx ones are skipped.
    pub async fn response(&mut self) -> Result<(http::Response<()>, RecvHalf), Error> {
        let (parts, body) = (&mut self.response).await?.into_parts();
        Ok((http::Response::from_parts(parts, ()), RecvHalf::new(body)))
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
}

impl Future for ClientDriver {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.driver.poll_rounds(cx)
    }
}

struct ClientSide {
    h2: h2::client::Connection<GatedIo, DataBuf>,
}

impl Connection for ClientSide {
    fn poll(&mut self, cx: &mut Context<'_>, _tasks: &mut Tasks) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.h2).poll(cx).map_err(Error::from)
    }
}
