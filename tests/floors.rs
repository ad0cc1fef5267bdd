//! The folders of `src` are floors: a file imports only lower floors and its own folder.
//!
//! The table below is the rule. The compiler proves a part of it, since `--no-default-features` builds floor 0 alone;
//! this reads the sources for the rest. Beside it stand the other promises of the layout: which entries the repository
//! has, how long a file may grow, and that no unsafe code is let in.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use imports::imports;

#[path = "floors/imports.rs"]
mod imports;

/// What the files below a folder of `src` may import besides their own folder.
enum May {
    Import(&'static [&'static str]),
    /// All that a user of the crate could name.
    ImportThePublicApi,
}

use May::{Import, ImportThePublicApi};

const FLOORS: &[(&str, May)] = &[
    ("wire", Import(&[])),
    ("frame", Import(&[])),
    ("codec", Import(&["wire"])),
    ("transport", Import(&[])),
    ("http2", Import(&["wire", "frame", "transport"])),
    ("call", Import(&["wire", "codec", "transport", "http2"])),
    ("client", Import(&["wire", "frame", "codec", "transport", "http2", "call"])),
    ("server", Import(&["wire", "frame", "codec", "transport", "http2", "call"])),
    ("services", ImportThePublicApi),
    ("tap", Import(&["wire", "frame", "transport"])),
    ("codegen", Import(&[])),
    ("generated", ImportThePublicApi),
    ("bin", ImportThePublicApi),
];

/// The crates that do HTTP/2, and the one floor that names them.
const HTTP2_CRATES: &[&str] = &["h2", "hyper"];
const HTTP2_FLOOR: &str = "http2";

const LONGEST_FILE: usize = 400;

#[rustfmt::skip]
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml", "Cargo.lock", "proto", "src", "benches", "tests", "fuzz",
    "README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE",
    // Of the tools.
    ".cargo", ".ci", ".deny.toml", ".gitattributes", ".github", ".gitignore", ".rustfmt.toml",
];

/// What cargo and git lay beside it.
const NOT_OURS: &[&str] =
    &["target", ".git", "Cargo.toml.orig", ".cargo_vcs_info.json", ".cargo-ok", ".cargo-checksum.json"];

#[test]
fn every_file_imports_only_lower_floors_and_its_own_folder() {
    let sources = sources();
    assert!(sources.len() > FLOORS.len(), "only {} files below src", sources.len());
    report(sources.iter().flat_map(|(path, text)| violations(path, text)));
}

#[test]
fn no_file_is_longer_than_a_reader_bears() {
    let ours = sources().into_iter().filter(|(path, _)| !path.starts_with("src/generated"));
    report(ours.filter(|(_, text)| text.lines().count() > LONGEST_FILE).map(|(path, text)| {
        let lines = text.lines().count();
        format!("{}: {lines} lines, {LONGEST_FILE} at most: split it by production or role", path.display())
    }));
}

#[test]
fn library_and_tool_forbid_unsafe_code() {
    for root in ["src/lib.rs", "src/bin/wirepath/main.rs"] {
        let text = fs::read_to_string(home().join(root)).expect("a crate root");
        assert!(text.lines().any(|line| line == "#![forbid(unsafe_code)]"), "{root} lets unsafe code in");
    }
}

#[test]
fn the_top_level_holds_what_was_agreed() {
    let entries = tracked_entries().unwrap_or_else(present_entries);
    for needed in ["Cargo.toml", "src", "tests", "README.md"] {
        assert!(entries.iter().any(|entry| entry == needed), "{needed} is missing among {entries:?}");
    }
    report(
        entries
            .iter()
            .filter(|entry| !TOP_LEVEL.contains(&entry.as_str()) && !NOT_OURS.contains(&entry.as_str()))
            .map(|entry| format!("{entry}: not among the agreed entries: {}", TOP_LEVEL.join(" "))),
    );
}

/// A line for each import that the file's floor may not have: file, line, import, what the floor may import.
fn violations(path: &Path, text: &str) -> Vec<String> {
    let module = module_of(path);
    let file = path.display();
    // lib.rs declares the floors and re-exports from them.
    let Some((&folder, _)) = module.split_first() else { return Vec::new() };
    let Some((_, may)) = FLOORS.iter().find(|(floor, _)| *floor == folder) else {
        return vec![format!("{file}: {folder} is no floor: give it its place in {}", file!())];
    };
    let mut violations = Vec::new();
    for import in imports(&module, text) {
        let head = import.path[0].as_str();
        let rule = if HTTP2_CRATES.contains(&head) && folder != HTTP2_FLOOR {
            format!("only {HTTP2_FLOOR} names {}", HTTP2_CRATES.join(" and "))
        } else if matches!(head, "crate" | "wirepath") && !may.reaches(folder, import.path.get(1)) {
            format!("{folder} may import {}", may.describe())
        } else {
            continue;
        };
        violations.push(format!("{file}:{}: {}: {rule}", import.line, import.written));
    }
    // A file is where its folder says: no floor is entered by a file name.
    let moved = text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("#[path"));
    violations
        .extend(moved.map(|(at, line)| format!("{file}:{}: {line}: a module lies in its folder", at + 1)));
    violations
}

impl May {
    fn reaches(&self, folder: &str, target: Option<&String>) -> bool {
        match self {
            ImportThePublicApi => true,
            Import(floors) => {
                target.is_some_and(|target| target == folder || floors.contains(&target.as_str()))
            }
        }
    }

    fn describe(&self) -> String {
        match self {
            ImportThePublicApi => "the public API".into(),
            Import([]) => "nothing of the crate but its own folder".into(),
            Import(floors) => format!("{} and its own folder", floors.join(", ")),
        }
    }
}

/// `src/http2/guard.rs` is `["http2", "guard"]`; `src/http2/mod.rs` is `["http2"]`; a crate root is empty.
///
/// The tool is a crate of its own, whose modules are told from the library's by `bin` before them.
fn module_of(path: &Path) -> Vec<&str> {
    let mut module: Vec<&str> = path.iter().skip(1).map(|part| part.to_str().expect("UTF-8")).collect();
    let file = module.pop().expect("a file below src");
    match file.strip_suffix(".rs").expect("a Rust file") {
        "mod" | "lib" | "main" => {}
        name => module.push(name),
    }
    module
}

/// The Rust files below `src` and their texts, by their path from the crate's folder.
fn sources() -> Vec<(PathBuf, String)> {
    let mut sources = Vec::new();
    let mut folders = vec![home().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                sources.push((path.strip_prefix(home()).expect("below it").to_owned(), text));
            }
        }
    }
    sources.sort();
    sources
}

/// The entries that git keeps, if this is a checkout: what else lies about there is its owner's.
fn tracked_entries() -> Option<Vec<String>> {
    let listed = home().join(".git").exists().then(|| {
        Command::new("git").args(["ls-tree", "--name-only", "HEAD"]).current_dir(home()).output().ok()
    })??;
    let names = String::from_utf8(listed.stdout).expect("UTF-8");
    listed.status.success().then(|| names.lines().map(str::to_owned).collect())
}

fn present_entries() -> Vec<String> {
    let entries = fs::read_dir(home()).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
}

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn report(violations: impl Iterator<Item = String>) {
    let violations: Vec<_> = violations.collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

mod checks_itself {
    use super::*;

    #[test]
    fn reports_file_line_import_and_rule() {
        let text = "//! Docs.\n\nuse crate::{\n    wire::Code,\n    client::Channel,\n};\n";
        let expected = "src/call/pump.rs:5: crate::client::Channel: \
                        call may import wire, codec, transport, http2 and its own folder";
        assert_eq!(violations(Path::new("src/call/pump.rs"), text), [expected]);
    }

    #[test]
    fn sees_a_forbidden_import_in_every_form() {
        for (file, text, import) in [
            ("src/wire/code.rs", "use crate::codec::Codec;", "crate::codec::Codec"),
            ("src/wire/code.rs", "use crate as here;", "crate"),
            ("src/wire/code.rs", "use crate::*;", "crate::*"),
            ("src/wire/code.rs", "use crate::Router;", "crate::Router"),
            ("src/wire/code.rs", "use {std::io, crate::codec};", "crate::codec"),
            ("src/wire/code.rs", "use crate::{wire, codec::{self, Codec as C}};", "crate::codec::self"),
            ("src/wire/code.rs", "use super::super::codec;", "super::super::codec"),
            ("src/wire/mod.rs", "pub use super::codec;", "super::codec"),
            (
                "src/wire/mod.rs",
                "mod a { mod b { use super::super::super::codec; } }",
                "super::super::super::codec",
            ),
            ("src/wire/mod.rs", "fn f() { { } } use super::codec;", "super::codec"),
            ("src/wire/code.rs", "fn f() -> crate::call::Deadline { }", "crate::call::Deadline"),
            (
                "src/wire/code.rs",
                "impl<T> ::wirepath::server::Service for T { }",
                "wirepath::server::Service",
            ),
            ("src/wire/code.rs", "let all = Vec::<crate::call::Limits>::new();", "crate::call::Limits"),
            ("src/wire/code.rs", "macro_rules! m { () => { $crate::call::go() } }", "crate::call::go"),
            (
                "src/wire/code.rs",
                "let c = '\"'; let s: &'a str = crate::call::go(\"\\\"\");",
                "crate::call::go",
            ),
            ("src/wire/code.rs", "/* /* */ */ r#\"\"\"#; use crate::call;", "crate::call"),
            ("src/wire/code.rs", "#[cfg(test)] mod tests { use crate::call; }", "crate::call"),
            ("src/client/retry.rs", "use crate::server::Router;", "crate::server::Router"),
            ("src/server/mod.rs", "use crate::client::Channel;", "crate::client::Channel"),
            ("src/tap/text.rs", "use crate::call::Request;", "crate::call::Request"),
            ("src/call/sender.rs", "use h2::SendStream;", "h2::SendStream"),
            ("src/services/health.rs", "use hyper as http2;", "hyper"),
            ("src/bin/wirepath/bench.rs", "let end = ::h2::client::handshake(io);", "h2::client::handshake"),
        ] {
            let found = violations(Path::new(file), text);
            assert!(
                matches!(&found[..], [one, ..] if one.contains(&format!(": {import}: "))),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn takes_a_file_by_its_folder_only() {
        for (file, text, rule) in [
            ("src/wire/code.rs", "#[path = \"../call/pump.rs\"]\nmod pump;", "a module lies in its folder"),
            ("src/util/mod.rs", "", "util is no floor"),
            ("src/loose.rs", "", "loose is no floor"),
        ] {
            let found = violations(Path::new(file), text);
            assert!(matches!(&found[..], [one] if one.contains(rule)), "{file}: {found:?}");
        }
    }

    #[test]
    fn lets_lower_floors_own_folders_and_mere_words_pass() {
        for (file, text) in [
            ("src/lib.rs", "pub use {call::Request, wire::Code};"),
            ("src/wire/code.rs", "use std::fmt; use super::Status; use crate::wire::Timeout;"),
            ("src/wire/code.rs", "// use crate::call;\n/* crate::call */ const S: &str = \"crate::call\";"),
            ("src/wire/code.rs", "mod tests { use super::*; use super::super::Status; }"),
            ("src/frame/hpack/decoder.rs", "use super::super::FrameError;"),
            ("src/transport/absent.rs", "mod unix { pub(in super::super) fn connect() {} }"),
            ("src/http2/guard.rs", "use h2::server; use crate::{frame::Head, transport::Io, wire::Code};"),
            ("src/call/mod.rs", "pub(crate) mod pump; pub(in crate::call) fn f() {}"),
            ("src/client/channel.rs", "let h2 = self.h2.take(); use crate::http2::h2_backend;"),
            ("src/generated/a.rs", "use ::wirepath::{Channel, client::invoke};"),
            ("src/bin/wirepath/audit.rs", "use wirepath::frame::Head; use crate::ledger::Ledger;"),
        ] {
            assert_eq!(violations(Path::new(file), text), Vec::<String>::new(), "{text}");
        }
    }
}
