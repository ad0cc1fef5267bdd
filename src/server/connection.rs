//! One connection from accept to close: a single task that drives HTTP/2 and the calls on it.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    http2::{Accepted, KeepAlive, Pool, ServerConnection, error_code},
    server::{
        Router,
        bounds::Census,
        serve::serve,
        settings::{Phase, Placement, Settings},
    },
    transport::{BoxFuture, Connected},
};

/// What the connections of a server have in common.
pub(super) struct Serve {
    pub(super) router: Arc<Router>,
    pub(super) settings: Arc<Settings>,
    pub(super) census: Arc<Census>,
    pub(super) phases: watch::Receiver<Phase>,
}

impl Serve {
    /// The serving of a connection, until it ends, or the server does. One that is one too many is closed.
    pub(super) fn begin(&self, connected: Connected) -> Option<impl Future<Output = ()> + Send + use<>> {
        let counted = self.census.enter(connected.peer())?;
        let (router, settings) = (Arc::clone(&self.router), Arc::clone(&self.settings));
        let (pool, phases) = (self.census.pool.clone(), self.phases.clone());
        Some(async move {
            serve_connection(connected, router, settings, pool, phases).await;
            drop(counted);
        })
    }
}

async fn serve_connection(
    connected: Connected,
    router: Arc<Router>,
    settings: Arc<Settings>,
    pool: Pool,
    mut phases: watch::Receiver<Phase>,
) {
    let (io, peer) = connected.into_parts();
    let peer = Arc::new(peer);
    let placement = settings.placement;
    let (http2, keepalive) = (settings.http2.clone(), settings.keepalive);
    let connections = settings.connections.clone();
    let known = Arc::clone(&peer);
    let on_request = move |accepted: Accepted| {
        let call = serve(accepted, &router, &settings, &peer);
        place(call, placement)
    };
    let handshake = ServerConnection::handshake(io, &http2, pool, on_request);
    // A client that never says its preface holds up a drain for a moment only; one that comes in that moment is served.
    let Some(Ok(mut connection)) = unless_draining_for(PREFACE_TIME, handshake, &mut phases).await else {
        return;
    };
    let _listed = connections.map(|list| list.enter(known, Arc::clone(connection.meters())));
    connection.keep_alive(keepalive.unwrap_or_else(KeepAlive::of_server));
    let mut phase = *phases.borrow_and_update();
    loop {
        match phase {
            Phase::Serving => {}
            Phase::Draining => connection.graceful_shutdown(),
            Phase::Closing => connection.abrupt_shutdown(error_code::NO_ERROR),
        }
        match next_event(&mut connection, &mut phases).await {
            Event::Phase(next) => phase = next,
            Event::Over => break,
        }
    }
    // Closing with bytes unread would turn the last answers into ECONNRESET at the client.
    let _ = tokio::time::timeout(LINGER, poll_fn(|cx| connection.poll_linger(cx))).await;
}

/// Gives back a call that is to run on the connection's task.
fn place(call: BoxFuture<'static, ()>, placement: Placement) -> Option<BoxFuture<'static, ()>> {
    match placement {
        Placement::ConnectionTask => Some(call),
        Placement::OwnTask => {
            tokio::spawn(call);
            None
        }
    }
}

enum Event {
    Over,
    Phase(Phase),
}

async fn next_event(connection: &mut ServerConnection, phases: &mut watch::Receiver<Phase>) -> Event {
    let changed = {
        let mut changed = pin!(phases.changed());
        poll_fn(|cx| match connection.poll(cx) {
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending => changed.as_mut().poll(cx).map(Some),
        })
        .await
    };
    match changed {
        None => Event::Over,
        Some(Ok(())) => Event::Phase(*phases.borrow_and_update()),
        // The server itself is gone.
        Some(Err(_)) => Event::Over,
    }
}

/// Waits for the future; once the server drains for that long only.
async fn unless_draining_for<T>(
    time: Duration,
    future: impl Future<Output = T>,
    phases: &mut watch::Receiver<Phase>,
) -> Option<T> {
    let mut future = pin!(future);
    let mut given_up = pin!(async {
        let _ = phases.wait_for(|phase| *phase != Phase::Serving).await;
        tokio::time::sleep(time).await;
    });
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => given_up.as_mut().poll(cx).map(|()| None),
    })
    .await
}

// After GOAWAY, for what the client had already sent: both ends are on one machine.
const LINGER: Duration = Duration::from_millis(500);

// Clients say their preface with the connect; one that was accepted as the server began to drain is about to.
const PREFACE_TIME: Duration = Duration::from_millis(500);
