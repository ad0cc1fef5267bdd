//! Calls by the public API, without generated code: every shape over every transport, and what users do with them.
//!
//! What travels is watched from below, by a transport that records each write.
#![cfg(all(feature = "client", feature = "server"))]

mod cancelling;
mod chains;
#[cfg(feature = "gzip")]
mod compression;
mod echo;
mod metadata;
#[cfg(all(feature = "unix", target_os = "linux"))]
mod peers;
#[cfg(feature = "unix")]
mod plugged;
mod recording;
mod senders;
mod sizes;
mod slow_readers;
mod transports;
mod writes;
