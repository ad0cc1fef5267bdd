//! The storm: 5,000 clients connect to one server at once, more than its backlog holds, and none may see an error.
//!
//! ```text
//! cargo bench --bench storm
//! ```
//!
//! The server is this very program, started again. Every client has a connection of its own and keeps it until all have
//! been served. How often a connect found the backlog full is counted below the channel, which is what retries it.

mod restart;

use std::{
    env, io,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{runtime::Builder, sync::Barrier, task::JoinSet};
use wirepath::{
    CallOptions, Channel, Endpoint, Status,
    transport::{BoxFuture, Connected, Connector},
};

use crate::restart::{SERVE, Sample, Spawned, raise_descriptor_limit, say, serve};

fn main() -> ExitCode {
    if let Some(path) = env::args().skip_while(|arg| arg != SERVE).nth(1) {
        return serve(&path);
    }
    raise_descriptor_limit();
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match runtime.block_on(storm()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("storm: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Lets the clients loose; gives the number of errors.
async fn storm() -> io::Result<usize> {
    let dir = tempfile::tempdir()?;
    let endpoint = Endpoint::Unix(dir.path().join("storm.sock"));
    let (_server, _) = Spawned::start(&endpoint)?;
    let (connector, full) = Counting::new(endpoint);
    let (start, end) = (Arc::new(Barrier::new(CLIENTS)), Arc::new(Barrier::new(CLIENTS)));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (connector, start, end) = (connector.clone(), Arc::clone(&start), Arc::clone(&end));
        clients.spawn(async move {
            start.wait().await;
            let (begun, channel) = (Instant::now(), Channel::new(connector));
            let called = say(&channel, CallOptions::new()).await.map(|()| begun.elapsed());
            // All connections are open at the same time.
            end.wait().await;
            called
        });
    }
    let begun = Instant::now();
    let called: Vec<Result<Duration, Status>> = clients.join_all().await;
    let took = begun.elapsed();
    let errors: Vec<&Status> = called.iter().filter_map(|called| called.as_ref().err()).collect();
    let sample = Sample::of(called.iter().flatten().copied());
    println!(
        "storm: {CLIENTS} clients at once, errors={}, backlog full {} times, all served in {} ms",
        errors.len(),
        full.load(Ordering::Relaxed),
        took.as_millis(),
    );
    println!("from the first connect to the answer: {}", sample.line());
    if let Some(status) = errors.first() {
        println!("the first error: {status}");
    }
    Ok(errors.len())
}

/// Counts the connects that found the backlog full.
#[derive(Clone, Debug)]
struct Counting {
    endpoint: Endpoint,
    full: Arc<AtomicU64>,
}

impl Counting {
    fn new(endpoint: Endpoint) -> (Self, Arc<AtomicU64>) {
        let full = Arc::default();
        (Self { endpoint, full: Arc::clone(&full) }, full)
    }
}

impl Connector for Counting {
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            let connected = self.endpoint.connect().await;
            if connected.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                self.full.fetch_add(1, Ordering::Relaxed);
            }
            connected
        })
    }

    fn endpoint(&self) -> String {
        Connector::endpoint(&self.endpoint)
    }

    fn is_local(&self) -> bool {
        self.endpoint.is_local()
    }
}

const CLIENTS: usize = 5_000;
