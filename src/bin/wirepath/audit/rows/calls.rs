//! Rows about real gRPC calls, made over connections that are already open to a server in a second process.

use std::{
    io,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use super::{
    Finding, Verdict,
    bench::{Bench, Calls, Load, Transport},
    figures, lo, procfs,
    stats::{self, Ratio},
};

/// What one call took over each transport, in one round.
pub(super) struct Round {
    tcp: Cost,
    unix: Cost,
}

/// Request and response pass the loopback device, with their acknowledgements; or do not.
pub(super) fn segments(bench: &Bench<'_>) -> io::Result<Finding> {
    let calls = bench.calls()?;
    let load = Load { calls: WINDOW, ..ONE_BY_ONE };
    let per_call = |transport| {
        calls.unary(transport, load)?;
        let packets = lo::packets_during(WINDOWS, || calls.unary(transport, load))?;
        Ok::<_, io::Error>(packets / f64::from(WINDOW))
    };
    let (tcp, unix) = (per_call(Transport::Tcp)?, per_call(Transport::Unix)?);
    Ok(Finding {
        tcp: format!("{tcp:.1} packets on lo"),
        unix: format!("{unix:.1} packets on lo"),
        experiment: format!("counter of lo, median of {WINDOWS} x {WINDOW} calls"),
        verdict: match unix {
            0.0 => Verdict::of(&[(tcp >= 2.0, "a call over TCP takes fewer than 2 packets")]),
            _ => Verdict::NotHere(lo::BUSY.to_owned()),
        },
    })
}

/// The time of one small call after the other.
pub(super) fn round_trip(bench: &Bench<'_>) -> io::Result<Finding> {
    let rounds = bench.rounds()?;
    let ratio = ratio(rounds, |cost| cost.time);
    let median = |side: fn(&Round) -> &Cost| figures::span(seconds(rounds, |round| side(round).time));
    Ok(Finding {
        tcp: format!("{} a call", median(|round| &round.tcp)),
        unix: format!("{} a call", median(|round| &round.unix)),
        experiment: format!("128 B, 1 at a time, {} rounds; unix/tcp {ratio}", rounds.len()),
        verdict: ratio.less("time"),
    })
}

/// Large messages, several calls at a time.
pub(super) fn throughput(bench: &Bench<'_>) -> io::Result<Finding> {
    let calls = bench.calls()?;
    let load = calibrate(calls, BULK)?;
    let rounds = interleaved(|transport| {
        let start = Instant::now();
        calls.unary(transport, load)?;
        Ok(start.elapsed().as_secs_f64())
    })?;
    let (count, megabytes) = (rounds.len(), f64::from(load.calls) * load.message_len as f64 / 1e6);
    let (tcp, unix): (Vec<_>, Vec<_>) = rounds.iter().copied().unzip();
    let rate = |times: &[f64]| format!("{:.0} MB/s each way", megabytes / stats::median(times));
    let ratio = Ratio::of(rounds.into_iter().map(|(tcp, unix)| (unix, tcp)));
    Ok(Finding {
        tcp: rate(&tcp),
        unix: rate(&unix),
        experiment: format!("64 KiB, {} at a time, {count} rounds; time unix/tcp {ratio}", load.in_flight),
        verdict: ratio.less("time"),
    })
}

/// What both processes pay for a call.
pub(super) fn cpu(bench: &Bench<'_>) -> io::Result<Finding> {
    let rounds = bench.rounds()?;
    let ratio = ratio(rounds, |cost| cost.cpu);
    let cell = |side: fn(&Round) -> &Cost| {
        let cpu = figures::span(seconds(rounds, |round| side(round).cpu));
        let switches: Vec<f64> = rounds.iter().map(|round| side(round).switches).collect();
        format!("{cpu}, {:.1} switches", stats::median(&switches))
    };
    Ok(Finding {
        tcp: cell(|round| &round.tcp),
        unix: cell(|round| &round.unix),
        experiment: format!("per call, both processes, {} rounds; CPU unix/tcp {ratio}", rounds.len()),
        verdict: ratio.less("CPU"),
    })
}

/// Makes the rounds that the rows on single calls share.
pub(super) fn measure(calls: &dyn Calls) -> io::Result<Vec<Round>> {
    let load = calibrate(calls, ONE_BY_ONE)?;
    let rounds = interleaved(|transport| {
        let before = Meter::read(calls)?;
        calls.unary(transport, load)?;
        Ok(Meter::read(calls)?.since(&before, load.calls))
    })?;
    Ok(rounds.into_iter().map(|(tcp, unix)| Round { tcp, unix }).collect())
}

/// What one call took.
struct Cost {
    /// Seconds from request to response.
    time: f64,
    /// Seconds on a processor, of both processes.
    cpu: f64,
    /// Times that a thread of either process went to sleep.
    switches: f64,
}

/// The clocks and counters at one instant.
struct Meter {
    at: Instant,
    cpu: Duration,
    switches: u64,
}

impl Meter {
    fn read(calls: &dyn Calls) -> io::Result<Self> {
        let at = Instant::now();
        let own = procfs::usage(std::process::id())?;
        let server = match calls.server_pid() {
            pid if pid == std::process::id() => procfs::Usage::default(),
            pid => procfs::usage(pid)?,
        };
        // Of the running process /proc is behind by up to a tick, the clock is not.
        let clock = clock_gettime(ClockId::ProcessCPUTime);
        let own_cpu = Duration::new(clock.tv_sec as u64, clock.tv_nsec as u32);
        Ok(Self { at, cpu: own_cpu + server.cpu, switches: own.switches + server.switches })
    }

    fn since(&self, before: &Self, calls: u32) -> Cost {
        let calls = f64::from(calls);
        Cost {
            time: self.at.duration_since(before.at).as_secs_f64() / calls,
            cpu: self.cpu.saturating_sub(before.cpu).as_secs_f64() / calls,
            switches: self.switches.saturating_sub(before.switches) as f64 / calls,
        }
    }
}

/// Measures both transports in pairs of (tcp, unix), each first in every other pair: [`ROUNDS`] of them, or as many
/// as [`LONGEST`] allows, but never fewer than can bound a median.
fn interleaved<T>(mut each: impl FnMut(Transport) -> io::Result<T>) -> io::Result<Vec<(T, T)>> {
    let start = Instant::now();
    let mut rounds = Vec::with_capacity(ROUNDS);
    while rounds.len() < FEWEST || (rounds.len() < ROUNDS && start.elapsed() < LONGEST) {
        rounds.push(if rounds.len().is_multiple_of(2) {
            let tcp = each(Transport::Tcp)?;
            (tcp, each(Transport::Unix)?)
        } else {
            let unix = each(Transport::Unix)?;
            (each(Transport::Tcp)?, unix)
        });
    }
    Ok(rounds)
}

/// Warms both transports up, and sizes a load so that it takes about [`BATCH`].
fn calibrate(calls: &dyn Calls, load: Load) -> io::Result<Load> {
    let trial = Load { calls: 64, ..load };
    calls.unary(Transport::Unix, trial)?;
    calls.unary(Transport::Tcp, trial)?;
    let start = Instant::now();
    calls.unary(Transport::Tcp, trial)?;
    let fitting = f64::from(trial.calls) * BATCH.as_secs_f64() / start.elapsed().as_secs_f64().max(1e-6);
    Ok(Load { calls: fitting.clamp(16.0, 20_000.0) as u32, ..load })
}

fn ratio(rounds: &[Round], figure: fn(&Cost) -> f64) -> Ratio {
    Ratio::of(rounds.iter().map(|round| (figure(&round.unix), figure(&round.tcp))))
}

fn seconds(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> Duration {
    let figures: Vec<f64> = rounds.iter().map(figure).collect();
    Duration::from_secs_f64(stats::median(&figures))
}

/// Small calls, one after the other.
const ONE_BY_ONE: Load = Load { calls: 1, in_flight: 1, message_len: 128 };
/// Large calls, several at a time.
const BULK: Load = Load { calls: 1, in_flight: 8, message_len: 64 * 1024 };
/// Paired rounds of a measurement: with 25 of them the interval lies between the 8th and the 18th.
const ROUNDS: usize = 25;
/// Rounds below which nothing is said.
const FEWEST: usize = 9;
/// After this long no further round begins.
const LONGEST: Duration = Duration::from_millis(2500);
/// How long one side of a round is meant to take.
const BATCH: Duration = Duration::from_millis(30);
/// Windows in which packets are counted.
const WINDOWS: usize = 41;
/// Calls of such a window.
const WINDOW: u32 = 10;
