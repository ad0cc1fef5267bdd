//! What every experiment is given: a private directory, a way to start a second process, and the calls to measure.

use std::{
    cell::{Cell, OnceCell},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use super::{calls, measured::Measured};

/// The two things a row sets side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// TCP over the loopback device.
    Tcp,
    /// A Unix stream socket with a path.
    Unix,
}

/// The surroundings of a run of experiments.
pub(crate) struct Bench<'a> {
    dir: &'a Path,
    hold: fn() -> io::Result<Command>,
    calls: Option<&'a dyn Calls>,
    fields: Option<RequestFields>,
    names: Cell<u32>,
    single_calls: OnceCell<Measured>,
}

/// Real gRPC calls over connections that are already open to a server in a second process.
pub(crate) trait Calls: Sync {
    /// Makes unary echo calls until all of `load` is done.
    fn unary(&self, transport: Transport, load: Load) -> io::Result<()>;
    /// The process id of the server.
    fn server_pid(&self) -> u32;
    /// Where the server listens for Unix connections.
    fn server_path(&self) -> &Path;
}

/// How many calls to make, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Calls in all.
    pub(crate) calls: u32,
    /// Calls that are open at any time: 1 is one after the other.
    pub(crate) in_flight: u32,
    /// Length of the echoed text, in bytes.
    pub(crate) message_len: usize,
}

/// The header fields of one and the same call as they went out over each transport, in order, read below h2.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestFields {
    /// Over TCP.
    pub(crate) tcp: Vec<(String, String)>,
    /// Over the Unix socket.
    pub(crate) unix: Vec<(String, String)>,
}

impl<'a> Bench<'a> {
    /// A bench that puts its sockets into `dir`, which must be private (0700), empty and of at most 80 bytes.
    ///
    /// `hold` is the command that runs [`hold_stdin`](super::hold_stdin) in a process of its own.
    pub(crate) fn new(dir: &'a Path, hold: fn() -> io::Result<Command>) -> Self {
        Self { dir, hold, calls: None, fields: None, names: Cell::new(0), single_calls: OnceCell::new() }
    }

    /// Adds the calls to measure; without them their rows are `not here`.
    pub(crate) fn with_calls(self, calls: &'a dyn Calls) -> Self {
        Self { calls: Some(calls), ..self }
    }

    /// Adds what was sent; without it the row of `:authority` is `not here`.
    pub(crate) fn with_fields(self, fields: RequestFields) -> Self {
        Self { fields: Some(fields), ..self }
    }

    /// The private directory.
    pub(super) fn dir(&self) -> &Path {
        self.dir
    }

    /// A path in the private directory that no experiment has used.
    pub(super) fn fresh_path(&self) -> PathBuf {
        self.names.set(self.names.get() + 1);
        self.dir.join(format!("row-{}.sock", self.names.get()))
    }

    /// The command of a process that holds its stdin open until it is killed.
    pub(super) fn hold(&self) -> io::Result<Command> {
        (self.hold)()
    }

    /// The calls to measure.
    pub(super) fn calls(&self) -> io::Result<&'a dyn Calls> {
        self.calls.ok_or_else(|| io::Error::other("no server to call in this run"))
    }

    /// What was sent over each transport.
    pub(super) fn fields(&self) -> io::Result<&RequestFields> {
        self.fields.as_ref().ok_or_else(|| io::Error::other("no call was captured in this run"))
    }

    /// The costs of single calls, measured once and shared by the rows that read them.
    pub(super) fn single_calls(&self) -> io::Result<&Measured> {
        if let Some(measured) = self.single_calls.get() {
            return Ok(measured);
        }
        let measured = Measured::of(self.calls()?, calls::ONE_BY_ONE)?;
        Ok(self.single_calls.get_or_init(|| measured))
    }
}
