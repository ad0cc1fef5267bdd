//! From a path to its handler.
//!
//! A path is looked up whole, byte for byte: "/" Service "/" Method, case-sensitive, without a query (rule 3). A method may
//! be there in several formats, of which the request's content-subtype chooses: no codec is given what is not its own.

use std::{collections::HashMap, fmt, future::Future};

use crate::{
    call::{MessageReceiver, MessageSender, MethodDescriptor, Request, Response},
    server::{handler::Handler, serve},
    wire::{ContentType, Status},
};

/// A set of methods with their handlers; generated servers are services, and so is a [`Router`] filled by hand.
pub trait Service {
    /// Adds the methods of this service.
    fn register(self, router: &mut Router);
}

/// The methods of a server.
#[derive(Default)]
pub struct Router {
    /// For each path a handler, or several for as many formats; never none.
    handlers: HashMap<&'static str, Vec<(ContentType, Handler)>>,
}

impl Router {
    /// No methods.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a method with one request and one response. A method that is added again in the same format is replaced.
    pub fn unary<Q, R, F>(
        &mut self,
        method: &MethodDescriptor<Q, R>,
        handler: impl Fn(Request<Q>) -> F + Send + Sync + 'static,
    ) where
        Q: Send + 'static,
        R: Send + 'static,
        F: Future<Output = Result<Response<R>, Status>> + Send + 'static,
    {
        self.insert(method.path(), method.content_type(), serve::unary(*method, handler));
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
        self.insert(method.path(), method.content_type(), serve::client_streaming(*method, handler));
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
        self.insert(method.path(), method.content_type(), serve::server_streaming(*method, handler));
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
        self.insert(method.path(), method.content_type(), serve::bidi_streaming(*method, handler));
    }

    /// The paths that are served, sorted.
    pub fn paths(&self) -> Vec<&'static str> {
        let mut paths: Vec<_> = self.handlers.keys().copied().collect();
        paths.sort_unstable();
        paths
    }

    /// The handler of a method in the format that is asked for.
    ///
    /// # Errors
    /// UNIMPLEMENTED where there is none.
    pub(super) fn find(&self, path: &str, asked: &ContentType) -> Result<&Handler, Status> {
        let no_method = || Status::unimplemented(format!("no method at {path}"));
        let formats = self.handlers.get(path).ok_or_else(no_method)?;
        let handler = formats.iter().find(|(format, _)| format.subtype() == asked.subtype());
        handler.map(|(_, handler)| handler).ok_or_else(|| {
            let served: Vec<_> = formats.iter().map(|(format, _)| format.subtype()).collect();
            let (asked, served) = (asked.subtype(), served.join(", "));
            Status::unimplemented(format!("no content-subtype \"{asked}\" at {path}, but {served}"))
        })
    }

    fn insert(&mut self, path: &'static str, content_type: ContentType, handler: Handler) {
        let formats = self.handlers.entry(path).or_default();
        match formats.iter_mut().find(|(format, _)| format.subtype() == content_type.subtype()) {
            Some(replaced) => *replaced = (content_type, handler),
            None => formats.push((content_type, handler)),
        }
    }
}

impl Service for Router {
    fn register(self, router: &mut Router) {
        for (path, formats) in self.handlers {
            for (content_type, handler) in formats {
                router.insert(path, content_type, handler);
            }
        }
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("paths", &self.paths()).finish()
    }
}
