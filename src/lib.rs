//! gRPC over a Unix socket, by hand on `h2`.
//!
//! Two processes of one machine need no TCP to talk gRPC: a Unix socket carries the same HTTP/2 for less. This crate is
//! the gRPC layer for it (length-prefixed messages, metadata, status, trailers, deadlines), with pluggable transports,
//! `prost` messages and nothing between you and the frames.
//!
//! ```
//! use wirepath::{Channel, Endpoint, Request, Response, Router, Server};
//! use wirepath::call::{MethodDescriptor, MethodType};
//! use wirepath::{client::invoke, codec::Codec};
//!
//! const SAY: MethodDescriptor<bytes::Bytes, bytes::Bytes> =
//!     MethodDescriptor::new("/example.Echo/Say", MethodType::Unary, Codec::RAW, Codec::RAW);
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let socket = format!("unix:{}/echo.sock", dir.path().display());
//! let endpoint: Endpoint = socket.parse()?; // "unix:/run/echo.sock"
//! let mut echo = Router::new();
//! echo.unary(&SAY, |request: Request<_>| async { Ok(Response::new(request.into_message())) });
//! tokio::spawn(Server::new().add(echo).serve(endpoint.listen().await?));
//!
//! let channel = Channel::new(endpoint);
//! let response = invoke::unary(&channel, &SAY, Request::new("hello".into())).await?;
//! assert_eq!(response.into_message(), "hello");
//! # Ok(()) }
//! ```
//!
//! # Runtime
//!
//! Connecting, listening and serving need a tokio runtime with I/O, and deadlines, pauses and the grace period one with
//! time: `#[tokio::main]` and `Builder::enable_all` give both. Of tokio your crate names `rt` and `macros`, or
//! `rt-multi-thread`.
//!
//! # Floors
//!
//! A folder is a floor; a file imports only lower floors and its own folder.
//!
//! ```text
//! 4  client  server      a channel and the four call shapes; listeners, connections, handlers
//! 3  call                one RPC: request, response, the typed halves of a stream, deadline
//! 2  http2               one HTTP/2 connection; the only place that names h2
//! 1  codec  transport    messages as bytes; byte streams
//! 0  wire  frame         the gRPC grammar; the HTTP/2 grammar as an observer reads it
//! -  tap  codegen        beside the floors: a witness below h2; .proto to Rust at build time
//! ```
//!
//! To follow one call: [`client::invoke::unary`] and the server's `serve::unary` read HEADERS, DATA, HEADERS from top to
//! bottom, [`http2`] carries them, [`wire`] says what each byte means. From an accepted socket to its handler lie
//! `server::accept`, `server::connection`, `http2::gate` with the guard beside it, h2, `server::serve` and `server::router`.
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `client`, `server` (default) | the two ends of a call |
//! | `unix` (default), `tcp` | sockets; `inherited` adds `fd:N` and `activated:NAME` endpoints on Linux |
//! | `peer-details` | a Unix peer's pidfd, groups and security label on Linux; costs a descriptor a connection |
//! | `prost` (default) | [`codec::Codec::PROST`] |
//! | `gzip`, `deflate`, `zstd`, `br`, `snappy` | Message-Encodings |
//! | `tap` | `tap`: transports that record what passes, and its analysis |
//! | `protos` | `generated`: echo, health, reflection, interop services and `google.rpc.Status` |
//! | `codegen` | `codegen`: for your `build.rs`, without protoc |
//! | `cli` | the `wirepath` command |
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

// The programs of the README compile.
#[cfg(all(doctest, feature = "protos", feature = "unix"))]
#[doc = include_str!("../README.md")]
struct Readme;
