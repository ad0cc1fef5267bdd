//! The one connection of a channel: made on first use, shared, made anew after a loss.
//!
//! A task of its own connects and then drives the connection, so neither depends on the call that happened to be first.
//! All calls that come meanwhile wait for the same attempt and fail with its error, which names the endpoint and the cause.
//! While calls wait for an absent server, one attempt serves them all, and the next one is due at the same instant for all.

use std::{
    fmt,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::{
    call::Deadline,
    client::{
        attempt::{Failure, Settings, attempt},
        pauses::{self, Cause},
        tries::{self, Patience, Tries},
    },
    http2::{ClientConnection, ClientDriver, KeepAlive},
    transport::Connector,
    wire::{Code, Status},
};

/// A connection that comes and goes; the channel and the task that connects share it.
pub(super) struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    connector: Arc<dyn Connector>,
    state: Mutex<State>,
}

struct State {
    link: Link,
    settings: Settings,
    outage: Option<Outage>,
}

enum Link {
    Down,
    Connecting(watch::Receiver<Attempt>),
    Ready(ClientConnection),
}

/// How an attempt to connect stands: what it made, or why it failed.
type Attempt = Option<Result<ClientConnection, Arc<Failure>>>;

/// Since when attempts fail, and when the next one is due.
struct Outage {
    since: Instant,
    failures: u32,
    next: Instant,
}

impl Connection {
    pub(super) fn new(connector: Arc<dyn Connector>, settings: Settings) -> Self {
        let state = State { link: Link::Down, settings, outage: None };
        Self { shared: Arc::new(Shared { connector, state: Mutex::new(state) }) }
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
        deadline: Option<Deadline>,
        tries: &mut Tries,
    ) -> Result<ClientConnection, Status> {
        let mut last = None;
        let connected = {
            let connecting = pin!(self.connected(tries, &mut last));
            Deadline::bound(deadline, connecting).await
        };
        connected.map_err(|status| match last {
            Some(last) if status.code() == Code::DeadlineExceeded => {
                Status::deadline_exceeded(format!("{}: {}", status.message(), last.message()))
            }
            _ => status,
        })
    }

    /// Waits for an attempt to succeed: for one, or while the call waits for its server for any. Leaves the last cause
    /// behind.
    async fn connected(
        &self,
        tries: &mut Tries,
        last: &mut Option<Status>,
    ) -> Result<ClientConnection, Status> {
        let mut is_lost = false;
        loop {
            rest(tries.pause()).await;
            let mut attempt = match self.ready_or_attempt() {
                Ok(connection) => return Ok(connection),
                Err(attempt) => attempt,
            };
            let (cause, status) = match outcome(&mut attempt).await {
                // A connection that has ended before its first call came to nothing as well.
                Some(Ok(mut connection)) => match connection.check_usable() {
                    Ok(()) => return Ok(connection),
                    Err(error) => (Cause::Dropped, self.unavailable(&error)),
                },
                Some(Err(failure)) => (failure.cause, self.unavailable(&failure.error)),
                // It went down with the runtime it ran on; the next one runs on this one.
                None if !is_lost => {
                    is_lost = true;
                    continue;
                }
                None => (Cause::Final, self.unavailable(&"the attempt to connect panicked")),
            };
            *last = Some(status.clone());
            match (cause, tries.patience()) {
                // A connection that was let go cost the server nothing, and there may be another one by now.
                (Cause::Dropped, _) if tries.permit_connection(tries::Connection::Fruitless) => {}
                (Cause::Final | Cause::Dropped, _) | (_, Patience::Hasty) => return Err(status),
                (_, Patience::WaitForReady) => self.shared.next_attempt().await,
            }
        }
    }

    /// The connection, or the attempt to wait for; begins one if there is neither.
    fn ready_or_attempt(&self) -> Result<ClientConnection, watch::Receiver<Attempt>> {
        let mut state = self.shared.lock();
        if let Some(connection) = state.ready() {
            return Ok(connection);
        }
        match &state.link {
            // An attempt without its sender went down with its runtime.
            Link::Connecting(attempt) if attempt.has_changed().is_ok() => return Err(attempt.clone()),
            Link::Ready(connection) if connection.take_too_many_pings() => state.slow_keepalive_down(),
            _ => {}
        }
        let (sender, attempt) = watch::channel(None);
        state.link = Link::Connecting(attempt.clone());
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

/// A pause of no time is none.
async fn rest(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}

/// How the attempt ended; `None` if it was given up with its runtime.
async fn outcome(attempt: &mut watch::Receiver<Attempt>) -> Attempt {
    attempt.wait_for(Option::is_some).await.ok()?.clone()
}

impl State {
    fn ready(&mut self) -> Option<ClientConnection> {
        match &mut self.link {
            Link::Ready(connection) => connection.check_usable().is_ok().then(|| connection.clone()),
            Link::Connecting(_) | Link::Down => None,
        }
    }

    /// Rule 45: twice the time from now on.
    fn slow_keepalive_down(&mut self) {
        self.settings.keepalive = self.settings.keepalive.map(KeepAlive::doubled);
    }

    /// Takes note of a failed attempt and says when the next one is due.
    fn fail(&mut self, cause: Cause, connector: &dyn Connector) {
        let now = Instant::now();
        let (since, failures) =
            self.outage.as_ref().map_or((now, 0), |outage| (outage.since, outage.failures));
        let pause = match cause {
            Cause::Absent if connector.is_local() => pauses::absent(now - since),
            _ => pauses::growing(failures),
        };
        self.link = Link::Down;
        self.outage = Some(Outage { since, failures: failures.saturating_add(1), next: now + pause });
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the next attempt is due, whoever made the last one.
    async fn next_attempt(&self) {
        loop {
            let next = self.lock().outage.as_ref().map(|outage| outage.next);
            match next {
                Some(next) if Instant::now() < next => tokio::time::sleep_until(next).await,
                _ => return,
            }
        }
    }

    /// What an attempt made is there for all.
    fn conclude(
        &self,
        attempted: Result<(ClientConnection, ClientDriver), Failure>,
        attempt: &watch::Sender<Attempt>,
    ) -> Option<ClientDriver> {
        match attempted {
            Ok((connection, driver)) => {
                let mut state = self.lock();
                state.link = Link::Ready(connection.clone());
                // Rule 66: SETTINGS were received.
                state.outage = None;
                drop(state);
                attempt.send_replace(Some(Ok(connection)));
                Some(driver)
            }
            Err(failure) => {
                self.lock().fail(failure.cause, &*self.connector);
                attempt.send_replace(Some(Err(Arc::new(failure))));
                None
            }
        }
    }
}

/// Connects, tells those who wait, and drives the connection to its end.
async fn connect(shared: Weak<Shared>, sender: watch::Sender<Attempt>) {
    let Some(channel) = shared.upgrade() else { return };
    let (connector, settings) = (Arc::clone(&channel.connector), channel.lock().settings.clone());
    // The channel's end is what closes the connection: neither attempt nor driver may keep it.
    drop(channel);
    let attempted = attempt(&*connector, settings).await;
    let Some(channel) = shared.upgrade() else { return };
    let Some(mut driver) = channel.conclude(attempted, &sender) else { return };
    drop((channel, sender));
    // Calls learn how it ended by their streams.
    let _ = (&mut driver).await;
    if driver.take_too_many_pings()
        && let Some(channel) = shared.upgrade()
    {
        channel.lock().slow_keepalive_down();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("endpoint", &self.endpoint()).finish_non_exhaustive()
    }
}
