//! What holds for all calls of a server.

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    call::Limits,
    http2::{Http2Config, KeepAlive},
    server::Connections,
    transport::Peer,
    wire::{RequestHeaders, Status},
};

type Interceptor = Box<dyn Fn(&RequestHeaders, &Peer) -> Result<(), Status> + Send + Sync>;

#[derive(Default)]
pub(super) struct Settings {
    pub(super) http2: Http2Config,
    pub(super) keepalive: Option<KeepAlive>,
    pub(super) limits: Limits,
    pub(super) method_limits: HashMap<String, Limits>,
    pub(super) interceptor: Option<Interceptor>,
    pub(super) placement: Placement,
    pub(super) connections: Option<Connections>,
}

impl Settings {
    /// The limits of a method: set for it on this server, by its descriptor, for the whole server.
    pub(super) fn limits(&self, path: &str, descriptor: Limits) -> Limits {
        let of_method = self.method_limits.get(path).copied().unwrap_or_default();
        of_method.or(descriptor).or(self.limits)
    }

    /// Lets the interceptor refuse a call.
    pub(super) fn intercept(&self, headers: &RequestHeaders, peer: &Peer) -> Result<(), Status> {
        let Some(interceptor) = &self.interceptor else { return Ok(()) };
        // It runs while the connection is read: a panic must not take that down (rule 37).
        catch_unwind(AssertUnwindSafe(|| interceptor(headers, peer)))
            .unwrap_or_else(|_| Err(Status::unknown("the interceptor panicked")))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("http2", &self.http2)
            .field("keepalive", &self.keepalive)
            .field("limits", &self.limits)
            .field("method_limits", &self.method_limits)
            .field("placement", &self.placement)
            .finish_non_exhaustive()
    }
}

/// Where a call runs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Placement {
    /// On its connection's task.
    #[default]
    ConnectionTask,
    /// On a task of its own.
    OwnTask,
}

/// Where a server stands; every connection watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// New connections and calls are taken.
    Serving,
    /// Calls in flight finish.
    Draining,
    /// Calls in flight are given up.
    Closing,
}
