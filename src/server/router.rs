//! From a path to its handler.
//!
//! A path is looked up whole, byte for byte: "/" Service "/" Method, case-sensitive, without a query (rule 3).

use std::{collections::HashMap, fmt, future::Future};

use crate::{
    call::{MessageReceiver, MessageSender, MethodDescriptor, Request, Response},
    server::{handler::Handler, serve},
    wire::Status,
};

/// A set of methods with their handlers; generated servers are services, and so is a [`Router`] filled by hand.
pub trait Service {
    /// Adds the methods of this service.
    fn register(self, router: &mut Router);
}

/// The methods of a server.
#[derive(Default)]
pub struct Router {
    handlers: HashMap<&'static str, Handler>,
}

impl Router {
    /// No methods.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a method with one request and one response. A method that is added again is replaced.
    pub fn unary<Q, R, F>(
        &mut self,
        method: &MethodDescriptor<Q, R>,
        handler: impl Fn(Request<Q>) -> F + Send + Sync + 'static,
    ) where
        Q: Send + 'static,
        R: Send + 'static,
        F: Future<Output = Result<Response<R>, Status>> + Send + 'static,
    {
        self.insert(method.path(), serve::unary(*method, handler));
    }

    /// Adds a method with many requests and one response.
    pub fn client_streaming<Q, R, F>(
        &mut self,
        method: &MethodDescriptor<Q, R>,
        handler: impl Fn(Request<MessageReceiver<Q>>) -> F + Send + Sync + 'static,
    ) where
        Q: Send + 'static,
        R: Send + 'static,
        F: Future<Output = Result<Response<R>, Status>> + Send + 'static,
    {
        self.insert(method.path(), serve::client_streaming(*method, handler));
    }

    /// Adds a method with one request and many responses.
    pub fn server_streaming<Q, R, F>(
        &mut self,
        method: &MethodDescriptor<Q, R>,
        handler: impl Fn(Request<Q>, MessageSender<R>) -> F + Send + Sync + 'static,
    ) where
        Q: Send + 'static,
        R: Send + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.insert(method.path(), serve::server_streaming(*method, handler));
    }

    /// Adds a method with many requests and many responses, in any order.
    pub fn bidi_streaming<Q, R, F>(
        &mut self,
        method: &MethodDescriptor<Q, R>,
        handler: impl Fn(Request<MessageReceiver<Q>>, MessageSender<R>) -> F + Send + Sync + 'static,
    ) where
        Q: Send + 'static,
        R: Send + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.insert(method.path(), serve::bidi_streaming(*method, handler));
    }

    /// The paths that are served, sorted.
    pub fn paths(&self) -> Vec<&'static str> {
        let mut paths: Vec<_> = self.handlers.keys().copied().collect();
        paths.sort_unstable();
        paths
    }

    pub(super) fn find(&self, path: &str) -> Option<&Handler> {
        self.handlers.get(path)
    }

    fn insert(&mut self, path: &'static str, handler: Handler) {
        self.handlers.insert(path, handler);
    }
}

impl Service for Router {
    fn register(self, router: &mut Router) {
        router.handlers.extend(self.handlers);
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("paths", &self.paths()).finish()
    }
}
