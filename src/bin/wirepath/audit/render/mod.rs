//! The report as text of at most 100 columns, to be read from top to bottom by one who has never seen HTTP/2.

mod columns;
mod frames;
mod ledger;
mod paint;
mod rows;
mod sameness;

pub(crate) use paint::Paint;

use super::report::Report;
use columns::{Cell, lines};

/// The whole report.
pub(crate) fn text(report: &Report, paint: Paint) -> String {
    let mut page = Page { text: String::new(), paint };
    page.head(report);
    page.frames(&report.frames);
    page.ledger(&report.ledger);
    page.rows(report);
    page.sameness(&report.sameness);
    page.text
}

struct Page {
    text: String,
    paint: Paint,
}

impl Page {
    fn head(&mut self, report: &Report) {
        let machine = &report.machine;
        let left = format!(
            "wirepath audit   {}, {} cores, wirepath {}",
            machine.kernel,
            machine.cores,
            env!("CARGO_PKG_VERSION")
        );
        let right = format!("server pid {}, client pid {}", report.addresses.pid, std::process::id());
        self.line(&spread(&left, &right));
        self.line("");
        self.prose(&format!(
            "Real gRPC calls between two processes, over the socket {} and over tcp:{}, read below HTTP/2.",
            report.addresses.socket.display(),
            report.addresses.tcp
        ));
    }

    fn heading(&mut self, title: &str, note: &str) {
        self.line("");
        let line = self.paint.bold(&spread(title, note));
        self.line(&line);
    }

    fn prose(&mut self, text: &str) {
        for line in lines(&[Cell::gap(2), Cell::new(text, WIDTH - 3)]) {
            self.line(&line);
        }
    }

    fn dim(&mut self, line: &str) {
        let line = self.paint.dim(line);
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

/// The first text at the left margin, the second at the right.
fn spread(left: &str, right: &str) -> String {
    let gap = WIDTH.saturating_sub(left.chars().count() + right.chars().count()).max(2);
    format!("{left}{}{right}", " ".repeat(gap))
}

/// Columns of a page.
const WIDTH: usize = 100;
