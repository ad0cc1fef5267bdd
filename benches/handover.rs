//! The handover: server processes that take one path over from each other, while clients call without a pause.
//!
//! ```text
//! cargo bench --bench handover
//! cargo bench --bench handover -- --handovers 100
//! ```
//!
//! Each server is this very program, started again: it takes the path over, says so, serves until its stdin ends, and
//! drains. Its successor stands before it is told to end. Some clients keep a channel each, others make a new one for
//! every call. The command fails if a call failed, or a server did not end well.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use wirepath::call::{MethodDescriptor, MethodType};
use wirepath::client::invoke;
use wirepath::codec::Codec;
use wirepath::transport::UnixListenOptions;
use wirepath::{Channel, Endpoint, Request, Response, Router, Server, Status};

const SAY: MethodDescriptor<Bytes, Bytes> =
    MethodDescriptor::new("/handover.Echo/Say", MethodType::Unary, Codec::RAW, Codec::RAW);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        [SERVE, path] => serve(Path::new(path)).await,
        [] => hand_over(HANDOVERS).await,
        ["--handovers", count] => match count.parse() {
            Ok(count) => hand_over(count).await,
            Err(_) => Err(format!("--handovers {count}: not a number").into()),
        },
        _ => Err("usage: handover [--handovers COUNT]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("handover: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// One server of the chain.
async fn serve(path: &Path) -> Result<(), Failure> {
    let listener = UnixListenOptions::new().take_over().listen(&Endpoint::Unix(path.into())).await?;
    println!("listening");
    let mut echo = Router::new();
    echo.unary(&SAY, |request: Request<_>| async { Ok(Response::new(request.into_message())) });
    let wanted = async {
        // However it ends, nobody wants this server any longer.
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    };
    Server::new().add(echo).serve_with_shutdown([listener], wanted).await?;
    // A read of stdin cannot be cancelled; the process ends without it.
    std::process::exit(0)
}

/// The chain, under load.
async fn hand_over(handovers: u32) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("handover.sock");
    let mut server = start(&path).await?;
    let tally = Tally::default();
    let mut callers = JoinSet::new();
    for at in 0..CALLERS {
        let keeping = (at % 2 == 0).then(|| Channel::new(Endpoint::Unix(path.clone())));
        callers.spawn(call_on_and_on(path.clone(), keeping, tally.clone()));
    }
    let (begun, mut drains) = (Instant::now(), JoinSet::new());
    for _ in 0..handovers {
        let served = tally.called();
        let successor = start(&path).await?;
        drains.spawn(end(std::mem::replace(&mut server, successor)));
        // Each server has calls to serve before it goes.
        while tally.called() < served + CALLS_PER_SERVER {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let taken = begun.elapsed();
    callers.shutdown().await;
    drains.spawn(end(server));
    let mut longest_drain = Duration::ZERO;
    while let Some(ended) = drains.join_next().await {
        longest_drain = longest_drain.max(ended??);
    }
    let left = std::fs::read_dir(directory.path())?.count();
    report(handovers, taken, longest_drain, &tally);
    match (tally.failed(), left) {
        (0, 0) => Ok(()),
        (0, left) => Err(format!("{left} files are left in the directory").into()),
        (failed, _) => Err(format!("{failed} calls failed").into()),
    }
}

/// Starts a server and waits until the path is its own.
async fn start(path: &Path) -> io::Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(SERVE).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    match BufReader::new(stdout).lines().next_line().await? {
        Some(_) => Ok(child),
        None => Err(io::Error::other(format!("a server did not start: {}", child.wait().await?))),
    }
}

/// Tells a server to end, and gives the time that its drain took.
async fn end(mut server: Child) -> Result<Duration, Failure> {
    let told = Instant::now();
    drop(server.stdin.take());
    let status = tokio::time::timeout(PATIENCE, server.wait()).await.map_err(|_| "a drain hangs")??;
    if status.success() { Ok(told.elapsed()) } else { Err(format!("a server ended with {status}").into()) }
}

/// Calls by a channel that is kept, or by a new one for each call.
async fn call_on_and_on(path: PathBuf, keeping: Option<Channel>, tally: Tally) {
    loop {
        let channel = keeping.clone().unwrap_or_else(|| Channel::new(Endpoint::Unix(path.clone())));
        let begun = Instant::now();
        let request = Request::new(Bytes::from_static(b"who serves me"));
        let outcome = invoke::unary(&channel, &SAY, request).await;
        tally.count(begun.elapsed(), outcome.map(drop));
    }
}

/// What has become of the calls.
#[derive(Clone, Default)]
struct Tally(Arc<Calls>);

#[derive(Default)]
struct Calls {
    called: AtomicU64,
    longest_us: AtomicU64,
    failures: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    fn count(&self, taken: Duration, outcome: Result<(), Status>) {
        self.0.called.fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
        self.0.longest_us.fetch_max(us, Ordering::Relaxed);
        if let Err(status) = outcome {
            let mut failures = self.0.failures.lock().unwrap_or_else(PoisonError::into_inner);
            *failures.entry(status.to_string()).or_default() += 1;
        }
    }

    fn called(&self) -> u64 {
        self.0.called.load(Ordering::Relaxed)
    }

    fn failed(&self) -> u64 {
        self.0.failures.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

fn report(handovers: u32, taken: Duration, longest_drain: Duration, tally: &Tally) {
    let longest = Duration::from_micros(tally.0.longest_us.load(Ordering::Relaxed));
    println!("handovers       {handovers} in {:.1} s", taken.as_secs_f64());
    println!("calls           {}, {} failed", tally.called(), tally.failed());
    println!("longest call    {:.1} ms", longest.as_secs_f64() * 1e3);
    println!("longest drain   {:.1} ms", longest_drain.as_secs_f64() * 1e3);
    for (status, count) in &*tally.0.failures.lock().unwrap_or_else(PoisonError::into_inner) {
        println!("failed          {count} x {status}");
    }
}

const SERVE: &str = "--serve";

const HANDOVERS: u32 = 1_000;

/// Calls in flight.
const CALLERS: usize = 8;

const CALLS_PER_SERVER: u64 = 50;

/// More than the grace of a drain.
const PATIENCE: Duration = Duration::from_secs(60);
