//! The server of gRPC's negative HTTP/2 interop tests: it misbehaves as its case says, until SIGTERM or SIGINT.
//!
//! It says `listening on ENDPOINT` once it is ready. At its end it exits with 0 if its clients kept to HTTP/2, and with 1
//! and one line if one did not; an endpoint that cannot be opened is 1, too, a wrong flag 2.

mod misbehaving;
#[allow(dead_code, reason = "the cases need but a part of it")]
#[path = "../../invoking/peer.rs"]
mod peer;

use std::{io, process::ExitCode};

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use wirepath::Endpoint;

use self::misbehaving::{Misbehaviour, Watch, misbehave};

/// The server of gRPC's negative HTTP/2 interop tests.
#[derive(Debug, Parser)]
#[command(name = "negative-server", rename_all = "snake_case")]
struct Flags {
    /// In which way to misbehave.
    #[arg(long)]
    test_case: Misbehaviour,
    /// Where to listen: unix:PATH or tcp:HOST:PORT.
    #[arg(long, value_name = "ENDPOINT")]
    listen: Endpoint,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(&Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            eprintln!("negative-server: {line}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(flags: &Flags) -> Result<(), String> {
    let in_words = |error: io::Error| error.to_string();
    let mut terminate = signal(SignalKind::terminate()).map_err(in_words)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(in_words)?;
    let listener = flags.listen.listen().await.map_err(in_words)?;
    println!("listening on {}", listener.endpoint());
    let watch = Watch::default();
    tokio::select! {
        () = misbehave(flags.test_case, listener, watch.clone(), |_, _| LARGE_RESPONSE) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    flags.test_case.complaint(&watch.observed()).map_or(Ok(()), Err)
}

/// Bytes of large_unary's response payload.
const LARGE_RESPONSE: usize = 314_159;
