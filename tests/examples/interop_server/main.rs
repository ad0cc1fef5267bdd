//! The server of gRPC's interop tests, on any number of endpoints.
//!
//! It says `listening on ENDPOINT` for each once it is ready. SIGTERM and SIGINT drain it: calls in flight finish, then
//! it exits with 0. A wrong flag is 2, an endpoint that cannot be opened 1, each with one line.

mod flags;
#[path = "../interop_shared.rs"]
mod interop_shared;
#[path = "../official_flags.rs"]
mod official_flags;
mod service;

use std::{env, io, process::ExitCode};

use tokio::signal::unix::{SignalKind, signal};
use wirepath::{
    Endpoint, Server,
    generated::grpc::testing::test_service_server::TestServiceServer,
    transport::{Admission, UnixListenOptions},
};

use self::service::Testing;

#[tokio::main]
async fn main() -> ExitCode {
    let endpoints = match flags::endpoints(env::args_os()) {
        Ok(endpoints) => endpoints,
        Err(line) => {
            eprintln!("interop-server: {line}");
            return ExitCode::from(2);
        }
    };
    match serve(&endpoints).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("interop-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(endpoints: &[Endpoint]) -> io::Result<()> {
    // Before the ready line: who reads it may send the signal at once.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut listeners = Vec::new();
    for endpoint in endpoints {
        let listener = match endpoint {
            // No mode guards an abstract name.
            Endpoint::UnixAbstract(_) => {
                UnixListenOptions::new().admit(Admission::own_user()).listen(endpoint).await?
            }
            _ => endpoint.listen().await?,
        };
        println!("listening on {}", listener.endpoint());
        listeners.push(listener);
    }
    let signalled = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Server::new().add(TestServiceServer::new(Testing)).serve_with_shutdown(listeners, signalled).await
}
