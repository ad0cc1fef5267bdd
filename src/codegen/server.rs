//! `echo_server::{Echo, EchoServer}`: the trait that a service implements, and what makes a `Service` of it.
//!
//! The trait has the service's own name, and that may be any of the prelude: in its module, `Result` and the like are
//! named from the root. Its methods may have names of `Arc`'s, such as `clone`: they are called by `T::name`.

use prost_build::{Method, Service};

use super::names;
use super::service::{Shape, deprecation, docs};

pub(super) fn module(service: &Service) -> String {
    let full_name = names::full_name(service);
    let module = names::module_stem(service);
    let (name, server) = (&service.name, format!("{}Server", names::stem(service)));
    let docs = docs(&service.comments);
    let deprecated = deprecation(service.options.deprecated);
    let functions: String = service.methods.iter().map(function).collect();
    let registrations: String = service.methods.iter().map(|method| registration(&module, method)).collect();
    format!(
        "/// The server side of `{full_name}`.
        pub mod {module}_server {{
            #![allow(dead_code, deprecated, unused_variables, clippy::wrong_self_convention)]

            {docs}
            {deprecated}
            pub trait {name}: ::std::marker::Send + ::std::marker::Sync + 'static {{
                {functions}
            }}

            /// Serves an implementation of [`{name}`].
            pub struct {server}<T> {{
                service: ::std::sync::Arc<T>,
            }}

            impl<T: {name}> {server}<T> {{
                /// Serves an implementation.
                pub fn new(service: T) -> Self {{
                    Self::from_arc(::std::sync::Arc::new(service))
                }}

                /// Serves an implementation that others hold too.
                pub fn from_arc(service: ::std::sync::Arc<T>) -> Self {{
                    Self {{ service }}
                }}
            }}

            impl<T: {name}> ::wirepath::server::Service for {server}<T> {{
                fn register(self, router: &mut ::wirepath::server::Router) {{
                    {registrations}
                }}
            }}

            impl<T> ::std::clone::Clone for {server}<T> {{
                fn clone(&self) -> Self {{
                    Self {{ service: ::std::sync::Arc::clone(&self.service) }}
                }}
            }}

            impl<T> ::std::fmt::Debug for {server}<T> {{
                fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {{
                    f.debug_struct(\"{server}\").finish_non_exhaustive()
                }}
            }}
        }}
        "
    )
}

fn function(method: &Method) -> String {
    let docs = docs(&method.comments);
    let name = &method.name;
    let (request, response) =
        (names::message_type(&method.input_type), names::message_type(&method.output_type));

    let one = format!("request: ::wirepath::Request<{request}>");
    let many = format!("requests: ::wirepath::Request<::wirepath::MessageReceiver<{request}>>");
    let responses = format!("responses: ::wirepath::MessageSender<{response}>");
    let only = format!("::wirepath::Response<{response}>");
    let (takes, gives) = match Shape::of(method) {
        Shape::Unary => (one, only.as_str()),
        Shape::ClientStreaming => (many, only.as_str()),
        Shape::ServerStreaming => (format!("{one}, {responses}"), "()"),
        Shape::BidiStreaming => (format!("{many}, {responses}"), "()"),
    };
    format!(
        "{docs}
        fn {name}(&self, {takes})
            -> impl ::std::future::Future<Output = ::std::result::Result<{gives}, ::wirepath::Status>>
                + ::std::marker::Send;
        "
    )
}

fn registration(module: &str, method: &Method) -> String {
    let name = &method.name;
    let constant = names::constant(method);
    let (register, arguments) = match Shape::of(method) {
        Shape::Unary => ("unary", "request"),
        Shape::ClientStreaming => ("client_streaming", "requests"),
        Shape::ServerStreaming => ("server_streaming", "request, responses"),
        Shape::BidiStreaming => ("bidi_streaming", "requests, responses"),
    };
    format!(
        "let service = ::std::sync::Arc::clone(&self.service);
        router.{register}(&super::{module}_methods::{constant}, move |{arguments}| {{
            let service = ::std::sync::Arc::clone(&service);
            async move {{ T::{name}(&service, {arguments}).await }}
        }});
        "
    )
}
