//! All that an audit found out, before it is text or JSON.

use wirepath::tap::Direction;

use super::capture::{Capture, Route, Shape};
use super::describe::Describer;
use super::frames::{FrameView, side_by_side};
use super::ledger::{Column, Ledger};
use super::row::{Row, Verdict};
use super::rows::RequestFields;
use super::sameness::{Comparison, compare};
use super::second::Addresses;
use super::steps::steps;

/// The document.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) addresses: Addresses,
    pub(crate) frames: Vec<FrameView>,
    pub(crate) ledger: Vec<Column>,
    pub(crate) rows: Vec<TitledRow>,
    pub(crate) sameness: Vec<Comparison>,
}

/// A row with the words that name it.
#[derive(Debug)]
pub(crate) struct TitledRow {
    pub(crate) title: &'static str,
    pub(crate) row: Row,
}

/// Where the audit ran.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) kernel: String,
    pub(crate) cores: usize,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let uname = rustix::system::uname();
        let kernel = format!("{} {}", uname.sysname().to_string_lossy(), uname.release().to_string_lossy());
        Machine { kernel, cores: std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

/// The same calls of one shape over the three routes.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) shape: Shape,
    pub(crate) unix: Capture,
    pub(crate) tcp: Capture,
    pub(crate) tcp_as_localhost: Capture,
}

impl Captured {
    /// Captures a shape over the three routes.
    ///
    /// Where an acknowledgement of SETTINGS falls among a call's frames is a matter of time. Captures that differ by it
    /// are taken again, up to [`TAKES`] times, until each route has one that was timed alike; else the last are kept.
    pub(crate) fn settled<E>(
        shape: Shape,
        mut capture: impl FnMut(Route) -> Result<Capture, E>,
    ) -> Result<Self, E> {
        let mut takes: Vec<Captured> = Vec::new();
        loop {
            let (unix, tcp) = (capture(Route::Unix)?, capture(Route::Tcp)?);
            let last = Captured { shape, unix, tcp, tcp_as_localhost: capture(Route::TcpAsLocalhost)? };
            takes.push(last.clone());
            match timed_alike(&takes) {
                Some(captured) => return Ok(captured),
                None if takes.len() == TAKES => return Ok(last),
                None => {}
            }
        }
    }

    pub(crate) fn column(&self) -> Column {
        Column { shape: self.shape, unix: Ledger::of(&self.unix), tcp: Ledger::of(&self.tcp) }
    }

    pub(crate) fn comparisons(&self) -> impl Iterator<Item = Comparison> + '_ {
        Direction::BOTH.into_iter().map(|direction| Comparison {
            shape: self.shape,
            direction,
            unix: self.unix.bytes(direction).len(),
            tcp: self.tcp.bytes(direction).len(),
            own_authority: compare(&self.unix, &self.tcp, direction),
            same_authority: compare(&self.unix, &self.tcp_as_localhost, direction),
        })
    }

    pub(crate) fn frames(&self) -> Vec<FrameView> {
        side_by_side(&self.unix, &self.tcp, &Describer::new())
    }

    /// What the first call of the shape sent over each transport.
    pub(crate) fn request_fields(&self) -> RequestFields {
        RequestFields { tcp: request_fields(&self.tcp), unix: request_fields(&self.unix) }
    }
}

impl Report {
    /// How many rows have each verdict: proved, differ, not here.
    pub(crate) fn tally(&self) -> (usize, usize, usize) {
        let mut tally = (0, 0, 0);
        for titled in &self.rows {
            match titled.row.verdict {
                Verdict::Proved => tally.0 += 1,
                Verdict::Differs(_) => tally.1 += 1,
                Verdict::NotHere(_) => tally.2 += 1,
            }
        }
        tally
    }

    /// No row differs from its claim, and HTTP/2 was the same.
    pub(crate) fn holds(&self) -> bool {
        let same = |one: &Comparison| one.own_authority.holds() && one.same_authority.holds();
        self.tally().1 == 0 && self.sameness.iter().all(same)
    }
}

/// Of all takes, captures of the three routes that differ by nothing that is a matter of time.
fn timed_alike(takes: &[Captured]) -> Option<Captured> {
    let alike = |one: &Capture, other: &Capture| {
        Direction::BOTH.into_iter().all(|direction| !compare(one, other, direction).is_a_matter_of_time())
    };
    takes.iter().find_map(|Captured { shape, unix, .. }| {
        let tcp = takes.iter().map(|take| &take.tcp).find(|tcp| alike(unix, tcp))?;
        let tcp_as_localhost =
            takes.iter().map(|take| &take.tcp_as_localhost).find(|tcp| alike(unix, tcp))?;
        let (unix, tcp, tcp_as_localhost) = (unix.clone(), tcp.clone(), tcp_as_localhost.clone());
        Some(Captured { shape: *shape, unix, tcp, tcp_as_localhost })
    })
}

fn request_fields(capture: &Capture) -> Vec<(String, String)> {
    let steps = steps(&capture.events);
    let block = steps.iter().find_map(|step| step.block).into_iter();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    block.flat_map(|block| &block.fields).map(|field| (text(&field.name), text(&field.value))).collect()
}

/// How often captures are taken that differ by time alone.
const TAKES: usize = 8;
