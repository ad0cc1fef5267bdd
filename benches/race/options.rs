//! The command line of the bench.

use std::error::Error;
use std::fmt;

use super::contender::PEERS;
use super::report::Format;
use crate::load::cell::CELLS;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
gRPC over a Unix socket, rung by rung: two processes, paired runs, medians of ratios

Usage: cargo bench --bench ladder -- [OPTIONS]

Options:
  --cell SUBSTR   only cells whose name contains it
  --peer SUBSTR   only peers whose name contains it
  --rounds N      pairs for each cell and peer, 1 to 1000 [default: 7]
  --json          one object for each cell and peer, instead of the table
  --help          this text

The ratio is wirepath's rate over the peer's in runs side by side: the median of the rounds, and the
least and the greatest of them. CPU is user and system time for one call (one message of a stream).

Peers: raw socket (length-prefixed echo), bare h2 (tuned like wirepath, no gRPC), tonic (its own
defaults) on one thread and on all. Exit status: 0 when it ran, 1 when it could not, 2 for usage.
";

const DEFAULT_ROUNDS: usize = 7;
const MAX_ROUNDS: usize = 1000;

/// What to run and how to tell it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    /// A part of the names of the cells to run.
    pub(crate) cell: String,
    /// A part of the names of the peers to run against.
    pub(crate) peer: String,
    /// Pairs for each cell and peer.
    pub(crate) rounds: usize,
    /// How to tell it.
    pub(crate) format: Format,
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wish {
    /// A race.
    Race(Options),
    /// The help text.
    Help,
}

/// What is wrong with the command line, in one line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UsageError(String);

impl Wish {
    /// Reads the arguments after the program's name. `--bench`, which `cargo bench` passes to every bench, means nothing.
    pub(crate) fn from_args(args: impl IntoIterator<Item = String>) -> Result<Self, UsageError> {
        let mut options = Options {
            cell: String::new(),
            peer: String::new(),
            rounds: DEFAULT_ROUNDS,
            format: Format::Table,
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let (flag, attached) = match arg.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
                _ => (arg, None),
            };
            let mut value = || {
                let value = attached.clone().or_else(|| args.next());
                value.ok_or_else(|| UsageError(format!("{flag} needs a value, see --help")))
            };
            match flag.as_str() {
                "--cell" => options.cell = part_of_a_name(&flag, value()?, &CELLS.map(|cell| cell.name))?,
                "--peer" => options.peer = part_of_a_name(&flag, value()?, &PEERS)?,
                "--rounds" => options.rounds = rounds(&value()?)?,
                _ if attached.is_some() => return Err(unknown(&flag)),
                "--json" => options.format = Format::Json,
                "--bench" => {}
                "--help" | "-h" => return Ok(Self::Help),
                _ => return Err(unknown(&flag)),
            }
        }
        Ok(Self::Race(options))
    }
}

fn part_of_a_name(flag: &str, part: String, names: &[&str]) -> Result<String, UsageError> {
    if names.iter().any(|name| name.contains(&part)) {
        return Ok(part);
    }
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    Err(UsageError(format!("{flag} {part:?}: in none of the names {}", names.join(", "))))
}

fn rounds(value: &str) -> Result<usize, UsageError> {
    match value.parse() {
        Ok(rounds) if (1..=MAX_ROUNDS).contains(&rounds) => Ok(rounds),
        _ => Err(UsageError(format!("--rounds {value:?}: a number from 1 to {MAX_ROUNDS} is expected"))),
    }
}

fn unknown(flag: &str) -> UsageError {
    UsageError(format!("unknown argument {flag:?}, see --help"))
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for UsageError {}
