//! The report as one JSON document.

use serde_json::{Map, Value, json};

use super::frames::{Detail, FieldView, FrameView, Size};
use super::ledger::{Account, Column, Ledger};
use super::report::{Report, TitledRow};
use super::row::Verdict;
use super::sameness::{Comparison, Likeness};

/// The whole document; rows as `{"row","name","tcp","unix","experiment","verdict"}`, with a `reason` where not proved.
pub(crate) fn document(report: &Report) -> Value {
    let (proved, differ, not_here) = report.tally();
    json!({
        "v": 1,
        "wirepath": env!("CARGO_PKG_VERSION"),
        "kernel": report.machine.kernel,
        "cores": report.machine.cores,
        "server": { "pid": report.addresses.pid, "unix": report.addresses.unix_endpoint().to_string(),
                    "tcp": report.addresses.tcp_endpoint().to_string() },
        "client": { "pid": std::process::id() },
        "frames": report.frames.iter().map(frame).collect::<Vec<_>>(),
        "ledger": report.ledger.iter().map(column).collect::<Vec<_>>(),
        "rows": report.rows.iter().map(row).collect::<Vec<_>>(),
        "verdicts": { "proved": proved, "differs": differ, "not here": not_here },
        "sameness": report.sameness.iter().map(comparison).collect::<Vec<_>>(),
    })
}

fn frame(view: &FrameView) -> Value {
    json!({
        "from": view.direction.sender(),
        "offset": view.offset,
        "frame": view.title,
        "purpose": view.purpose,
        "unix": view.unix.map(size),
        "tcp": view.tcp.map(size),
        "equal": view.equal,
        "details": view.details.iter().map(detail).collect::<Vec<_>>(),
    })
}

fn size(size: Size) -> Value {
    json!({ "head": size.head, "payload": size.payload })
}

fn detail(detail: &Detail) -> Value {
    match detail {
        Detail::Note(note) => json!({ "note": note }),
        Detail::Field { name, unix, tcp } => {
            json!({ "field": name, "unix": field(unix), "tcp": field(tcp.as_ref().unwrap_or(unix)), "equal": tcp.is_none() })
        }
        Detail::Prefix { note } => json!({ "prefix": note }),
        Detail::Message { len, text } => json!({ "message": text, "bytes": len }),
    }
}

fn field(view: &FieldView) -> Value {
    json!({ "value": view.value, "bytes": view.bytes, "how": view.how })
}

fn column(column: &Column) -> Value {
    json!({
        "method": column.shape.method(),
        "shape": column.shape.kind(),
        "unix": ledger(&column.unix),
        "tcp": ledger(&column.tcp),
    })
}

fn ledger(ledger: &Ledger) -> Value {
    json!({
        "connection": account(&ledger.connection),
        "calls": ledger.calls.iter().map(account).collect::<Vec<_>>(),
        "first_call": account(&ledger.first()),
        "further_call": account(&ledger.further()),
        "unread": ledger.unread,
        "captured": ledger.total() + ledger.unread,
    })
}

fn account(account: &Account) -> Value {
    let mut items: Map<String, Value> =
        account.items().iter().map(|(_, key, bytes)| ((*key).to_owned(), json!(bytes))).collect();
    items.insert("total".to_owned(), json!(account.total()));
    Value::Object(items)
}

fn row(titled: &TitledRow) -> Value {
    let row = &titled.row;
    let mut value = json!({
        "row": row.row,
        "name": row.name,
        "title": titled.title,
        "tcp": row.tcp,
        "unix": row.unix,
        "experiment": row.experiment,
        "verdict": row.verdict.word(),
    });
    if let Verdict::Differs(reason) | Verdict::NotHere(reason) = &row.verdict {
        value["reason"] = json!(reason);
    }
    value
}

fn comparison(comparison: &Comparison) -> Value {
    json!({
        "method": comparison.shape.method(),
        "from": comparison.direction.sender(),
        "unix_bytes": comparison.unix,
        "tcp_bytes": comparison.tcp,
        "own_authority": likeness(&comparison.own_authority),
        "same_authority": likeness(&comparison.same_authority),
    })
}

fn likeness(likeness: &Likeness) -> Value {
    json!({ "equal": likeness.holds(), "how": likeness.to_string() })
}
