//! Section 3: what the socket replaces, a row for each experiment.

use super::columns::{Cell, lines};
use super::{Page, WIDTH};
use crate::audit::report::{Report, TitledRow};
use crate::audit::row::Verdict;

impl Page {
    /// What the socket replaces.
    pub(super) fn rows(&mut self, report: &Report) {
        let (proved, differ, not_here) = report.tally();
        let tally = format!("{proved} proved   {differ} differ   {not_here} not here");
        self.heading("3  WHAT THE SOCKET REPLACES", &tally);
        self.line("");
        for line in lines(&row_cells("", "row", "tcp", "unix", "tried by")) {
            self.dim(&line);
        }
        for TitledRow { title, row } in &report.rows {
            let mark = match row.verdict {
                Verdict::Proved => "ok",
                Verdict::Differs(_) => "!!",
                Verdict::NotHere(_) => "--",
            };
            for line in lines(&row_cells(mark, title, &row.tcp, &row.unix, &row.experiment)) {
                self.line(&line);
            }
            if row.verdict != Verdict::Proved {
                let verdict = row.verdict.to_string();
                for line in lines(&[Cell::gap(2), Cell::new(&verdict, WIDTH - 3)]) {
                    let line = self.paint.differs(&line);
                    self.line(&line);
                }
            }
        }
    }
}

fn row_cells<'a>(
    mark: &'a str,
    title: &'a str,
    tcp: &'a str,
    unix: &'a str,
    tried: &'a str,
) -> [Cell<'a>; 5] {
    [Cell::new(mark, 2), Cell::new(title, 18), Cell::new(tcp, 25), Cell::new(unix, 25), Cell::new(tried, 26)]
}
