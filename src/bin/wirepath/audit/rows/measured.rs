//! Calls over both transports, measured in paired rounds.
//!
//! A round makes the same calls over one transport and then over the other, each first in every other round, so that a
//! slow moment of the machine meets both. Both processes share a core meanwhile ([`Pinned`]).

use std::{
    io,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use super::{
    bench::{Calls, Load, Transport},
    pinned::Pinned,
    procfs::{self, Usage},
    stats::{self, Ratio},
};

/// The rounds of one load.
pub(super) struct Measured {
    rounds: Vec<Round>,
    /// What each side of a round did.
    pub(super) load: Load,
    /// Where the two processes ran.
    pub(super) place: String,
}

/// What one call took, on average over one side of a round.
pub(super) struct Cost {
    /// Seconds from the first request to the last response, by the number of calls.
    pub(super) time: f64,
    /// Seconds on a processor, of both processes.
    pub(super) cpu: f64,
    /// Times that a thread of either process went to sleep.
    pub(super) switches: f64,
}

struct Round {
    tcp: Cost,
    unix: Cost,
}

impl Measured {
    /// Makes calls like those of `load`, as many of them as fill a round: [`ROUNDS`] rounds, or as many as [`LONGEST`]
    /// allows, but never fewer than can bound a median.
    pub(super) fn of(calls: &dyn Calls, load: Load) -> io::Result<Self> {
        // Where another user's server cannot be moved, the figures are noisier, and their intervals say so.
        let pinned = Pinned::together(&[calls.server_pid(), std::process::id()]);
        let load = calibrate(calls, load)?;
        let start = Instant::now();
        let mut rounds = Vec::with_capacity(ROUNDS);
        while rounds.len() < FEWEST || (rounds.len() < ROUNDS && start.elapsed() < LONGEST) {
            rounds.push(if rounds.len().is_multiple_of(2) {
                let tcp = Cost::of(calls, Transport::Tcp, load)?;
                Round { tcp, unix: Cost::of(calls, Transport::Unix, load)? }
            } else {
                let unix = Cost::of(calls, Transport::Unix, load)?;
                Round { tcp: Cost::of(calls, Transport::Tcp, load)?, unix }
            });
        }
        let place = pinned.map_or_else(|_| "any core".to_owned(), |pinned| format!("core {}", pinned.core()));
        Ok(Self { rounds, load, place })
    }

    /// How many rounds were made.
    pub(super) fn rounds(&self) -> usize {
        self.rounds.len()
    }

    /// The median over the rounds of what a call took.
    pub(super) fn median(&self, transport: Transport, figure: fn(&Cost) -> f64) -> f64 {
        let figures: Vec<f64> = self.rounds.iter().map(|round| figure(round.side(transport))).collect();
        stats::median(&figures)
    }

    /// The ratio of the two transports.
    pub(super) fn ratio(&self, figure: fn(&Cost) -> f64) -> Ratio {
        Ratio::of(self.rounds.iter().map(|round| (figure(&round.unix), figure(&round.tcp))))
    }
}

impl Round {
    fn side(&self, transport: Transport) -> &Cost {
        match transport {
            Transport::Tcp => &self.tcp,
            Transport::Unix => &self.unix,
        }
    }
}

impl Cost {
    fn of(calls: &dyn Calls, transport: Transport, load: Load) -> io::Result<Self> {
        let (own, server) = (procfs::usage(std::process::id())?, usage_of_server(calls)?);
        let own_cpu = cpu_of_this_process();
        let start = Instant::now();
        calls.unary(transport, load)?;
        let time = start.elapsed();
        let own_cpu = cpu_of_this_process().saturating_sub(own_cpu);
        let (own_after, server_after) = (procfs::usage(std::process::id())?, usage_of_server(calls)?);

        let per_call = |total: f64| total / f64::from(load.calls);
        let server_cpu = server_after.cpu.saturating_sub(server.cpu);
        let switches =
            (own_after.switches + server_after.switches).saturating_sub(own.switches + server.switches);
        Ok(Self {
            time: per_call(time.as_secs_f64()),
            cpu: per_call((own_cpu + server_cpu).as_secs_f64()),
            switches: per_call(switches as f64),
        })
    }
}

/// What the server has used up; nothing of its own if it is this very process.
fn usage_of_server(calls: &dyn Calls) -> io::Result<Usage> {
    match calls.server_pid() {
        pid if pid == std::process::id() => Ok(Usage::default()),
        pid => procfs::usage(pid),
    }
}

/// Of a thread that runs, /proc is behind by up to a tick; this clock is not.
fn cpu_of_this_process() -> Duration {
    let clock = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(clock.tv_sec.unsigned_abs(), u32::try_from(clock.tv_nsec).unwrap_or(0))
}

/// Warms both transports up, and sizes a load so that it takes about [`SIDE`] by the fastest of a few trials.
fn calibrate(calls: &dyn Calls, load: Load) -> io::Result<Load> {
    let trial = Load { calls: 64, ..load };
    let mut fastest = Duration::MAX;
    for _ in 0..4 {
        calls.unary(Transport::Unix, trial)?;
        let start = Instant::now();
        calls.unary(Transport::Tcp, trial)?;
        fastest = fastest.min(start.elapsed());
    }
    let fitting = f64::from(trial.calls) * SIDE.as_secs_f64() / fastest.as_secs_f64().max(1e-6);
    Ok(Load { calls: fitting.clamp(16.0, 20_000.0) as u32, ..load })
}

/// Paired rounds of a measurement: with 101 of them the interval lies between the 41st and the 61st.
const ROUNDS: usize = 101;
/// Rounds below which nothing is said.
const FEWEST: usize = 9;
/// After this long no further round begins.
const LONGEST: Duration = Duration::from_millis(2500);
/// How long one side of a round is meant to take: about a time slice, so that another program spoils few rounds.
const SIDE: Duration = Duration::from_millis(8);
