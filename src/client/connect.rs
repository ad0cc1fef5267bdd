//! The one connection of a channel: made on first use, shared, made anew after a loss.
//!
//! A task of its own connects and then drives the connection, so neither depends on the call that happened to be first.
//! All calls that come meanwhile wait for the same attempt and fail with its error, which names the endpoint and the cause.

use std::{
    fmt, io,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    call::Deadline,
    http2::{ClientConnection, ClientDriver, Http2Config},
    transport::Connector,
    wire::{Code, Status},
};

/// A connection that comes and goes; the channel and the task that connects share it.
pub(super) struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    connector: Arc<dyn Connector>,
    http2: Http2Config,
    state: Mutex<State>,
}

enum State {
    Idle,
    Connecting(watch::Receiver<Attempt>),
    Ready(ClientConnection),
}

impl State {
    fn ready(&mut self) -> Option<ClientConnection> {
        match self {
            State::Ready(connection) => connection.check_usable().is_ok().then(|| connection.clone()),
            State::Connecting(_) | State::Idle => None,
        }
    }
}

/// How an attempt to connect stands: what it made, or why it failed.
type Attempt = Option<Result<ClientConnection, Arc<io::Error>>>;

impl Connection {
    pub(super) fn new(connector: Arc<dyn Connector>, http2: Http2Config) -> Self {
        Self { shared: Arc::new(Shared { connector, http2, state: Mutex::new(State::Idle) }) }
    }

    pub(super) fn endpoint(&self) -> String {
        self.shared.connector.endpoint()
    }

    /// The connection, if there is one that can open streams.
    pub(super) fn ready(&self) -> Option<ClientConnection> {
        self.shared.lock().ready()
    }

    /// Waits for the connection, which is made if there is none.
    ///
    /// # Errors
    /// UNAVAILABLE with the cause if the connection cannot be made; DEADLINE_EXCEEDED with the last cause if the deadline
    /// passes first (rule 68).
    pub(super) async fn connect(
        &self,
        wait_for_ready: bool,
        deadline: Option<Deadline>,
    ) -> Result<ClientConnection, Status> {
        let mut last = None;
        let connected = {
            let connecting = pin!(self.connected(wait_for_ready, &mut last));
            Deadline::bound(deadline, connecting).await
        };
        connected.map_err(|status| match last {
            Some(last) if status.code() == Code::DeadlineExceeded => {
                Status::deadline_exceeded(format!("{}: {}", status.message(), last.message()))
            }
            _ => status,
        })
    }

    /// Waits for an attempt to succeed: for one, or while `wait_for_ready` for any. Leaves the last cause behind.
    async fn connected(
        &self,
        wait_for_ready: bool,
        last: &mut Option<Status>,
    ) -> Result<ClientConnection, Status> {
        let mut pause = FIRST_PAUSE;
        let mut is_lost = false;
        loop {
            let mut attempt = match self.ready_or_attempt() {
                Ok(connection) => return Ok(connection),
                Err(attempt) => attempt,
            };
            let status = match outcome(&mut attempt).await {
                // A connection that has ended before its first call is a failure as well: a server that accepts and
                // closes must not be connected to over and over.
                Some(Ok(mut connection)) => match connection.check_usable() {
                    Ok(()) => return Ok(connection),
                    Err(error) => self.unavailable(&error),
                },
                Some(Err(failure)) => self.unavailable(&failure),
                // It went down with the runtime it ran on; the next one runs on this one.
                None if !is_lost => {
                    is_lost = true;
                    continue;
                }
                None => self.unavailable(&"the attempt to connect panicked"),
            };
            if !wait_for_ready {
                return Err(status);
            }
            *last = Some(status);
            tokio::time::sleep(pause).await;
            pause = pause.mul_f32(PAUSE_GROWTH).min(LONGEST_PAUSE);
        }
    }

    /// The connection, or the attempt to wait for; begins one if there is neither.
    fn ready_or_attempt(&self) -> Result<ClientConnection, watch::Receiver<Attempt>> {
        let mut state = self.shared.lock();
        if let Some(connection) = state.ready() {
            return Ok(connection);
        }
        if let State::Connecting(attempt) = &*state
            // An attempt without its sender went down with its runtime.
            && attempt.has_changed().is_ok()
        {
            return Err(attempt.clone());
        }
        let (sender, attempt) = watch::channel(None);
        *state = State::Connecting(attempt.clone());
        tokio::spawn(connect(Arc::downgrade(&self.shared), sender));
        Err(attempt)
    }

    /// UNAVAILABLE, with the endpoint and the cause.
    pub(super) fn unavailable(&self, failure: &impl fmt::Display) -> Status {
        let (endpoint, failure) = (self.endpoint(), failure.to_string());
        if failure.contains(&endpoint) {
            Status::unavailable(failure)
        } else {
            Status::unavailable(format!("{endpoint}: {failure}"))
        }
    }
}

/// How the attempt ended; `None` if it was given up with its runtime.
async fn outcome(attempt: &mut watch::Receiver<Attempt>) -> Attempt {
    attempt.wait_for(Option::is_some).await.ok()?.clone()
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects, tells those who wait, and drives the connection to its end.
async fn connect(shared: Weak<Shared>, attempt: watch::Sender<Attempt>) {
    let Some((connector, http2)) = shared.upgrade().map(|s| (Arc::clone(&s.connector), s.http2.clone()))
    else {
        return;
    };
    let connected = handshake(&*connector, &http2).await;
    let Some(channel) = shared.upgrade() else { return };
    match connected {
        Ok((connection, driver)) => {
            *channel.lock() = State::Ready(connection.clone());
            attempt.send_replace(Some(Ok(connection)));
            // The channel's end is what closes the connection: the driver must not keep it.
            drop((channel, attempt));
            // Calls learn how it ended by their streams.
            let _ = driver.await;
        }
        Err(error) => {
            *channel.lock() = State::Idle;
            attempt.send_replace(Some(Err(Arc::new(error))));
        }
    }
}

async fn handshake(
    connector: &dyn Connector,
    http2: &Http2Config,
) -> io::Result<(ClientConnection, ClientDriver)> {
    let (io, _) = connector.connect().await?.into_parts();
    ClientConnection::handshake(io, http2, connector.endpoint()).await.map_err(io::Error::other)
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("endpoint", &self.endpoint()).finish_non_exhaustive()
    }
}

// Between two attempts of a call that waits for its server: a process on the same machine starts in milliseconds, so the
// first pause is far below the 1 s of doc/connection-backoff.md; it grows by the factor given there.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const PAUSE_GROWTH: f32 = 1.6;
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
