//! The server as a second process: this program's own `serve`, on a Unix socket and on TCP.
//!
//! Its stdin is a pipe from here, so it ends when this process does, however that ends.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use wirepath::Endpoint;

/// A running server; dropping it ends it.
#[derive(Debug)]
pub(crate) struct SecondProcess {
    child: Child,
}

impl SecondProcess {
    /// Starts the server with its socket in `directory`.
    pub(crate) fn start(directory: &Path) -> io::Result<Self> {
        let socket = Endpoint::Unix(directory.join(SOCKET)).to_string();
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", "--while-stdin", &socket, "tcp:127.0.0.1:0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(SecondProcess { child })
    }

    /// Its lines about where it listens, read on a thread of their own.
    pub(crate) fn announcements(&mut self) -> io::Result<Announcements> {
        let stdout = self.child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Announcements { pid: self.child.id(), lines: read_lines(stdout) })
    }

    /// A failure to start, in the server's own words where it left some.
    pub(crate) fn explain(&mut self, error: io::Error) -> io::Error {
        let mut words = String::new();
        // One that hangs says nothing, and its stderr would not end.
        let _ = self.child.kill();
        if let Some(stderr) = &mut self.child.stderr {
            let _ = stderr.read_to_string(&mut words);
        }
        match words.trim().trim_start_matches("wirepath: ") {
            "" => error,
            words => io::Error::other(words.to_owned()),
        }
    }
}

impl Drop for SecondProcess {
    fn drop(&mut self) {
        // Its socket lies in a directory that is removed as a whole.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a starting server prints.
#[derive(Debug)]
pub(crate) struct Announcements {
    pid: u32,
    lines: mpsc::Receiver<String>,
}

impl Announcements {
    /// Waits until the server listens on both endpoints.
    pub(crate) fn addresses(&self, directory: &Path) -> io::Result<Addresses> {
        let mut tcp = None;
        for _ in 0..2 {
            let line = self.lines.recv_timeout(PATIENCE).map_err(|error| match error {
                RecvTimeoutError::Timeout => io::Error::from(io::ErrorKind::TimedOut),
                RecvTimeoutError::Disconnected => io::Error::other("it ended before it listened"),
            })?;
            tcp = tcp.or_else(|| line.strip_prefix("listening on tcp:").map(str::to_owned));
        }
        let tcp = tcp.ok_or_else(|| io::Error::other("it named no TCP address"))?;
        Ok(Addresses { pid: self.pid, socket: directory.join(SOCKET), tcp })
    }
}

/// Where the server listens, and which process it is.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) pid: u32,
    pub(crate) socket: PathBuf,
    /// `127.0.0.1:PORT`.
    pub(crate) tcp: String,
}

impl Addresses {
    pub(crate) fn unix_endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.socket.clone())
    }

    pub(crate) fn tcp_endpoint(&self) -> Endpoint {
        Endpoint::Tcp(self.tcp.clone())
    }
}

fn read_lines(stdout: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

const SOCKET: &str = "echo.sock";

/// A loaded machine may take its time to start a process.
const PATIENCE: Duration = Duration::from_secs(10);
