//! The race: which client and server run when, and what their rates come to.
//!
//! A round pairs wirepath with each peer, one right after the other, so that whatever else the machine does falls on both;
//! who goes first alternates and the order of the peers rotates. The ratio is taken within a pair, the median over rounds.
//! Every run is two new processes over a new socket, so that no luck of one process (its addresses, its cores) stays.

pub(crate) mod build;
pub(crate) mod contender;
pub(crate) mod cores;
pub(crate) mod options;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod statistics;

use std::io;

use tempfile::TempDir;

use self::contender::{Contender, PEERS};
use self::cores::OneCore;
use self::options::Options;
use self::progress::Progress;
use self::report::Report;
use crate::load::Failure;
use crate::load::cell::{CELLS, Cell, Cores};
use crate::load::sample::Sample;

/// Two runs side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    /// wirepath's.
    pub(crate) ours: Sample,
    /// The peer's.
    pub(crate) theirs: Sample,
}

/// All rounds of one cell against one peer.
#[derive(Debug)]
pub(crate) struct Duel {
    /// The peer's name.
    pub(crate) peer: &'static str,
    /// One for each round.
    pub(crate) pairs: Vec<Pair>,
}

/// Runs what the options choose and reports each cell as it ends.
pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let program = build::peers()?;
    let peers: Vec<Contender> = PEERS
        .into_iter()
        .filter(|peer| peer.contains(&options.peer))
        .map(|peer| Contender::new(peer, &program))
        .collect();
    let ours = Contender::wirepath()?;
    let directory = tempfile::Builder::new().prefix("wirepath-ladder-").tempdir()?;

    let mut report = Report::new(io::stdout(), options.format, options.rounds)?;
    for cell in CELLS.iter().filter(|cell| cell.name.contains(&options.cell)) {
        let duels = run_cell(cell, &ours, &peers, options.rounds, &directory).await?;
        report.cell(cell, &duels)?;
    }
    Ok(())
}

async fn run_cell(
    cell: &'static Cell,
    ours: &Contender,
    peers: &[Contender],
    rounds: usize,
    directory: &TempDir,
) -> Result<Vec<Duel>, Failure> {
    let _core = match cell.cores {
        Cores::Any => None,
        Cores::One => Some(OneCore::keep_to()?),
    };
    let mut duels: Vec<Duel> = peers.iter().map(|peer| Duel { peer: peer.name, pairs: Vec::new() }).collect();
    let mut progress = Progress::new();
    for round in 0..rounds {
        for turn in 0..peers.len() {
            let at = (turn + round) % peers.len();
            progress.show(&format!("{}: round {} of {rounds}, {}", cell.name, round + 1, peers[at].name));
            duels[at].pairs.push(run_pair(cell, ours, &peers[at], round % 2 == 0, directory).await?);
        }
    }
    Ok(duels)
}

async fn run_pair(
    cell: &'static Cell,
    ours: &Contender,
    peer: &Contender,
    ours_first: bool,
    directory: &TempDir,
) -> Result<Pair, Failure> {
    let (first, second) = if ours_first { (ours, peer) } else { (peer, ours) };
    let first = first.measure(cell, directory.path()).await?;
    let second = second.measure(cell, directory.path()).await?;
    let (ours, theirs) = if ours_first { (first, second) } else { (second, first) };
    Ok(Pair { ours, theirs })
}
