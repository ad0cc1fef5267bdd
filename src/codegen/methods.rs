//! `echo_methods`: one const `MethodDescriptor` for each method, for both ends and for whoever calls without a client.
//!
//! Short names are safe here: the module defines constants only, and messages are named from `super`.

use prost_build::{Method, Service};

use super::names;
use super::service::Shape;

pub(super) fn module(service: &Service) -> String {
    let full_name = names::full_name(service);
    let module = names::module_stem(service);
    let descriptors: String = service.methods.iter().map(|method| descriptor(service, method)).collect();
    format!(
        "/// The methods of `{full_name}`.
        pub mod {module}_methods {{
            #![allow(deprecated, unused_imports)]
            use ::wirepath::call::{{MethodDescriptor, MethodType}};
            use ::wirepath::codec::Codec;
            {descriptors}
        }}
        "
    )
}

fn descriptor(service: &Service, method: &Method) -> String {
    let constant = names::constant(method);
    let path = names::path(service, method);
    let (request, response) =
        (names::message_type(&method.input_type), names::message_type(&method.output_type));
    let (method_type, words) = match Shape::of(method) {
        Shape::Unary => ("Unary", "unary"),
        Shape::ClientStreaming => ("ClientStreaming", "client streaming"),
        Shape::ServerStreaming => ("ServerStreaming", "server streaming"),
        Shape::BidiStreaming => ("BidiStreaming", "bidirectional streaming"),
    };
    format!(
        "/// `{path}`, {words}.
        pub const {constant}: MethodDescriptor<{request}, {response}> =
            MethodDescriptor::new(\"{path}\", MethodType::{method_type}, Codec::PROST, Codec::PROST);
        "
    )
}
