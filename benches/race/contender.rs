//! Who climbs: a program that plays both parts, and one run of it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::load::Failure;
use crate::load::cell::Cell;
use crate::load::part::{Part, READY};
use crate::load::sample::Sample;

/// Every peer, in the order of the report. `benches/peers` knows them by these names.
pub(crate) const PEERS: [&str; 4] = ["raw socket", "bare h2", "tonic current_thread", "tonic multi_thread"];

/// The argument after which this very program is wirepath's client or server.
pub(crate) const PLAY: &str = "--play";

/// Patience with a process that is about to listen, or to end.
const STARTS_AND_ENDS_WITHIN: Duration = Duration::from_secs(10);
/// Patience with a client, whose run takes less than a second.
const MEASURES_WITHIN: Duration = Duration::from_secs(30);

/// One way to carry the load.
#[derive(Debug)]
pub(crate) struct Contender {
    /// What the report calls it.
    pub(crate) name: &'static str,
    program: PathBuf,
    /// The argument before its part.
    argument: &'static str,
}

impl Contender {
    /// wirepath, played by this program.
    pub(crate) fn wirepath() -> Result<Self, Failure> {
        Ok(Self { name: "wirepath", program: env::current_exe()?, argument: PLAY })
    }

    /// One of [`PEERS`], played by the program of `benches/peers`.
    pub(crate) fn new(name: &'static str, program: &Path) -> Self {
        Self { name, program: program.into(), argument: name }
    }

    /// Runs a new server and a new client over a new socket in the directory.
    pub(crate) async fn measure(&self, cell: &'static Cell, directory: &Path) -> Result<Sample, Failure> {
        self.run(cell, &directory.join("s"))
            .await
            .map_err(|failure| format!("{}, {}: {failure}", self.name, cell.name).into())
    }

    async fn run(&self, cell: &'static Cell, socket: &Path) -> Result<Sample, Failure> {
        let mut server = self.start(&Part::Server { socket: socket.into() })?;
        let mut said = BufReader::new(server.stdout.take().ok_or("a server without standard output")?);
        if !is_ready(&mut said).await? {
            return Err(format!("the server does not listen: {}", complaint(&mut server).await?).into());
        }
        let process = server.id().ok_or("the server has ended")?;

        let client = self.start(&Part::Client { socket: socket.into(), cell, server: process })?;
        let output =
            timeout(MEASURES_WITHIN, client.wait_with_output()).await.map_err(|_| "the client hangs")??;
        if !output.status.success() {
            return Err(
                format!("the client failed: {}", String::from_utf8_lossy(&output.stderr).trim()).into()
            );
        }

        // The server ends when its standard input does.
        drop(server.stdin.take());
        timeout(STARTS_AND_ENDS_WITHIN, server.wait()).await.map_err(|_| "the server does not end")??;
        // Who listens without removing its file leaves it to us.
        let _ = std::fs::remove_file(socket);
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse::<Sample>()?)
    }

    fn start(&self, part: &Part) -> Result<Child, Failure> {
        Command::new(&self.program)
            .arg(self.argument)
            .args(part.to_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", self.program.display()).into())
    }
}

async fn is_ready(said: &mut BufReader<ChildStdout>) -> Result<bool, Failure> {
    let mut line = String::new();
    timeout(STARTS_AND_ENDS_WITHIN, said.read_line(&mut line))
        .await
        .map_err(|_| "the server does not start")??;
    Ok(line.trim_end() == READY)
}

async fn complaint(server: &mut Child) -> Result<String, Failure> {
    let mut said = String::new();
    if let Some(stderr) = &mut server.stderr {
        timeout(STARTS_AND_ENDS_WITHIN, stderr.read_to_string(&mut said))
            .await
            .map_err(|_| "it says nothing")??;
    }
    Ok(said.trim().into())
}
