//! What SO_SNDBUF does to the speed: small calls, large calls and a stream, with several sizes of it, in turns.
//!
//! ```text
//! cargo bench --bench send_buffer
//! cargo bench --bench send_buffer -- ROUNDS
//! ```
//!
//! Both ends have the size, client and server each have a thread of their own. Each ratio is to the buffer as the kernel
//! makes it, within one round, so that whatever else the machine does falls on all sizes; the first to go changes from
//! round to round. The command fails if a call fails.

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
    Channel, Endpoint, MessageSender, Request, Response, Router, Server, Status,
    call::{MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
    transport::{UnixConnectOptions, UnixListenOptions},
};

const SAY: MethodDescriptor<Bytes, Bytes> =
    MethodDescriptor::new("/buffer.Echo/Say", MethodType::Unary, Codec::RAW, Codec::RAW);
const POUR: MethodDescriptor<Bytes, Bytes> =
    MethodDescriptor::new("/buffer.Echo/Pour", MethodType::ServerStreaming, Codec::RAW, Codec::RAW);

/// In KiB; Linux doubles them.
const SIZES: [Option<usize>; 7] = [None, Some(4), Some(16), Some(64), Some(208), Some(1024), Some(4096)];

const CELLS: [Cell; 3] = [
    Cell { name: "unary 128 B x 64", method: &SAY, message_len: 128, in_flight: 64 },
    Cell { name: "unary 64 KiB x 8", method: &SAY, message_len: 64 << 10, in_flight: 8 },
    Cell { name: "server stream of 1 MiB messages", method: &POUR, message_len: 1 << 20, in_flight: 1 },
];

const WARM_UP: Duration = Duration::from_millis(100);
const WINDOW: Duration = Duration::from_millis(300);
const ROUNDS: usize = 20;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("send_buffer: a debug build has no speed to measure, use cargo bench --bench send_buffer");
        return ExitCode::SUCCESS;
    }
    let rounds = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(ROUNDS).max(1);
    for cell in &CELLS {
        match compare(cell, rounds) {
            Ok(table) => println!("{table}"),
            Err(failure) => {
                eprintln!("send_buffer: {}: {failure}", cell.name);
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// What is carried.
struct Cell {
    name: &'static str,
    method: &'static MethodDescriptor<Bytes, Bytes>,
    message_len: usize,
    in_flight: usize,
}

/// What one window came to; processor time is both sides'.
#[derive(Clone, Copy)]
struct Sample {
    rate: f64,
    cpu: f64,
}

fn compare(cell: &Cell, rounds: usize) -> Result<String, Failure> {
    let mut samples = vec![Vec::new(); SIZES.len()];
    for round in 0..rounds {
        for turn in 0..SIZES.len() {
            let index = (round + turn) % SIZES.len();
            samples[index].push(sample(cell, SIZES[index])?);
        }
    }
    let mut table = format!("{}, {rounds} rounds in turns\n", cell.name);
    table += "  send buffer   messages/s    us of processor time   messages/s to as made [95 %]    processor time\n";
    for (size, row) in SIZES.iter().zip(&samples) {
        let ratios = |value: fn(&Sample) -> f64| -> Vec<f64> {
            row.iter().zip(&samples[0]).map(|(one, as_made)| value(one) / value(as_made)).collect()
        };
        let name = size.map_or_else(|| "as made".to_owned(), |kib| format!("{kib} KiB"));
        let (rate, cpu) = (sorted(row.iter().map(|one| one.rate)), sorted(row.iter().map(|one| one.cpu)));
        let (faster, dearer) = (sorted(ratios(|one| one.rate)), sorted(ratios(|one| one.cpu)));
        table += &format!(
            "  {name:<11} {:>12.0} {:>17.1} {:>24} {:>25}\n",
            middle(&rate),
            middle(&cpu),
            with_interval(&faster),
            with_interval(&dearer)
        );
    }
    Ok(table)
}

/// Calls over a new server, socket and connection.
fn sample(cell: &Cell, size: Option<usize>) -> Result<Sample, Failure> {
    let directory = tempfile::tempdir()?;
    let endpoint: Endpoint = format!("unix:{}/buffer.sock", directory.path().display()).parse()?;
    let (mut listening, mut connecting) =
        (UnixListenOptions::new(), UnixConnectOptions::new(endpoint.clone()));
    if let Some(kib) = size {
        listening = listening.send_buffer(kib << 10);
        connecting = connecting.send_buffer(kib << 10);
    }
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (up, is_up) = std::sync::mpsc::channel();
    let server = thread::spawn(move || -> Result<(), Failure> {
        one_thread()?.block_on(async {
            let serving = Server::new().add(echo()).serve(listening.listen(&endpoint).await?);
            up.send(())?;
            tokio::select! {
                served = serving => Ok(served?),
                _ = stopped => Ok(()),
            }
        })
    });
    is_up.recv()?;
    let sample = one_thread()?.block_on(call(Channel::new(connecting), cell));
    drop(stop);
    server.join().map_err(|_| "the server panicked")??;
    sample
}

fn echo() -> Router {
    let mut router = Router::new();
    router.unary(&SAY, |request: Request<Bytes>| async { Ok(Response::new(request.into_message())) });
    router.server_streaming(
        &POUR,
        |request: Request<Bytes>, mut messages: MessageSender<Bytes>| async move {
            let message = request.into_message();
            loop {
                messages.send(message.clone()).await?;
            }
        },
    );
    router
}

async fn call(channel: Channel, cell: &Cell) -> Result<Sample, Failure> {
    let count = Arc::new(AtomicU64::new(0));
    let message = Bytes::from(vec![7; cell.message_len]);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..cell.in_flight {
        let (channel, count, message, method) =
            (channel.clone(), Arc::clone(&count), message.clone(), cell.method);
        match method.method_type() {
            MethodType::Unary => callers.spawn(async move {
                loop {
                    invoke::unary(&channel, method, message.clone().into()).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }),
            _ => callers.spawn(async move {
                let mut messages = invoke::server_streaming(&channel, method, message.into()).await?;
                while messages.recv().await?.is_some() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), Status>(())
            }),
        };
    }
    let measured = async {
        tokio::time::sleep(WARM_UP).await;
        let (start, cpu, before) = (Instant::now(), cpu_time(), count.load(Ordering::Relaxed));
        tokio::time::sleep(WINDOW).await;
        let messages = (count.load(Ordering::Relaxed) - before) as f64;
        Sample { rate: messages / start.elapsed().as_secs_f64(), cpu: (cpu_time() - cpu) * 1e6 / messages }
    };
    tokio::select! {
        sample = measured => Ok(sample),
        Some(ended) = callers.join_next() => match ended? {
            Ok(()) => Err("the stream ended".into()),
            Err(status) => Err(status.into()),
        },
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

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The median of sorted values.
fn middle(sorted: &[f64]) -> f64 {
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}

/// The median, and the order statistics between which it lies in 95 of 100 cases (the binomial's normal approximation).
fn with_interval(sorted: &[f64]) -> String {
    let len = sorted.len() as f64;
    let low = ((len - 1.96 * len.sqrt()) / 2.0).max(0.0) as usize;
    format!("{:.2} [{:.2}-{:.2}]", middle(sorted), sorted[low], sorted[sorted.len() - 1 - low])
}
