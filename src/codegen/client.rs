//! `echo_client::EchoClient`: an async function for each method, around a channel.
//!
//! Short names are safe here: the module defines one name, which ends in `Client`, and messages are named from `super`.

use prost_build::{Method, Service};

use super::names;
use super::service::{Shape, deprecation, docs};

pub(super) fn module(service: &Service) -> String {
    let full_name = names::full_name(service);
    let module = names::module_stem(service);
    let client = format!("{}Client", names::stem(service));
    let docs = docs(&service.comments);
    let deprecated = deprecation(service.options.deprecated);
    let functions: String = service.methods.iter().map(|method| function(&module, method)).collect();
    format!(
        "/// The client side of `{full_name}`.
        pub mod {module}_client {{
            #![allow(dead_code, deprecated, unused_imports, clippy::wrong_self_convention)]
            use ::wirepath::client::invoke;
            use ::wirepath::{{Channel, MessageReceiver, MessageSender, Request, Response, Status}};

            {docs}
            {deprecated}
            #[derive(Clone, Debug)]
            pub struct {client} {{
                channel: Channel,
            }}

            impl {client} {{
                /// A client that makes its calls through a channel.
                pub fn new(channel: Channel) -> Self {{
                    Self {{ channel }}
                }}
                {functions}
            }}
        }}
        "
    )
}

fn function(module: &str, method: &Method) -> String {
    let docs = docs(&method.comments);
    let deprecated = deprecation(method.options.deprecated);
    let name = function_name(method);
    let constant = names::constant(method);
    let (request, response) =
        (names::message_type(&method.input_type), names::message_type(&method.output_type));

    let halves = format!("(MessageSender<{request}>, MessageReceiver<{response}>)");
    let (takes, gives, invoke) = match Shape::of(method) {
        Shape::Unary => (request, format!("Response<{response}>"), "unary"),
        Shape::ClientStreaming => ("()".to_owned(), halves, "client_streaming"),
        Shape::ServerStreaming => (request, format!("MessageReceiver<{response}>"), "server_streaming"),
        Shape::BidiStreaming => ("()".to_owned(), halves, "bidi_streaming"),
    };
    format!(
        "{docs}
        {deprecated}
        pub async fn {name}(
            &self,
            request: impl Into<Request<{takes}>>,
        ) -> Result<{gives}, Status> {{
            invoke::{invoke}(&self.channel, &super::{module}_methods::{constant}, request.into())
                .await
        }}
        "
    )
}

/// The method's own name, but for `new`, which is the constructor's.
fn function_name(method: &Method) -> &str {
    match method.name.as_str() {
        "new" => "new_",
        name => name,
    }
}
