//! The server's end: listeners, connections, and the serving of one call.
//!
//! [`Server`] accepts connections; each is one task that drives HTTP/2 and, by default, the handlers of its calls. The
//! [`Router`] finds the handler by the whole path, byte for byte.

mod accept;
mod answer;
mod bounds;
mod connection;
mod connections;
mod handler;
mod router;
mod serve;
mod settings;

use std::{
    fmt,
    future::Future,
    io,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;

pub use self::bounds::Bounds;
pub use self::connections::{Connections, OpenConnection};
pub use self::router::{Router, Service};
use self::{
    accept::{Accepting, accept_loop},
    bounds::Census,
    connection::Serve,
    settings::{Phase, Placement, Settings},
};
use crate::{
    call::{Limits, alongside},
    http2::{Http2Config, KeepAlive},
    transport::{BoxFuture, Listener, Peer},
    wire::{RequestHeaders, Status},
};

/// A gRPC server: services and settings, then listeners.
///
/// ```no_run
/// # async fn example(router: impl wirepath::Service) -> std::io::Result<()> {
/// let endpoint: wirepath::Endpoint = "unix:/run/echo.sock".parse().expect("a valid endpoint");
/// wirepath::Server::new().add(router).serve(endpoint.listen().await?).await
/// # }
/// ```
pub struct Server {
    router: Router,
    settings: Settings,
    grace: Duration,
    bounds: Bounds,
}

impl Server {
    /// A server without services.
    pub fn new() -> Self {
        Self { router: Router::new(), settings: Settings::default(), grace: GRACE, bounds: Bounds::default() }
    }

    /// Adds a service.
    #[expect(clippy::should_implement_trait, reason = "a server is no sum")]
    pub fn add(mut self, service: impl Service) -> Self {
        service.register(&mut self.router);
        self
    }

    /// Uses these HTTP/2 settings for every connection.
    pub fn http2(mut self, config: Http2Config) -> Self {
        self.settings.http2 = config;
        self
    }

    /// When a client that is silent is asked whether it still lives, with calls or without: after two hours, 20 seconds
    /// long, unless said otherwise.
    pub fn keepalive(mut self, keepalive: KeepAlive) -> Self {
        self.settings.keepalive = Some(keepalive);
        self
    }

    /// Limits for all methods that have none of their own.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Limits for the method at `path` ("/" Service "/" Method).
    pub fn method_limits(mut self, path: impl Into<String>, limits: Limits) -> Self {
        self.settings.method_limits.insert(path.into(), limits);
        self
    }

    /// Lets a function see Request-Headers and the peer before the handler is called, and refuse the call.
    pub fn intercept(
        mut self,
        interceptor: impl Fn(&RequestHeaders, &Peer) -> Result<(), Status> + Send + Sync + 'static,
    ) -> Self {
        self.settings.interceptor = Some(Box::new(interceptor));
        self
    }

    /// Lists this server's connections there while they are open, each with its [`Meters`](crate::http2::Meters).
    pub fn connections(mut self, connections: &Connections) -> Self {
        self.settings.connections = Some(connections.clone());
        self
    }

    /// Bounds over all connections together: how many there are, and what they hold.
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Gives each call a task of its own, for handlers that compute. By default handlers run on their connection's task,
    /// which is faster for those that do little or wait: no wake of another thread, and one `write` for many answers.
    pub fn task_per_call(mut self) -> Self {
        self.settings.placement = Placement::OwnTask;
        self
    }

    /// How long calls in flight may take to finish after a shutdown began; 30 seconds by default. Then their connections
    /// are closed.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Serves one listener until this future is dropped.
    ///
    /// # Errors
    /// None today: a failed accept is tried again after a pause.
    pub async fn serve(self, listener: impl Listener) -> io::Result<()> {
        self.serve_with_shutdown([Box::new(listener) as Box<dyn Listener>], std::future::pending()).await
    }

    /// Serves all listeners until `shutdown` is ready, then drains: the listeners close, each connection is told by
    /// GOAWAY, calls in flight finish within the grace period, and what is left is closed.
    ///
    /// Dropping the future closes everything at once.
    ///
    /// # Errors
    /// No listener is given (`InvalidInput`).
    pub async fn serve_with_shutdown(
        self,
        listeners: impl IntoIterator<Item = Box<dyn Listener>>,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let (phase, phases) = watch::channel(Phase::Serving);
        let (router, settings) = (Arc::new(self.router), Arc::new(self.settings));
        let census = Arc::new(Census::new(self.bounds));
        let mut accepting = Accepting::new(listeners.into_iter().map(|listener| {
            let (router, settings) = (Arc::clone(&router), Arc::clone(&settings));
            let serve = Serve { router, settings, census: Arc::clone(&census), phases: phases.clone() };
            Box::pin(accept_loop(listener, serve)) as BoxFuture<'static, ()>
        }));
        if accepting.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no listener to serve"));
        }
        alongside(Pin::new(&mut accepting), pin!(shutdown)).await;
        phase.send_replace(Phase::Draining);
        if tokio::time::timeout(self.grace, &mut accepting).await.is_err() {
            phase.send_replace(Phase::Closing);
            // What does not even take its GOAWAY is dropped.
            let _ = tokio::time::timeout(LAST_WORDS, &mut accepting).await;
        }
        Ok(())
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("router", &self.router).field("settings", &self.settings).finish()
    }
}

// What Kubernetes gives a pod to end.
const GRACE: Duration = Duration::from_secs(30);

// After the grace period, time for the GOAWAY and RST_STREAM frames to leave.
const LAST_WORDS: Duration = Duration::from_millis(500);
