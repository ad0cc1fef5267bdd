//! Build time: `.proto` files to Rust, without protoc.
//!
//! protox parses and checks the protos, prost-build writes the messages, and [`Builder`] adds for each service `Echo` the
//! modules `echo_methods` (const descriptors), `echo_client` and `echo_server`. The generated code names the crates
//! `::wirepath` and `::prost`, and `::prost_types` for the well-known types it uses.
//!
//! ```no_run
//! // build.rs; the crate then holds `include!(concat!(env!("OUT_DIR"), "/my.package.rs"))` in a module.
//! fn main() -> Result<(), wirepath::codegen::Error> {
//!     wirepath::codegen::Builder::new().compile(&["proto/my/package/service.proto"], &["proto"])
//! }
//! ```

mod client;
mod error;
mod methods;
mod names;
mod server;
mod service;

use std::path::{Path, PathBuf};
use std::{env, fs};

use self::service::{Ends, Services};

pub use self::error::Error;

/// What to generate, and where to.
///
/// The output is one file per package, named after it (`my.package.rs`; `_.rs` for protos without a package). Messages
/// refer to other packages by relative paths, so the modules that include the files nest as the packages do.
#[derive(Debug)]
#[must_use = "nothing is generated before `compile`"]
pub struct Builder {
    prost: prost_build::Config,
    ends: Ends,
    out_dir: Option<PathBuf>,
    descriptor_set: Option<PathBuf>,
}

impl Builder {
    /// Clients and servers for all services, into Cargo's `OUT_DIR`.
    pub fn new() -> Self {
        Self::with_prost(prost_build::Config::new())
    }

    /// As [`Builder::new`], with settings of prost-build that this builder does not repeat.
    ///
    /// Its service generator, output folder and descriptor set are replaced by the builder's.
    pub fn with_prost(config: prost_build::Config) -> Self {
        Self { prost: config, ends: Ends::Both, out_dir: None, descriptor_set: None }
    }

    /// Leaves out the server side.
    pub fn client_only(mut self) -> Self {
        self.ends = Ends::Client;
        self
    }

    /// Leaves out the client side.
    pub fn server_only(mut self) -> Self {
        self.ends = Ends::Server;
        self
    }

    /// Writes into a folder other than `OUT_DIR`; it must exist.
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(folder.into());
        self
    }

    /// Makes `bytes` fields `bytes::Bytes`, which share what was received, where a path matches.
    ///
    /// `"."` is every field, `".my.package"` those of a package, `".my.package.Message.field"` one.
    pub fn bytes(mut self, proto_path: impl AsRef<str>) -> Self {
        self.prost.bytes([proto_path]);
        self
    }

    /// Takes the types below a proto path from elsewhere: `(".google.rpc", "::wirepath::generated::google::rpc")`.
    ///
    /// The Rust path begins with `::` or `crate::`.
    pub fn extern_path(mut self, proto_path: impl Into<String>, rust_path: impl Into<String>) -> Self {
        self.prost.extern_path(proto_path, rust_path);
        self
    }

    /// Also writes a serialized `google.protobuf.FileDescriptorSet` of the protos and all their imports.
    ///
    /// It serves reflection, and whoever decodes messages by their descriptors; it has no comments.
    pub fn file_descriptor_set(mut self, path: impl Into<PathBuf>) -> Self {
        self.descriptor_set = Some(path.into());
        self
    }

    /// Generates.
    ///
    /// Each proto lies below one of `includes`. google/protobuf/*.proto need not be there. In a build script (with no
    /// folder set) it also tells Cargo to run again when one of the protos read has changed.
    ///
    /// # Errors
    ///
    /// [`Error::Proto`] with file, line and reason if the protos do not compile, [`Error::Write`] if the output cannot
    /// be written, [`Error::NoOutDir`] outside of a build script.
    pub fn compile(
        mut self,
        protos: &[impl AsRef<Path>],
        includes: &[impl AsRef<Path>],
    ) -> Result<(), Error> {
        let mut compiler = protox::Compiler::new(includes)?;
        compiler.include_imports(true).include_source_info(true).open_files(protos)?;
        let files = compiler.file_descriptor_set();

        if let Some(path) = &self.descriptor_set {
            let bytes = compiler.include_source_info(false).encode_file_descriptor_set();
            fs::write(path, bytes).map_err(|error| Error::Write { path: path.clone(), error })?;
        }

        let out_dir = match self.out_dir {
            Some(folder) => folder,
            None => {
                rerun_if_changed(&compiler);
                env::var_os("OUT_DIR").ok_or(Error::NoOutDir)?.into()
            }
        };
        self.prost.out_dir(&out_dir).service_generator(Box::new(Services::new(self.ends)));
        self.prost.compile_fds(files).map_err(|error| Error::Write { path: out_dir, error })
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// Names the files behind the output, imports included; those that are part of protox have no path.
fn rerun_if_changed(compiler: &protox::Compiler) {
    for path in compiler.files().filter_map(|file| file.path()) {
        println!("cargo:rerun-if-changed={}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: &str = r#"
        syntax = "proto3";
        package echo;
        import "google/protobuf/any.proto";
        message Note { bytes data = 1; google.protobuf.Any any = 2; }
        service Echo { rpc Say(Note) returns (Note); }
    "#;

    /// What a builder makes of a proto: its only file, or why there is none.
    fn generate(proto: &str, configure: fn(Builder) -> Builder) -> Result<String, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("echo.proto");
        fs::write(&path, proto).expect("a proto");
        configure(Builder::new().out_dir(folder.path())).compile(&[&path], &[folder.path()])?;
        Ok(fs::read_to_string(folder.path().join("echo.rs")).expect("a file named after the package"))
    }

    fn has(code: &str, modules: [&str; 3]) -> [bool; 3] {
        modules.map(|module| code.contains(&format!("pub mod {module} ")))
    }

    #[test]
    fn writes_the_ends_that_are_asked_for() {
        let modules = ["echo_methods", "echo_client", "echo_server"];
        let both = generate(ECHO, |builder| builder).expect("valid");
        let client = generate(ECHO, Builder::client_only).expect("valid");
        let server = generate(ECHO, Builder::server_only).expect("valid");
        assert_eq!(has(&both, modules), [true, true, true]);
        assert_eq!(has(&client, modules), [true, true, false]);
        assert_eq!(has(&server, modules), [true, false, true]);
    }

    #[test]
    fn bytes_fields_are_vectors_unless_asked_for() {
        let plain = generate(ECHO, |builder| builder).expect("valid");
        let shared = generate(ECHO, |builder| builder.bytes(".echo.Note.data")).expect("valid");
        assert!(plain.contains("pub data: ::prost::alloc::vec::Vec<u8>"), "{plain}");
        assert!(shared.contains("pub data: ::prost::bytes::Bytes"), "{shared}");
    }

    #[test]
    fn takes_types_from_elsewhere() {
        let code = generate(ECHO, |builder| builder.extern_path(".google.protobuf.Any", "crate::own::Any"));
        assert!(code.expect("valid").contains("pub any: ::core::option::Option<crate::own::Any>"));
        let code =
            generate(ECHO, |builder| builder.extern_path(".echo.Note", "::other::Note")).expect("valid");
        assert!(code.contains("MethodDescriptor<::other::Note, ::other::Note>"), "{code}");
        assert!(!code.contains("struct Note"), "{code}");
    }

    #[test]
    fn descriptors_hold_imports_and_no_comments() {
        let folder = tempfile::tempdir().expect("a folder");
        let (proto, set) = (folder.path().join("echo.proto"), folder.path().join("set.bin"));
        fs::write(&proto, ECHO).expect("a proto");
        let builder = Builder::new().out_dir(folder.path()).file_descriptor_set(&set);
        builder.compile(&[&proto], &[folder.path()]).expect("valid");

        let bytes = fs::read(set).expect("written");
        let pool = protox::prost_reflect::DescriptorPool::decode(&*bytes).expect("a descriptor set");
        let files: Vec<_> = pool.files().map(|file| file.name().to_owned()).collect();
        assert_eq!(files, ["google/protobuf/any.proto", "echo.proto"]);
        assert!(pool.files().all(|file| file.file_descriptor_proto().source_code_info.is_none()));
    }

    #[test]
    fn an_error_names_file_line_and_reason() {
        let error =
            generate("syntax = \"proto3\";\nmessage Note {\n  Missing field = 1;\n}\n", |builder| builder);
        let text = format!("{:?}", error.expect_err("no such type"));
        assert!(text.starts_with("proto does not compile: ") && text.contains("echo.proto:3:"), "{text}");
        assert!(text.contains("'Missing' is not defined"), "{text}");
    }

    #[test]
    fn an_error_names_the_folder_that_is_not_there() {
        let error = generate(ECHO, |builder| builder.out_dir("/no/such/folder")).expect_err("no folder");
        assert!(error.to_string().starts_with("output cannot be written to /no/such/folder: "), "{error}");
    }
}
