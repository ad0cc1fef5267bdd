//! One measurement of one client and server: how it is taken, and the line by which it travels to the bench.

use std::fmt;
use std::process;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::{Received, cpu};

/// Before the window opens: connections settle, buffers and tables grow to their size.
const WARM_UP: Duration = Duration::from_millis(120);
/// How long messages are counted.
const WINDOW: Duration = Duration::from_millis(550);

/// What one window of one peer gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Calls, or messages of a stream, per second.
    pub(crate) rate: f64,
    /// CPU time of the client for one of them, in microseconds; NaN where the system does not tell.
    pub(crate) client_cpu: f64,
    /// The same of the server.
    pub(crate) server_cpu: f64,
}

/// Warms up, then counts for one window.
pub(crate) async fn take(received: &Received, server: u32) -> Sample {
    tokio::time::sleep(WARM_UP).await;
    let (client_before, server_before) = (cpu::time_of(process::id()), cpu::time_of(server));
    let (opened, received_before) = (Instant::now(), received.total());
    tokio::time::sleep(WINDOW).await;
    let (open, messages) = (opened.elapsed(), received.total() - received_before);
    let (client_after, server_after) = (cpu::time_of(process::id()), cpu::time_of(server));

    let messages = messages as f64;
    Sample {
        rate: messages / open.as_secs_f64(),
        client_cpu: microseconds(client_before, client_after) / messages,
        server_cpu: microseconds(server_before, server_after) / messages,
    }
}

fn microseconds(before: Option<Duration>, after: Option<Duration>) -> f64 {
    match (before, after) {
        (Some(before), Some(after)) => after.saturating_sub(before).as_secs_f64() * 1e6,
        _ => f64::NAN,
    }
}

/// `RATE CLIENT_CPU SERVER_CPU`
impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rate, self.client_cpu, self.server_cpu)
    }
}

impl FromStr for Sample {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let numbers: Option<Vec<f64>> = line.split_whitespace().map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[rate, client_cpu, server_cpu]) if rate > 0.0 => Ok(Self { rate, client_cpu, server_cpu }),
            _ => Err(format!("not a sample: {line:?}")),
        }
    }
}
