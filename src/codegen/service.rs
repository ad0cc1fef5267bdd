//! What prost-build calls for each service.
//!
//! The three modules of a service are text here; prost-build parses and formats the file as a whole in the end, so
//! layout is nobody's concern before that.

use prost_build::{Comments, Method, Service, ServiceGenerator};

use super::{client, methods, server};

/// Which ends of a call to generate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    Both,
    Client,
    Server,
}

/// The generator of all services.
#[derive(Debug)]
pub(super) struct Services {
    ends: Ends,
}

impl Services {
    pub(super) fn new(ends: Ends) -> Self {
        Self { ends }
    }
}

impl ServiceGenerator for Services {
    fn generate(&mut self, service: Service, buf: &mut String) {
        buf.push_str(&methods::module(&service));
        if matches!(self.ends, Ends::Both | Ends::Client) {
            buf.push_str(&client::module(&service));
        }
        if matches!(self.ends, Ends::Both | Ends::Server) {
            buf.push_str(&server::module(&service));
        }
    }
}

/// The shape of a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Unary,
    ClientStreaming,
    ServerStreaming,
    BidiStreaming,
}

impl Shape {
    pub(super) fn of(method: &Method) -> Self {
        match (method.client_streaming, method.server_streaming) {
            (false, false) => Self::Unary,
            (true, false) => Self::ClientStreaming,
            (false, true) => Self::ServerStreaming,
            (true, true) => Self::BidiStreaming,
        }
    }
}

/// The comments of the proto as doc comments, a line each.
pub(super) fn docs(comments: &Comments) -> String {
    let mut text = String::new();
    // Detached blocks speak of something else, and are lost in formatting anyway.
    Comments { leading_detached: Vec::new(), ..comments.clone() }.append_with_indent(0, &mut text);
    text
}

/// What stands before an item that the proto calls deprecated.
pub(super) fn deprecation(deprecated: Option<bool>) -> &'static str {
    if deprecated.unwrap_or_default() { "#[deprecated]" } else { "" }
}
