//! `wirepath audit`: real gRPC calls between two processes, over a Unix socket and over TCP, laid open.
//!
//! One thread works; the main thread waits for it or for a signal, and then takes the stage down: the server's process and
//! the directory with all sockets. Nothing is left behind either way.

mod capture;
mod describe;
mod frames;
mod json;
mod ledger;
mod load;
mod place;
mod progress;
mod render;
mod report;
mod row;
mod rows;
mod sameness;
mod second;
mod stage;
mod steps;

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::ValueEnum;
use tokio::runtime::Runtime;
use wirepath::Status;

use self::capture::{Shape, capture};
use self::load::LoadClient;
use self::progress::Progress;
use self::report::{Captured, Machine, Report, TitledRow};
use self::rows::{Bench, EXPERIMENTS, Experiment};
use self::second::Addresses;
use self::stage::Stage;
use crate::failure::Failure;
use crate::signals::Signals;

pub(crate) use self::rows::hold_stdin;

/// Lay real gRPC calls open byte by byte, and prove what a Unix socket replaces
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Where to write it instead of standard output, which - is
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Make only these experiments, by name; an unknown name lists them all
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    rows: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Makes the audit. Exit status 0: each row is proved or not here, and HTTP/2 was the same; 3: one differs, or it was not.
pub(crate) fn run(mut args: Args) -> Result<ExitCode, Failure> {
    args.out = args.out.filter(|out| out.as_os_str() != "-");
    let experiments = chosen(&args.rows)?;
    if let Some(out) = &args.out {
        check_out(out)?;
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::explained)?;
    let report = runtime.block_on(perform(experiments));
    // An experiment that was interrupted cannot be waited for.
    runtime.shutdown_background();
    let report = report?;
    print(&report, &args)?;
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(ONE_DIFFERS) })
}

/// Runs the work on a thread of its own, until it is done or a signal comes.
async fn perform(experiments: Vec<&'static Experiment>) -> Result<Report, Failure> {
    let mut signals = Signals::install().map_err(Failure::explained)?;
    let stage = Stage::set().map_err(|error| Failure::failed("temporary directory", error, "set TMPDIR"))?;
    let work = {
        let stage = stage.clone();
        tokio::task::spawn_blocking(move || audit(&stage, &experiments))
    };
    tokio::select! {
        signal = signals.next() => {
            stage.strike();
            progress::wipe();
            Err(Failure::interrupted(signal))
        }
        report = work => {
            stage.strike();
            report.unwrap_or_else(|panic| Err(Failure::explained(panic)))
        }
    }
}

fn audit(stage: &Stage, experiments: &[&'static Experiment]) -> Result<Report, Failure> {
    let progress = Progress::start();
    progress.show("starting the server");
    let addresses = stage.start_server().map_err(|error| Failure::failed("server", error, "try again"))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::explained)?;
    let captured = capture_all(&runtime, &addresses, &progress)?;
    let calls = LoadClient::new(&runtime, &addresses);
    let bench = Bench::new(stage.directory(), hold_command).with_calls(&calls);
    let bench = match captured.first() {
        Some(unary) => bench.with_fields(unary.request_fields()),
        None => bench,
    };
    let mut rows = Vec::with_capacity(experiments.len());
    for experiment in experiments {
        progress.show(&format!(
            "experiment {} of {}: {}",
            rows.len() + 1,
            experiments.len(),
            experiment.title
        ));
        rows.push(TitledRow { title: experiment.title, row: experiment.row(&bench) });
    }
    Ok(Report {
        machine: Machine::here(),
        addresses,
        frames: captured.first().map(Captured::frames).unwrap_or_default(),
        ledger: captured.iter().map(Captured::column).collect(),
        rows,
        sameness: captured.iter().flat_map(Captured::comparisons).collect(),
    })
}

fn capture_all(
    runtime: &Runtime,
    addresses: &Addresses,
    progress: &Progress,
) -> Result<Vec<Captured>, Failure> {
    let capture = |route, shape| {
        runtime.block_on(async {
            match tokio::time::timeout(PATIENCE, capture(addresses, route, shape)).await {
                Ok(captured) => captured,
                Err(_) => Err(Status::deadline_exceeded(format!("no answer in {PATIENCE:?}"))),
            }
        })
    };
    let settled = |shape: Shape| {
        progress.show(&format!("calling {} over both transports", shape.method()));
        Captured::settled(shape, |route| capture(route, shape))
    };
    let all = Shape::ALL.into_iter().map(settled).collect::<Result<Vec<_>, Status>>();
    all.map_err(|status| match loopback_is_down() {
        true => Failure::failed("tcp:127.0.0.1", "the loopback device is down", "run `ip link set lo up`"),
        false => Failure::failed("calls to the second process", status, "try again"),
    })
}

/// Whether 127.0.0.1 cannot be reached, as in a fresh network namespace.
fn loopback_is_down() -> bool {
    let reached = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| {
        // Connecting a datagram socket looks the route up and sends nothing.
        socket.connect((Ipv4Addr::LOCALHOST, 9))
    });
    reached.is_err_and(|error| error.kind() == io::ErrorKind::NetworkUnreachable)
}

/// The experiments of these names, or all, in the order of the table.
fn chosen(names: &[String]) -> Result<Vec<&'static Experiment>, Failure> {
    let names: Vec<_> = names.iter().map(|name| name.trim()).collect();
    for name in &names {
        if !EXPERIMENTS.iter().any(|experiment| experiment.name == *name) {
            let known: Vec<_> = EXPERIMENTS.iter().map(|experiment| experiment.name).collect();
            let way_out = format!("the rows are {}", known.join(", "));
            return Err(match *name {
                "" => Failure::usage("--rows", "has an empty name", &way_out),
                name => Failure::usage(format_args!("--rows {name}"), "no such row", &way_out),
            });
        }
    }
    let is_chosen = |experiment: &&Experiment| names.is_empty() || names.contains(&experiment.name);
    Ok(EXPERIMENTS.iter().filter(is_chosen).collect())
}

/// Finds out before the work whether its result can be written.
fn check_out(out: &Path) -> Result<(), Failure> {
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let input = format!("--out {}", out.display());
    if !parent.is_dir() {
        return Err(Failure::usage(input, "its directory does not exist", "make it, or name another file"));
    }
    if out.is_dir() {
        return Err(Failure::usage(input, "is a directory", "name a file in it"));
    }
    let written = if out.exists() { out } else { parent };
    rustix::fs::access(written, rustix::fs::Access::WRITE_OK)
        .map_err(|error| Failure::usage(input, error, "name a file that you may write"))
}

fn print(report: &Report, args: &Args) -> Result<(), Failure> {
    let is_terminal = args.out.is_none() && io::stdout().is_terminal();
    let text = match args.format {
        Format::Text => render::text(report, render::Paint::for_output(is_terminal)),
        Format::Json => format!("{:#}\n", json::document(report)),
    };
    match &args.out {
        Some(out) => std::fs::write(out, text).map_err(|error| {
            Failure::failed(format_args!("--out {}", out.display()), error, "name another file")
        }),
        None => match io::stdout().lock().write_all(text.as_bytes()) {
            // The reader has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::failed("standard output", error, "use --out FILE")),
            Ok(()) => Ok(()),
        },
    }
}

/// This program as the process that an experiment stops and kills.
fn hold_command() -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(HOLD);
    Ok(command)
}

/// The hidden command that runs [`hold_stdin`].
pub(crate) const HOLD: &str = "audit-hold-stdin";

/// A row differs from its claim, or the transports carried different bytes.
const ONE_DIFFERS: u8 = 3;

/// For the calls of one capture, which take milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
