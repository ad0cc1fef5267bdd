//! The come-back: a server is killed and started again, and its clients are measured from its `listen` to their answer.
//!
//! ```text
//! cargo bench --bench comeback
//! ```
//!
//! The calls wait for their server (wait-for-ready), each on a channel of its own. After a short outage they try every
//! 10 ms, after a long one every 15 ms; what the waiting costs is printed as processor time per second and channel.

mod restart;

use std::{
    env, io,
    process::ExitCode,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tokio::{runtime::Builder, task::JoinSet};
use wirepath::{CallOptions, Channel, Endpoint, Status};

use crate::restart::{SERVE, Sample, Spawned, monotonic, say, serve};

fn main() -> ExitCode {
    if let Some(path) = env::args().skip_while(|arg| arg != SERVE).nth(1) {
        return serve(&path);
    }
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match runtime.block_on(comeback()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("comeback: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn comeback() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut scene = Scene::new(Endpoint::Unix(dir.path().join("comeback.sock")))?;
    for (rounds, outage) in [(40, Duration::from_millis(200)), (2, Duration::from_secs(12))] {
        let (mut all, mut waited, mut spent) = (Vec::new(), Duration::ZERO, Duration::ZERO);
        for _ in 0..rounds {
            let round = scene.round(outage).await?;
            all.extend(round.back);
            waited += outage;
            spent += round.spent;
        }
        let per_channel = spent.as_secs_f64() / waited.as_secs_f64() / CHANNELS as f64;
        println!(
            "outage of {outage:?}, {rounds} times, {CHANNELS} channels: from listen to the first answer {}",
            Sample::of(all).line()
        );
        println!("  waiting cost {:.0} us of processor time per second and channel", per_channel * 1e6);
    }
    Ok(())
}

/// A server and the channels to it.
struct Scene {
    endpoint: Endpoint,
    server: Spawned,
    channels: Vec<Channel>,
}

/// What one restart showed.
struct Round {
    back: Vec<Duration>,
    spent: Duration,
}

impl Scene {
    fn new(endpoint: Endpoint) -> io::Result<Self> {
        let (server, _) = Spawned::start(&endpoint)?;
        let channels = (0..CHANNELS).map(|_| Channel::new(endpoint.clone())).collect();
        Ok(Self { endpoint, server, channels })
    }

    /// Kills the server, and starts it again while the calls wait.
    async fn round(&mut self, outage: Duration) -> io::Result<Round> {
        for channel in &self.channels {
            say(channel, patient()).await.map_err(failed)?;
        }
        self.server.kill();
        let mut calls = JoinSet::new();
        for channel in self.channels.clone() {
            calls.spawn(async move { back(&channel).await });
        }
        let before = processor_time();
        tokio::time::sleep(outage).await;
        let spent = processor_time().saturating_sub(before);
        let (server, listened) = Spawned::start(&self.endpoint)?;
        self.server = server;
        let mut round = Round { back: Vec::new(), spent };
        for call in calls.join_all().await {
            round.back.push(call.map_err(failed)?.saturating_sub(listened));
        }
        Ok(round)
    }
}

/// When a call that waits for its server was answered. One that a dying server took with it is made anew, as its status
/// asks for.
async fn back(channel: &Channel) -> Result<Duration, Status> {
    let begun = Instant::now();
    loop {
        match say(channel, patient()).await {
            Ok(()) => return Ok(monotonic()),
            // The server died with it.
            Err(status) if status.code() == wirepath::Code::Unavailable && begun.elapsed() < KILLED => {}
            Err(status) => return Err(status),
        }
    }
}

fn patient() -> CallOptions {
    CallOptions::new().wait_for_ready(true)
}

fn failed(status: Status) -> io::Error {
    io::Error::other(format!("a call failed: {status}"))
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

const CHANNELS: usize = 10;

// A call that was on its way when the server was killed may fail; one that began to wait may not.
const KILLED: Duration = Duration::from_millis(100);
