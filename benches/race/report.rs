//! What the race tells: a table for people, JSON Lines for programs. A lost cell reads like a won one.

use std::io::{self, Write};

use super::Duel;
use super::statistics::Summary;
use crate::load::cell::{Cell, Shape};
use crate::load::sample::Sample;

/// How results are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A block of rows for each cell.
    Table,
    /// One object for each cell and peer.
    Json,
}

/// Writes each cell when it is complete.
#[derive(Debug)]
pub(crate) struct Report<W> {
    out: W,
    format: Format,
}

impl<W: Write> Report<W> {
    /// Opens the report.
    pub(crate) fn new(mut out: W, format: Format, rounds: usize) -> io::Result<Self> {
        if format == Format::Table {
            writeln!(
                out,
                "ratio: wirepath's rate over the peer's, median of {rounds} paired runs [least-greatest]; CPU: µs for one call or message"
            )?;
        }
        Ok(Self { out, format })
    }

    /// Adds a cell.
    pub(crate) fn cell(&mut self, cell: &Cell, duels: &[Duel]) -> io::Result<()> {
        match self.format {
            Format::Table => self.table(cell, duels)?,
            Format::Json => self.json(cell, duels)?,
        }
        self.out.flush()
    }

    fn table(&mut self, cell: &Cell, duels: &[Duel]) -> io::Result<()> {
        let rate = match cell.shape {
            Shape::Unary => "calls/s",
            Shape::ServerStream => "messages/s",
        };
        writeln!(
            self.out,
            "\n{:<26} {rate:>11} {:>7} {:<16} {:>10} {:>10}",
            cell.name, "ratio", "", "client CPU", "server CPU"
        )?;
        let ours: Vec<Sample> = duels.iter().flat_map(|duel| &duel.pairs).map(|pair| pair.ours).collect();
        self.row("wirepath", &ours, None)?;
        for duel in duels {
            let theirs: Vec<Sample> = duel.pairs.iter().map(|pair| pair.theirs).collect();
            self.row(duel.peer, &theirs, Some(duel.ratio()))?;
        }
        Ok(())
    }

    fn row(&mut self, name: &str, samples: &[Sample], ratio: Option<Summary>) -> io::Result<()> {
        let median = |value: fn(&Sample) -> f64| Summary::of(samples.iter().map(value)).median;
        let (ratio, interval) = match ratio {
            Some(Summary { low, median, high }) => {
                (figure(median), format!("[{}-{}]", figure(low), figure(high)))
            }
            None => (String::new(), String::new()),
        };
        writeln!(
            self.out,
            "  {name:<24} {:>11.0} {ratio:>7} {interval:<16} {:>10} {:>10}",
            median(|sample| sample.rate),
            figure(median(|sample| sample.client_cpu)),
            figure(median(|sample| sample.server_cpu)),
        )
    }

    /// Names of cells and peers hold nothing that JSON would have escaped.
    fn json(&mut self, cell: &Cell, duels: &[Duel]) -> io::Result<()> {
        for duel in duels {
            let Summary { low, median, high } = duel.ratio();
            writeln!(
                self.out,
                r#"{{"cell":"{}","peer":"{}","ratio":{},"low":{},"high":{},"rounds":{}}}"#,
                cell.name,
                duel.peer,
                figure(median),
                figure(low),
                figure(high),
                duel.pairs.len()
            )?;
        }
        Ok(())
    }
}

impl Duel {
    fn ratio(&self) -> Summary {
        Summary::of(self.pairs.iter().map(|pair| pair.ours.rate / pair.theirs.rate))
    }
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value {
        value if value.is_nan() => "?".into(),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        0.1.. => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}
