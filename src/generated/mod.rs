//! All of `proto/` as Rust, checked in and never edited; `tests/generated.rs` compares it with what the protos say.
//! Only this file and `details` (typed Status-Details) are written by hand.
//!
//! Modules nest as the packages do: `grpc.health.v1` is [`grpc::health::v1`]. For each service `Echo` there are
//! `echo_methods`, `echo_client` and `echo_server`, as `wirepath::codegen` writes them for any proto.
#![allow(missing_docs)]

mod details;

/// The packages below `google`.
pub mod google {
    /// `google.rpc`: the error model.
    pub mod rpc {
        include!("google.rpc.rs");
    }
}

/// The packages below `grpc`.
pub mod grpc {
    /// `grpc.health.v1`: health checking.
    pub mod health {
        pub mod v1 {
            include!("grpc.health.v1.rs");
        }
    }

    /// `grpc.reflection`: which services there are, and what their messages hold.
    pub mod reflection {
        pub mod v1 {
            include!("grpc.reflection.v1.rs");
        }
        /// The same messages under the older name, which peers still call.
        pub mod v1alpha {
            include!("grpc.reflection.v1alpha.rs");
        }
    }

    /// `grpc.testing`: the interop tests.
    pub mod testing {
        include!("grpc.testing.rs");
    }
}

/// The packages below `wirepath`.
pub mod wirepath {
    /// `wirepath.echo.v1`: the four call shapes.
    pub mod echo {
        pub mod v1 {
            include!("wirepath.echo.v1.rs");
        }
    }
}

/// A serialized `google.protobuf.FileDescriptorSet` of all of these protos and what they import.
pub const DESCRIPTORS: &[u8] = include_bytes!("descriptors.bin");
