//! What storm and come-back share: a server as a process of its own, one small call, and the sample of their times.

use std::{
    env,
    io::{self, BufRead, BufReader},
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use bytes::Bytes;
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};
use tokio::runtime::Builder;
use wirepath::{
    CallOptions, Channel, Endpoint, Request, Response, Router, Server, Status,
    call::{MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
};

/// The argument that makes this program the server at the path that follows.
pub(crate) const SERVE: &str = "serve-at";

/// Serves until it is killed.
pub(crate) fn serve(path: &str) -> ExitCode {
    raise_descriptor_limit();
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let served: io::Result<()> = runtime.block_on(async {
        let listener = Endpoint::Unix(path.into()).listen().await?;
        println!("{}", monotonic().as_nanos());
        let mut router = Router::new();
        router.unary(&SAY, echo);
        Server::new().add(router).serve(listener).await
    });
    eprintln!("server: {served:?}");
    ExitCode::FAILURE
}

async fn echo(request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
    Ok(request.into_message().into())
}

/// One call, of half a minute at most.
pub(crate) async fn say(channel: &Channel, options: CallOptions) -> Result<(), Status> {
    let options = options.timeout(Duration::from_secs(30));
    let request = Request::new(Bytes::from_static(b"hi")).with_options(options);
    invoke::unary(channel, &SAY, request).await.map(|_| ())
}

/// A server process; it is killed with this value.
pub(crate) struct Spawned {
    child: Child,
}

impl Spawned {
    /// Starts a server, and waits until it listens; says since when, by the clock of [`monotonic`].
    pub(crate) fn start(endpoint: &Endpoint) -> io::Result<(Self, Duration)> {
        let Endpoint::Unix(path) = endpoint else { return Err(io::ErrorKind::Unsupported.into()) };
        let mut child =
            Command::new(env::current_exe()?).arg(SERVE).arg(path).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let nanos = line.trim().parse().map_err(|_| io::Error::other("the server did not start"))?;
        Ok((Self { child }, Duration::from_nanos(nanos)))
    }

    /// Kills it, as a crash does.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The machine's clock, the same in all processes.
pub(crate) fn monotonic() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// As many descriptors as the system lets this process have.
pub(crate) fn raise_descriptor_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Times in order.
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    pub(crate) fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort();
        Self(times)
    }

    /// p50, p99 and the longest, in milliseconds.
    pub(crate) fn line(&self) -> String {
        let at = |share: f64| {
            let index = (self.0.len() as f64 * share) as usize;
            self.0.get(index.min(self.0.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        format!("p50={:.1} ms p99={:.1} ms max={:.1} ms", at(0.5), at(0.99), at(1.0))
    }
}

const SAY: MethodDescriptor<Bytes, Bytes> =
    MethodDescriptor::new("/bench.Echo/Say", MethodType::Unary, Codec::RAW, Codec::RAW);
