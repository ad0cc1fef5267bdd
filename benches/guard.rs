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
    let (mut ratios, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        // Who goes first alternates.
        let (on, off) = if round % 2 == 0 {
            let on = rate(false)?;
            (on, rate(true)?)
        } else {
            let off = rate(true)?;
            (rate(false)?, off)
        };
        ratios.push(on / off);
        with.push(on);
        without.push(off);
    }
    for values in [&mut ratios, &mut with, &mut without] {
        values.sort_by(f64::total_cmp);
    }
    println!("unary 128 B x 64, {rounds} rounds in turns, medians");
    println!("  with the guard     {:>8.0} calls/s", middle(&with));
    println!("  without            {:>8.0} calls/s", middle(&without));
    let (low, high) = interval(&ratios);
    println!(
        "  ratio              {:>8.3} (95 % interval of the median {low:.3} to {high:.3})",
        middle(&ratios)
    );
    Ok(())
}

/// Calls in a second, over a new server, socket and connection.
fn rate(is_unguarded: bool) -> Result<f64, Failure> {
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
    let rate = one_thread()?.block_on(call(Channel::builder(endpoint).http2(config).build()));
    drop(stop);
    server.join().map_err(|_| "the server panicked")??;
    rate
}

async fn call(channel: Channel) -> Result<f64, Failure> {
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
        let (start, before) = (Instant::now(), count.load(Ordering::Relaxed));
        tokio::time::sleep(WINDOW).await;
        (count.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64()
    };
    tokio::select! {
        rate = measured => Ok(rate),
        Some(failed) = callers.join_next() => Err(failed?.into()),
    }
}

fn one_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
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
