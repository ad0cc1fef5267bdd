//! gRPC over a Unix socket, by hand on `h2`.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Generated code names this crate as its users do.
#[cfg(feature = "protos")]
extern crate self as wirepath;

pub mod frame;
pub mod wire;

#[cfg(any(feature = "client", feature = "server"))]
pub mod call;
#[cfg(any(feature = "client", feature = "server"))]
pub mod codec;
#[cfg(any(feature = "client", feature = "server"))]
pub mod http2;
#[cfg(any(feature = "client", feature = "server", feature = "tap"))]
pub mod transport;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod server;

#[cfg(feature = "tap")]
pub mod tap;

#[cfg(feature = "codegen")]
pub mod codegen;
#[cfg(feature = "protos")]
pub mod generated;

#[cfg(feature = "client")]
pub use client::Channel;
#[cfg(feature = "server")]
pub use server::{Router, Server, Service};
pub use wire::{Code, Encoding, Metadata, Status};
#[cfg(any(feature = "client", feature = "server"))]
pub use {
    call::{CallOptions, Deadline, Limits, MessageReceiver, MessageSender, Request, Response},
    transport::Endpoint,
};
