//! `wirepath serve ENDPOINT...`: the echo server.
//!
//! It prints `listening on ENDPOINT` for each listener once it accepts connections and SIGTERM drains it: calls in flight
//! finish, then it exits with 0. A second signal does not wait for them.

use std::io::{self, Write};
use std::process::ExitCode;

use wirepath::generated::wirepath::echo::v1::echo_server::EchoServer;
use wirepath::transport::Listener;
use wirepath::{Endpoint, Server};

use crate::echo::EchoService;
use crate::failure::{Failure, one_line};
use crate::listening::Listening;
use crate::signals::Signals;

/// Serve the echo service until SIGTERM or SIGINT
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen: unix:PATH, unix-abstract:NAME, tcp:HOST:PORT (port 0 picks one), fd:N, or activated:[NAME] for a
    /// supervisor's socket (LISTEN_FDS)
    #[arg(required = true, value_name = "ENDPOINT")]
    endpoints: Vec<Endpoint>,

    #[command(flatten)]
    listening: Listening,

    /// Also drain when stdin ends: the life line of a parent process
    #[arg(long, hide = true)]
    while_stdin: bool,
}

/// Runs the server to its end.
pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    // One thread: a connection is served on one task, and an echo has nothing to compute.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Failure::explained).and_then(|runtime| {
        let outcome = runtime.block_on(serve(args));
        // A read of stdin cannot be cancelled; the process ends without it.
        runtime.shutdown_background();
        outcome
    });
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn serve(args: Args) -> Result<(), Failure> {
    if let Some(endpoint) = named_twice(&args.endpoints) {
        return Err(Failure::usage(endpoint, "named twice", "name it once"));
    }
    args.listening.check(&args.endpoints)?;
    let mut listeners = Vec::with_capacity(args.endpoints.len());
    for endpoint in &args.endpoints {
        listeners.push(args.listening.listen(endpoint).await.map_err(Failure::explained)?);
    }
    // Before the lines that invite a signal.
    let mut signals = Signals::install().map_err(Failure::explained)?;
    announce(&listeners);
    let server = Server::new().add(EchoServer::new(EchoService));
    let (drain, draining) = tokio::sync::oneshot::channel::<()>();
    let serving = server.serve_with_shutdown(listeners, async {
        // Its sender is dropped to say so.
        let _ = draining.await;
    });
    let impatience = async {
        tokio::select! {
            _ = signals.next() => {}
            () = stdin_ended(), if args.while_stdin => {}
        }
        drop(drain);
        signals.next().await
    };
    tokio::select! {
        outcome = serving => outcome.map_err(Failure::explained),
        signal = impatience => Err(Failure::interrupted(signal)),
    }
}

/// A path, a name or a descriptor that stands twice; a TCP port 0 may.
fn named_twice(endpoints: &[Endpoint]) -> Option<&Endpoint> {
    let is_name = |endpoint: &Endpoint| !matches!(endpoint, Endpoint::Tcp(_));
    let stands_before = |(at, endpoint): &(usize, &Endpoint)| endpoints[..*at].contains(endpoint);
    endpoints.iter().enumerate().filter(stands_before).map(|(_, endpoint)| endpoint).find(|e| is_name(e))
}

fn announce(listeners: &[Box<dyn Listener>]) {
    let mut out = io::stdout().lock();
    for listener in listeners {
        // With nobody reading, the server still serves.
        let _ = writeln!(out, "listening on {}", one_line(&listener.endpoint()));
    }
    let _ = out.flush();
}

async fn stdin_ended() {
    let read = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin().lock(), &mut io::sink()));
    // However the reading ended, the parent holds the line no more.
    let _ = read.await;
}
