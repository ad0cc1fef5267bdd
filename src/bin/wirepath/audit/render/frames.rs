//! Section 1: one call, frame by frame, the two transports side by side.

use std::fmt::Write;

use super::Page;
use super::columns::{Cell, lines};
use crate::audit::frames::{Detail, FieldView, FrameView, Size};

impl Page {
    /// One call, frame by frame.
    pub(super) fn frames(&mut self, frames: &[FrameView]) {
        self.heading(
            "1  ONE CALL, FRAME BY FRAME",
            "/wirepath.echo.v1.Echo/Say, first call of its connection",
        );
        self.prose(
            "-> goes from client to server, <- comes back. HTTP/2 sends frames: 9 bytes of head and a payload, here \
             9 + payload; the number after a name is the stream, one for each call. HPACK packs header fields: a \
             field is an entry of a table that both ends know, or text, often in shorter Huffman codes, that may \
             be put into the table (\"now at 62\"). = stands for equal bytes.",
        );
        self.line("");
        self.dim(&format!("   {:>6}  {:<34}{:<32}{:>11}{:>11}", "at", "frame", "what for", "unix", "tcp"));
        for frame in frames {
            self.frame(frame);
        }
    }

    fn frame(&mut self, view: &FrameView) {
        let bytes = |size: Option<Size>| match size {
            None => "-".to_owned(),
            Some(Size { head: 0, payload }) => payload.to_string(),
            Some(Size { head, payload }) => format!("{head} + {payload}"),
        };
        let (unix, tcp) = (bytes(view.unix), bytes(view.tcp));
        let arrow = view.direction.arrow();
        let title = format!("{arrow} {:>6}  {:<34}", view.offset, view.title);
        let _ = write!(
            self.text,
            "{}{}",
            self.paint.bold(&title),
            self.paint.dim(&format!("{:<32}", view.purpose))
        );
        let tcp = if view.equal {
            self.paint.equal(&format!("{:>11}", "="))
        } else {
            self.paint.differs(&format!("{tcp:>11}"))
        };
        let _ = writeln!(self.text, "{unix:>11}{tcp}");
        // A frame that one side lacks has no equal.
        let equal = if view.unix.is_some() && view.tcp.is_some() { "=" } else { "" };
        for detail in &view.details {
            self.detail(detail, equal);
        }
    }

    fn detail(&mut self, detail: &Detail, equal: &str) {
        match detail {
            Detail::Note(note) => {
                for line in lines(&[Cell::gap(10), Cell::new(note, 66)]) {
                    self.dim(&line);
                }
            }
            Detail::Field { name, unix, tcp: None } => {
                self.field(name, unix, [&unix.bytes.to_string(), equal]);
            }
            Detail::Field { name, unix, tcp: Some(tcp) } => {
                self.field(name, unix, [&unix.bytes.to_string(), ""]);
                self.field("over tcp", tcp, ["", &tcp.bytes.to_string()]);
            }
            Detail::Prefix { note } => self.content("gRPC prefix", note, ["5", equal]),
            Detail::Message { len, text } => self.content("message", text, [&len.to_string(), equal]),
        }
    }

    /// A field's line, with its bytes over the socket and over TCP.
    fn field(&mut self, name: &str, view: &FieldView, [unix, tcp]: [&str; 2]) {
        let cells = [
            Cell::gap(9),
            Cell::new(name, 20),
            Cell::new(&view.value, 26),
            Cell::new(&view.how, 19),
            Cell::right(unix, 10),
            Cell::right(tcp, 10),
        ];
        let differs = unix.is_empty() || tcp.is_empty();
        for line in lines(&cells) {
            let line = if differs { self.paint.differs(&line) } else { line };
            self.line(&line);
        }
    }

    /// A part of a gRPC message, with its bytes over the socket and over TCP.
    fn content(&mut self, name: &str, value: &str, [unix, tcp]: [&str; 2]) {
        let cells = [
            Cell::gap(9),
            Cell::new(name, 20),
            Cell::new(value, 46),
            Cell::right(unix, 10),
            Cell::right(tcp, 10),
        ];
        for line in lines(&cells) {
            self.line(&line);
        }
    }
}
