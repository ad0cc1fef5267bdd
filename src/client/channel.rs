//! **Channel**: the client's view of one server.
//!
//! It connects on first use, shares one connection among all its clones, and connects anew after a loss. The address is
//! `http://localhost`, whatever the endpoint: on a Unix socket `:authority` names nothing. Dropping the last clone closes
//! the connection once its calls are done.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use http::{HeaderValue, uri::Authority};

use crate::{
    call::{CallOptions, Deadline, MethodDescriptor},
    client::{attempt::Settings, connect::Connection, tries::Tries},
    codec,
    http2::{ClientConnection, Error, Http2Config, KeepAlive, Meters},
    transport::Connector,
    wire::{RequestHeaders, Status},
};

/// A handle to one server: cheap to clone, usable from any task of a tokio runtime.
#[derive(Clone)]
pub struct Channel {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Connection,
    authority: Authority,
    user_agent: HeaderValue,
    options: CallOptions,
    method_options: HashMap<String, CallOptions>,
    interceptor: Option<Interceptor>,
}

type Interceptor = Box<dyn Fn(&mut RequestHeaders) -> Result<(), Status> + Send + Sync>;

impl Channel {
    /// A channel with default settings. Nothing is connected yet.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint: wirepath::Endpoint = "unix:/run/echo.sock".parse()?;
    /// let channel = wirepath::Channel::new(endpoint);
    /// # Ok(()) }
    /// ```
    pub fn new(connector: impl Connector) -> Self {
        Self::builder(connector).build()
    }

    /// A channel with settings of its own.
    pub fn builder(connector: impl Connector) -> ChannelBuilder {
        ChannelBuilder {
            connector: Arc::new(connector),
            authority: Authority::from_static("localhost"),
            user_agent: HeaderValue::from_static(USER_AGENT),
            settings: Settings { http2: Http2Config::default(), keepalive: None, timeout: CONNECT_TIMEOUT },
            options: CallOptions::new(),
            method_options: HashMap::new(),
            interceptor: None,
        }
    }

    /// The endpoint this channel connects to, as errors name it.
    pub fn endpoint(&self) -> String {
        self.shared.connection.endpoint()
    }

    /// What has passed over the connection of now; `None` while there is none.
    pub fn meters(&self) -> Option<Arc<Meters>> {
        self.shared.connection.ready().map(|connection| Arc::clone(connection.meters()))
    }

    /// What holds for a call of `method`: its own options, the method's, the channel's.
    pub(crate) fn options<Q, R>(&self, call: CallOptions, method: &MethodDescriptor<Q, R>) -> CallOptions {
        let mut options = match self.shared.method_options.get(method.path()) {
            Some(of_method) => call.or(of_method),
            None => call,
        };
        options.limits = options.limits.or(method.limits());
        options.or(&self.shared.options)
    }

    /// Request-Headers of a call of `method`, as the interceptor leaves them.
    pub(crate) fn headers<Q, R>(
        &self,
        method: &MethodDescriptor<Q, R>,
        fill: impl FnOnce(&mut RequestHeaders),
    ) -> Result<RequestHeaders, Status> {
        let path =
            http::uri::PathAndQuery::from_maybe_shared(bytes::Bytes::from_static(method.path().as_bytes()))
                .map_err(|_| Status::internal(format!("{:?} is not a method path", method.path())))?;
        let mut headers = RequestHeaders::new(self.shared.authority.clone(), path);
        headers.user_agent = Some(self.shared.user_agent.clone());
        headers.content_type = method.content_type();
        headers.accept_encoding = codec::supported();
        fill(&mut headers);
        match &self.shared.interceptor {
            Some(interceptor) => interceptor(&mut headers).map(|()| headers),
            None => Ok(headers),
        }
    }

    /// The connection, which is made first if there is none.
    pub(super) async fn connection(
        &self,
        deadline: Option<Deadline>,
        tries: &mut Tries,
    ) -> Result<ClientConnection, Status> {
        match self.shared.connection.ready() {
            Some(connection) => Ok(connection),
            // Boxed, because it is seldom needed and large.
            None => Box::pin(self.shared.connection.connect(deadline, tries)).await,
        }
    }

    /// Whether there is a connection that can open streams.
    pub(super) fn is_ready(&self) -> bool {
        self.shared.connection.ready().is_some()
    }

    /// UNAVAILABLE, with the endpoint and the cause.
    pub(super) fn unavailable(&self, error: &Error) -> Status {
        self.shared.connection.unavailable(error)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("endpoint", &self.endpoint()).finish_non_exhaustive()
    }
}

/// Settings of a [`Channel`].
pub struct ChannelBuilder {
    connector: Arc<dyn Connector>,
    authority: Authority,
    user_agent: HeaderValue,
    settings: Settings,
    options: CallOptions,
    method_options: HashMap<String, CallOptions>,
    interceptor: Option<Interceptor>,
}

impl ChannelBuilder {
    /// Sends this `:authority` instead of `localhost`.
    ///
    /// # Errors
    /// The text is not a URI authority (RFC 3986, section 3.2).
    pub fn authority(mut self, authority: &str) -> Result<Self, http::uri::InvalidUri> {
        self.authority = authority.parse()?;
        Ok(self)
    }

    /// Sends this before the library's own `user-agent`. Characters that a header value may not hold are left out.
    pub fn user_agent(mut self, name: &str) -> Self {
        let name: String = name.chars().filter(|c| matches!(c, ' '..='~')).collect();
        if let Ok(value) = HeaderValue::try_from(format!("{name} {USER_AGENT}")) {
            self.user_agent = value;
        }
        self
    }

    /// Uses these HTTP/2 settings.
    pub fn http2(mut self, config: Http2Config) -> Self {
        self.settings.http2 = config;
        self
    }

    /// How long one attempt to connect may take, up to the server's SETTINGS; 20 seconds unless said otherwise.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Asks whether the server still lives once it has been silent for a while; never unless said so. The time is at
    /// least 10 seconds, and doubles each time that a server finds it too short.
    pub fn keepalive(mut self, keepalive: KeepAlive) -> Self {
        self.settings.keepalive = Some(keepalive.at_least(KEEPALIVE_FLOOR));
        self
    }

    /// Options for all calls; a call's own options come first.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// Options for all calls of the method at `path` ("/" Service "/" Method); a call's own options come first.
    pub fn method_options(mut self, path: impl Into<String>, options: CallOptions) -> Self {
        self.method_options.insert(path.into(), options);
        self
    }

    /// Lets a function see, change or refuse Request-Headers before they are sent.
    pub fn intercept(
        mut self,
        interceptor: impl Fn(&mut RequestHeaders) -> Result<(), Status> + Send + Sync + 'static,
    ) -> Self {
        self.interceptor = Some(Box::new(interceptor));
        self
    }

    /// The channel. It connects on first use.
    pub fn build(self) -> Channel {
        let shared = Shared {
            connection: Connection::new(self.connector, self.settings),
            authority: self.authority,
            user_agent: self.user_agent,
            options: self.options,
            method_options: self.method_options,
            interceptor: self.interceptor,
        };
        Channel { shared: Arc::new(shared) }
    }
}

impl fmt::Debug for ChannelBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBuilder").field("endpoint", &self.connector.endpoint()).finish_non_exhaustive()
    }
}

// Rule 14: grpc-<language>-<variant>/<version>.
const USER_AGENT: &str = concat!("grpc-rust-wirepath/", env!("CARGO_PKG_VERSION"));

// Rule 66: MIN_CONNECT_TIMEOUT.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

// Rule 58.
const KEEPALIVE_FLOOR: Duration = Duration::from_secs(10);
