//! Section 2: where the bytes go, for each call shape.

use std::fmt::Write;

use super::Page;
use crate::audit::capture::CALLS;
use crate::audit::ledger::{Account, Column};

impl Page {
    /// Where the bytes go.
    pub(super) fn ledger(&mut self, columns: &[Column]) {
        self.heading("2  WHERE THE BYTES GO", "both directions over the socket, in bytes");
        self.prose(&format!(
            "Each byte captured is on one account. \"first\" is the first call with all that its connection cost to \
             open; \"next\" is call {CALLS}, when both HPACK tables know the fields."
        ));
        self.line("");
        let mut names = " ".repeat(LABEL);
        let mut heads = " ".repeat(LABEL);
        for column in columns {
            let _ = write!(names, "{:>16}", column.shape.method());
            let _ = write!(heads, "{:>8}{:>8}", "first", "next");
        }
        let kinds =
            columns.iter().fold(" ".repeat(LABEL), |line, column| format!("{line}{:>16}", short(column)));
        for line in [names, kinds, heads] {
            self.dim(&line);
        }
        for (place, (label, _, _)) in Account::default().items().into_iter().enumerate() {
            self.account(label, columns, |account| account.items()[place].2);
        }
        self.account("total", columns, Account::total);
        let mut more = format!("{:<LABEL$}", "more over tcp");
        for column in columns {
            for (tcp, unix) in [
                (column.tcp.first().total(), column.unix.first().total()),
                (column.tcp.further().total(), column.unix.further().total()),
            ] {
                let _ = write!(more, "{:>8}", signed(tcp as i64 - unix as i64));
            }
        }
        self.line(&more);
    }

    fn account(&mut self, label: &str, columns: &[Column], item: impl Fn(&Account) -> usize) {
        let mut line = format!("{label:<LABEL$}");
        for column in columns {
            let _ = write!(line, "{:>8}{:>8}", item(&column.unix.first()), item(&column.unix.further()));
        }
        let line = if label == "total" { self.paint.bold(&line) } else { line };
        self.line(&line);
    }
}

fn short(column: &Column) -> &'static str {
    match column.shape.kind() {
        "client streaming" => "client stream",
        "server streaming" => "server stream",
        kind => kind,
    }
}

fn signed(difference: i64) -> String {
    if difference == 0 { "0".to_owned() } else { format!("{difference:+}") }
}

/// Columns of an account's name.
const LABEL: usize = 32;
