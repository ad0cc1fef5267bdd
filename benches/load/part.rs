//! The part that a process plays for the bench: its command line, its ready line and its end.

use std::ffi::OsString;
use std::future::Future;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::Failure;
use super::cell::{self, Cell};

/// What a server prints when a client may connect.
pub(crate) const READY: &str = "listening";

/// One of the two processes of a measurement.
#[derive(Debug)]
pub(crate) enum Part {
    /// Listens until its standard input closes.
    Server {
        /// Where to listen.
        socket: PathBuf,
    },
    /// Connects, loads, prints one sample.
    Client {
        /// Where the server listens.
        socket: PathBuf,
        /// What to load.
        cell: &'static Cell,
        /// The server's process, whose CPU time is counted as well.
        server: u32,
    },
}

impl Part {
    /// Reads what [`Part::to_args`] wrote.
    pub(crate) fn from_args(args: &[String]) -> Result<Self, Failure> {
        match args {
            [part, socket] if part == "server" => Ok(Self::Server { socket: socket.into() }),
            [part, socket, cell, server] if part == "client" => {
                let cell = cell::named(cell).ok_or_else(|| format!("no cell {cell:?}"))?;
                Ok(Self::Client { socket: socket.into(), cell, server: server.parse()? })
            }
            _ => Err("expected server SOCKET or client SOCKET CELL SERVER-PID".into()),
        }
    }

    /// The command line that makes a process play this part.
    pub(crate) fn to_args(&self) -> Vec<OsString> {
        match self {
            Self::Server { socket } => vec!["server".into(), socket.into()],
            Self::Client { socket, cell, server } => {
                vec!["client".into(), socket.into(), cell.name.into(), server.to_string().into()]
            }
        }
    }
}

/// Tells the bench that clients may connect.
pub(crate) fn announce() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{READY}")?;
    out.flush()
}

/// Runs a server for as long as the bench holds the other end of its standard input: no server outlives a killed bench.
pub(crate) async fn serve_while_wanted(
    server: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut stdin = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    tokio::select! {
        ended = server => ended,
        closed = stdin.read_u8() => match closed {
            Ok(_) => Err("nothing is expected on standard input".into()),
            Err(_) => Ok(()),
        },
    }
}
