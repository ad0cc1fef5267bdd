//! What is checked in as generated is what `wirepath::codegen` makes of the protos, byte for byte.
//!
//! `src/generated` comes from `proto`, `tests/generated/*.rs` from the protos beside them: names and shapes that a
//! generator may stumble on, compiled here; `tests/examples/conformance_shared` holds what the protos of the conformance
//! suite make, for the programs beside it. `WIREPATH_BLESS=1` refreshes them in place of comparing.
//!
//! The comparison needs no feature but `codegen`, so that generated code that no longer compiles can be refreshed.
#![cfg(feature = "codegen")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use wirepath::codegen::Builder;

#[cfg(feature = "protos")]
#[path = "generated/corner_cases.rs"]
mod corner_cases;

#[test]
fn src_generated_is_what_the_protos_say() {
    let folder = tempfile::tempdir().expect("a folder");
    Builder::new()
        .bytes(".")
        .out_dir(folder.path())
        .file_descriptor_set(folder.path().join("descriptors.bin"))
        .compile(&files_of(&at_home("proto"), "proto"), &[at_home("proto")])
        .expect("proto/ compiles");
    bless_or_compare(folder.path(), &at_home("src/generated"));
}

#[test]
fn tests_generated_is_what_the_protos_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = at_home("tests/generated");
    Builder::new()
        .bytes(".corners")
        .out_dir(folder.path())
        .compile(&files_of(&home, "proto"), &[&home])
        .expect("tests/generated compiles");
    bless_or_compare(folder.path(), &home);
}

#[test]
fn the_conformance_programs_have_what_the_protos_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let protos = at_home("tests/conformance/proto");
    Builder::new()
        .bytes(".")
        .out_dir(folder.path())
        .file_descriptor_set(folder.path().join("descriptors.bin"))
        .compile(&files_of(&protos, "proto"), &[protos])
        .expect("tests/conformance/proto compiles");
    bless_or_compare(folder.path(), &at_home("tests/examples/conformance_shared"));
}

/// Every file generated is checked in as it is, and none is checked in that is not generated.
fn bless_or_compare(generated: &Path, checked_in: &Path) {
    let bless = env::var_os("WIREPATH_BLESS").is_some();
    for path in files_of(generated, "") {
        let name = path.file_name().expect("a file");
        let made = fs::read(&path).expect("generated");
        if bless {
            fs::write(checked_in.join(name), made).expect("refreshed");
            continue;
        }
        let kept = fs::read(checked_in.join(name)).unwrap_or_default();
        assert!(made == kept, "{}/{} is stale: {REFRESH}", checked_in.display(), name.display());
    }
    for path in files_of(checked_in, "rs") {
        let name = path.file_name().expect("a file");
        let by_hand =
            !fs::read_to_string(&path).expect("checked in").starts_with("// This file is @generated");
        assert!(by_hand || generated.join(name).exists(), "no proto makes {}: remove it", path.display());
    }
}

/// The files below a folder whose names end in `extension` (any if empty), in a stable order.
fn files_of(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_of(&path, extension));
        } else if extension.is_empty() || path.extension().is_some_and(|it| it == extension) {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn at_home(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

const REFRESH: &str = "run `WIREPATH_BLESS=1 cargo test --features codegen --test generated` to refresh it";
