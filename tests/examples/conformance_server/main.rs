//! The server under test of the conformance suite (connectrpc.com/conformance).
//!
//! The suite's runner says on standard input what is wanted, and is told on standard output where the server listens. Its
//! own client speaks nothing but TCP. So with `--via unix` the library listens on a Unix socket in a folder of its own and
//! on nothing else; a relay in this program accepts on a TCP port and carries each connection, byte for byte, to that
//! socket. No byte of HTTP/2 reaches the library but through it.
//!
//! SIGTERM and SIGINT end it. A wrong flag is exit status 2, a wish that cannot be met 1, each with one line.

#[path = "../conformance_shared/mod.rs"]
mod conformance_shared;
mod definition;
mod seen;
mod service;

use std::{io, process::ExitCode};

use tokio::{
    io::AsyncWriteExt,
    signal::unix::{SignalKind, signal},
};
use wirepath::{Endpoint, Limits, Server, transport::Listener};

use self::{
    conformance_shared::{
        Via, read_delimited, relay, to_delimited,
        v1::{
            HttpVersion, Protocol, ServerCompatRequest, ServerCompatResponse,
            conformance_service_server::ConformanceServiceServer,
        },
        via,
    },
    service::{Conformance, InJson},
};

#[tokio::main]
async fn main() -> ExitCode {
    let via = match via() {
        Ok(via) => via,
        Err(code) => return code,
    };
    match serve(via).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(via: Via) -> io::Result<()> {
    // Before the answer: who reads it may send the signal at once.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let asked = read_delimited(&mut tokio::io::stdin()).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let limits = check(&asked)?;
    let port = Endpoint::Tcp(format!("{HOST}:0")).listen().await?;
    let bound = port.endpoint();
    // It is removed, and the socket with it, when the server has ended.
    let folder = tempfile::tempdir()?;
    let listener = match via {
        Via::Tcp => port,
        Via::Unix => {
            let socket = Endpoint::Unix(folder.path().join("conformance.sock"));
            let listener = socket.listen().await?;
            tokio::spawn(relay(port, socket));
            listener
        }
    };
    say_where(&bound).await?;
    let signalled = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let server = Server::new().limits(limits).add(ConformanceServiceServer::new(Conformance)).add(InJson);
    tokio::select! {
        // The runner is done with it: calls in flight are nobody's any more.
        () = signalled => Ok(()),
        served = server.serve(listener) => served,
    }
}

/// The limits that are asked for, if all else can be served.
fn check(asked: &ServerCompatRequest) -> io::Result<Limits> {
    let unsupported = |what: String| Err(io::Error::new(io::ErrorKind::Unsupported, what));
    if asked.protocol() != Protocol::Grpc || asked.http_version() != HttpVersion::HttpVersion2 {
        let (protocol, version) = (asked.protocol(), asked.http_version());
        return unsupported(format!("only gRPC over HTTP/2 is spoken, not {protocol:?} over {version:?}"));
    }
    if asked.use_tls {
        return unsupported(
            "only plaintext is spoken; say supportsTls: false in the suite's config".to_owned(),
        );
    }
    let max_recv = usize::try_from(asked.message_receive_limit).ok().filter(|limit| *limit > 0);
    Ok(Limits { max_recv, max_send: None })
}

/// Tells the runner.
async fn say_where(bound: &str) -> io::Result<()> {
    let port = bound.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let port = port.ok_or_else(|| io::Error::other(format!("{bound}: no port in it")))?;
    let answer = ServerCompatResponse { host: HOST.to_owned(), port, ..Default::default() };
    let mut output = tokio::io::stdout();
    output.write_all(&to_delimited(&answer)).await?;
    output.flush().await
}

const HOST: &str = "127.0.0.1";
