//! The rungs of the ladder beside wirepath's own: one program, its peer and part named by its arguments.
//!
//! `cargo bench --bench ladder` builds and runs it; the load, the counting and the runtime's life are shared with wirepath's
//! rung (`../load`), so that a file here holds nothing but how its peer carries a call.

mod bare_h2;
mod raw_socket;
mod tonic_echo;

#[allow(dead_code, reason = "the bench uses the other half")]
#[path = "../../load/mod.rs"]
mod load;

use std::path::Path;
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};

use crate::load::cell::Cell;
use crate::load::part::{self, Part};
use crate::load::sample::Sample;
use crate::load::{Failure, measure};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), Failure> {
    let (peer, part) = args.split_first().ok_or("expected PEER server|client ..")?;
    let runtime = runtime(peer)?;
    match Part::from_args(part)? {
        Part::Server { socket } => runtime.block_on(part::serve_while_wanted(serve(peer, &socket))),
        Part::Client { socket, cell, server } => {
            let sample = runtime.block_on(load(peer, &socket, cell, server))?;
            println!("{sample}");
            Ok(())
        }
    }
}

/// One thread for everyone but the peer whose point is to have more.
fn runtime(peer: &str) -> Result<Runtime, Failure> {
    let mut builder = if peer == "tonic multi_thread" {
        Builder::new_multi_thread()
    } else {
        Builder::new_current_thread()
    };
    Ok(builder.enable_all().build()?)
}

async fn serve(peer: &str, socket: &Path) -> Result<(), Failure> {
    match peer {
        "raw socket" => raw_socket::serve(socket).await,
        "bare h2" => bare_h2::serve(socket).await,
        "tonic current_thread" | "tonic multi_thread" => tonic_echo::serve(socket).await,
        _ => Err(format!("no peer {peer:?}").into()),
    }
}

async fn load(peer: &str, socket: &Path, cell: &'static Cell, server: u32) -> Result<Sample, Failure> {
    match peer {
        "raw socket" => raw_socket::measure(socket, cell, server).await,
        "bare h2" => measure(bare_h2::connect(socket).await?, cell, server).await,
        "tonic current_thread" | "tonic multi_thread" => {
            measure(tonic_echo::connect(socket).await?, cell, server).await
        }
        _ => Err(format!("no peer {peer:?}").into()),
    }
}
