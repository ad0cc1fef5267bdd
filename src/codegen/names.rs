//! What the things of a proto are called in the generated code.
//!
//! prost-build has already made Rust identifiers of the names: `UpperCamel` for services, `snake_case` for methods, with
//! `r#` or a trailing `_` where that would be a keyword. All others derive from these.

use prost_build::{Method, Service};

/// `wirepath.echo.v1.Echo`
pub(super) fn full_name(service: &Service) -> String {
    match service.package.as_str() {
        "" => service.proto_name.clone(),
        package => format!("{package}.{}", service.proto_name),
    }
}

/// `/wirepath.echo.v1.Echo/Say`
pub(super) fn path(service: &Service, method: &Method) -> String {
    format!("/{}/{}", full_name(service), method.proto_name)
}

/// `Echo`, to put a word after it.
pub(super) fn stem(service: &Service) -> &str {
    service.name.trim_end_matches('_')
}

/// `echo`, to put `_client` after it.
pub(super) fn module_stem(service: &Service) -> String {
    let mut name = String::new();
    for letter in stem(service).chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// `SAY`
pub(super) fn constant(method: &Method) -> String {
    method.name.trim_start_matches("r#").trim_end_matches('_').to_ascii_uppercase()
}

/// The type of a message, seen from a module inside the package's own.
pub(super) fn message_type(rust_type: &str) -> String {
    let absolute = rust_type.starts_with("::") || rust_type.starts_with("crate::");
    // Wrappers such as google.protobuf.BoolValue are types of the language to prost: `bool`, or `()` for Empty.
    let of_the_language =
        !rust_type.contains("::") && !rust_type.starts_with(|first: char| first.is_ascii_uppercase());
    if absolute || of_the_language { rust_type.to_owned() } else { format!("super::{rust_type}") }
}

#[cfg(test)]
mod tests {
    use prost_build::Comments;

    use super::*;

    fn service(package: &str, proto_name: &str, name: &str) -> Service {
        Service {
            name: name.into(),
            proto_name: proto_name.into(),
            package: package.into(),
            comments: Comments::default(),
            methods: Vec::new(),
            options: Default::default(),
        }
    }

    fn method(proto_name: &str, name: &str) -> Method {
        Method {
            name: name.into(),
            proto_name: proto_name.into(),
            comments: Comments::default(),
            input_type: String::new(),
            output_type: String::new(),
            input_proto_type: String::new(),
            output_proto_type: String::new(),
            options: Default::default(),
            client_streaming: false,
            server_streaming: false,
        }
    }

    #[test]
    fn a_path_holds_the_names_of_the_proto() {
        assert_eq!(
            path(&service("a.b.v1", "HTTPEcho", "HttpEcho"), &method("sayIt", "say_it")),
            "/a.b.v1.HTTPEcho/sayIt"
        );
        assert_eq!(path(&service("", "Echo", "Echo"), &method("Say", "say")), "/Echo/Say");
    }

    #[test]
    fn modules_are_snake_case_and_no_keywords() {
        for (name, module) in
            [("Echo", "echo"), ("HttpEcho", "http_echo"), ("Echo2Go", "echo2_go"), ("Self_", "self")]
        {
            assert_eq!(module_stem(&service("p", "P", name)), module);
        }
    }

    #[test]
    fn constants_are_upper_case_and_no_keywords() {
        for (name, expected) in [("say", "SAY"), ("say_it", "SAY_IT"), ("r#type", "TYPE"), ("self_", "SELF")]
        {
            assert_eq!(constant(&method("M", name)), expected);
        }
    }

    #[test]
    fn only_paths_relative_to_the_package_move() {
        for (from_package, from_module) in [
            ("SayRequest", "super::SayRequest"),
            ("outer::Nested", "super::outer::Nested"),
            ("super::super::google::rpc::Status", "super::super::super::google::rpc::Status"),
            ("::prost_types::Any", "::prost_types::Any"),
            ("crate::pb::Foreign", "crate::pb::Foreign"),
            ("()", "()"),
            ("bool", "bool"),
        ] {
            assert_eq!(message_type(from_package), from_module);
        }
    }
}
