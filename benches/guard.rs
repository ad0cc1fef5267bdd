//! What the guard costs: unary calls of 128 B, 64 in flight, with it and without, in turns.
//!
//! ```text
//! cargo bench --bench guard
//! cargo bench --bench guard -- ROUNDS
//! ```
//!
//! Without it only its pace is left, which was there before. Client and server each have a thread of their own, and both
//! have it or have it not. The ratio is taken within a round, so that whatever else the machine does falls on both.

use std::{
    error::Error,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};
use wirepath::{
    Channel, Endpoint, Request, Response, Router, Server,
    call::{MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
    http2::Http2Config,
};

const SAY: MethodDescriptor<Bytes, Bytes> =
    MethodDescriptor::new("/guard.Echo/Say", MethodType::Unary, Codec::RAW, Codec::RAW);

const MESSAGE_LEN: usize = 128;
const IN_FLIGHT: usize = 64;
const WARM_UP: Duration = Duration::from_millis(100);
const WINDOW: Duration = Duration::from_millis(400);
const ROUNDS: usize = 40;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("guard: a debug build has no speed to measure, use cargo bench --bench guard");
        return ExitCode::SUCCESS;
    }
    let rounds = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(ROUNDS);
    match compare(rounds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("guard: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn compare(rounds: usize) -> Result<(), Failure> {
    let (mut ratios, mut costs, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        // Who goes first alternates.
        let (on, off) = if round % 2 == 0 {
            let on = sample(false)?;
            (on, sample(true)?)
        } else {
            let off = sample(true)?;
            (sample(false)?, off)
        };
        ratios.push(on.rate / off.rate);
        costs.push(on.cpu / off.cpu);
        with.push(on);
        without.push(off);
    }
    ratios.sort_by(f64::total_cmp);
    costs.sort_by(f64::total_cmp);
    println!("unary 128 B x 64, {rounds} rounds in turns, medians");
    for (name, samples) in [("with the guard", &with), ("without", &without)] {
        let middle_of = |value: fn(&Sample) -> f64| {
            let mut values: Vec<f64> = samples.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            middle(&values)
        };
        let (rate, cpu) = (middle_of(|sample| sample.rate), middle_of(|sample| sample.cpu));
        println!("  {name:<16} {rate:>8.0} calls/s, {cpu:>6.2} us of processor time a call");
    }
    for (name, values) in [("calls/s", &ratios), ("processor time", &costs)] {
        let (low, high) = interval(values);
        println!(
            "  ratio, {name:<14} {:.3} (the median's 95 % interval: {low:.3} to {high:.3})",
            middle(values)
        );
    }
    Ok(())
}

/// What one window came to. Processor time is both sides' and bears a busy machine better than the rate.
struct Sample {
    rate: f64,
    cpu: f64,
}

/// Calls over a new server, socket and connection.
fn sample(is_unguarded: bool) -> Result<Sample, Failure> {
    let directory = tempfile::tempdir()?;
    let endpoint: Endpoint = format!("unix:{}/guard.sock", directory.path().display()).parse()?;
    let mut config = Http2Config::default();
    config.is_unguarded = is_unguarded;

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (up, is_up) = std::sync::mpsc::channel();
    let server = thread::spawn({
        let (endpoint, config) = (endpoint.clone(), config.clone());
        move || -> Result<(), Failure> {
            one_thread()?.block_on(async {
                let mut router = Router::new();
                router.unary(&SAY, |request: Request<Bytes>| async {
                    Ok(Response::new(request.into_message()))
                });
                let serving = Server::new().http2(config).add(router).serve(endpoint.listen().await?);
                up.send(())?;
                tokio::select! {
                    served = serving => Ok(served?),
                    _ = stopped => Ok(()),
                }
            })
        }
    });
    is_up.recv()?;
    let sample = one_thread()?.block_on(call(Channel::builder(endpoint).http2(config).build()));
    drop(stop);
    server.join().map_err(|_| "the server panicked")??;
    sample
}

async fn call(channel: Channel) -> Result<Sample, Failure> {
    let count = Arc::new(AtomicU64::new(0));
    let message = Bytes::from(vec![7; MESSAGE_LEN]);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (channel, count, message) = (channel.clone(), Arc::clone(&count), message.clone());
        callers.spawn(async move {
            loop {
                if let Err(status) = invoke::unary(&channel, &SAY, message.clone().into()).await {
                    return status;
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let measured = async {
        tokio::time::sleep(WARM_UP).await;
        let (start, cpu, before) = (Instant::now(), cpu_time(), count.load(Ordering::Relaxed));
        tokio::time::sleep(WINDOW).await;
        let calls = (count.load(Ordering::Relaxed) - before) as f64;
        Sample { rate: calls / start.elapsed().as_secs_f64(), cpu: (cpu_time() - cpu) * 1e6 / calls }
    };
    tokio::select! {
        sample = measured => Ok(sample),
        Some(failed) = callers.join_next() => Err(failed?.into()),
    }
}

fn one_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Seconds that this process has spent on processors.
fn cpu_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The median of sorted values.
fn middle(sorted: &[f64]) -> f64 {
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}

/// The order statistics between which the median lies in 95 of 100 cases (the binomial's normal approximation).
fn interval(sorted: &[f64]) -> (f64, f64) {
    let len = sorted.len() as f64;
    let low = ((len - 1.96 * len.sqrt()) / 2.0).max(0.0) as usize;
    (sorted[low], sorted[sorted.len() - 1 - low])
}
