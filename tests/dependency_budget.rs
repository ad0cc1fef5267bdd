//! How many crates each feature set brings, against `tests/dependency_budget.txt`.
//!
//! Counted as a user on Linux builds them: what the crate links and what that links, proc macros included, the crate
//! itself left out. The sets are none, each feature by itself, the default and all. `WIREPATH_BLESS=1` refreshes the list.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

const LIST: &str = "tests/dependency_budget.txt";

/// The sets that compile no proc macro.
const LEAN: [&str; 3] = ["none", "unix", "default"];

const TARGET: &str = "x86_64-unknown-linux-gnu";

#[test]
fn each_feature_set_brings_as_many_crates_as_listed() {
    let counted: Vec<_> =
        feature_sets(&read("Cargo.toml")).into_iter().map(|set| (crates(&set), set)).collect();
    let list: String = counted.iter().map(|(crates, set)| format!("{} {set}\n", crates.len())).collect();
    if env::var_os("WIREPATH_BLESS").is_some() {
        fs::write(home().join(LIST), &list).expect("refreshed");
    }
    let listed = read(LIST);
    let differing: Vec<_> = counted
        .iter()
        .filter(|(crates, set)| !listed.lines().any(|line| line == format!("{} {set}", crates.len())))
        .map(|(crates, set)| format!("{set} brings {} crates: {}", crates.len(), names(crates)))
        .collect();
    assert!(differing.is_empty(), "\nnot what {LIST} says: {REFRESH}\n{}\n", differing.join("\n"));
    assert_eq!(listed, list, "{LIST} lists what is no feature: {REFRESH}");
}

#[test]
fn the_core_compiles_no_proc_macro() {
    for set in LEAN {
        let found: BTreeSet<_> =
            crates(set).into_iter().filter(|name| name.ends_with("(proc-macro)")).collect();
        assert!(found.is_empty(), "{set} compiles {}", names(&found));
    }
}

#[test]
fn nothing_brings_tonic() {
    let all = counted(&cargo_tree(&["--all-features", "--edges", "normal,build,dev"]));
    let found: BTreeSet<_> = all.into_iter().filter(|name| name.starts_with("tonic")).collect();
    assert!(found.is_empty(), "{} among the dependencies", names(&found));
}

#[test]
fn counts_a_crate_once_and_knows_proc_macros() {
    let tree = "wirepath v0.1.0 (/a/path)\nbytes v1.12.0\nprost-derive v0.14.6 (proc-macro)\n\
                syn v2.0.1\nsyn v1.0.9\nprost-derive v0.14.6 (proc-macro) (*)\nbytes v1.12.0 (*)\n";
    let expected = ["bytes v1.12.0", "prost-derive v0.14.6 (proc-macro)", "syn v1.0.9", "syn v2.0.1"];
    assert!(counted(tree).into_iter().eq(expected));
}

#[test]
fn reads_the_features_of_the_manifest() {
    let manifest = "[package]\nname = \"a\"\n[features]\ndefault = [\"b\"]\n## B.\nb = [\n    \"dep:c\",\n]\n\n[dependencies]\nc = \"1\"\n";
    assert_eq!(feature_sets(manifest), ["none", "b", "default", "all"]);
}

/// "none", "all" and each name below `[features]`, in an order that does not change when cargo sorts a published manifest.
fn feature_sets(manifest: &str) -> Vec<String> {
    let (_, below) = manifest.split_once("\n[features]\n").expect("[features] in Cargo.toml");
    let section = below.lines().take_while(|line| !line.starts_with('['));
    let mut features: Vec<_> =
        section.filter_map(|line| line.split_once(" = [")).map(|(name, _)| name).collect();
    features.sort_unstable();
    [&["none"], &features[..], &["all"]].concat().into_iter().map(str::to_owned).collect()
}

/// The crates of a feature set, as "name version", with "(proc-macro)" behind those that are.
fn crates(set: &str) -> BTreeSet<String> {
    let features: &[&str] = match set {
        "none" => &["--no-default-features"],
        "all" => &["--all-features"],
        feature => &["--no-default-features", "--features", feature],
    };
    counted(&cargo_tree(&[features, &["--edges", "normal"]].concat()))
}

/// Goes by Cargo.lock; what a feature needs and no build has asked for yet, cargo downloads.
fn cargo_tree(arguments: &[&str]) -> String {
    let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
    let common =
        ["tree", "--locked", "--target", TARGET, "--prefix", "none", "--format", "{p}", "--color", "never"];
    let tree =
        Command::new(cargo).args(common).args(arguments).current_dir(home()).output().expect("cargo runs");
    assert!(tree.status.success(), "cargo tree {arguments:?}: {}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8(tree.stdout).expect("UTF-8")
}

/// The lines of a tree without what is printed again, marked `(*)`, and without the crate itself.
fn counted(tree: &str) -> BTreeSet<String> {
    let lines = tree.lines().map(|line| line.strip_suffix(" (*)").unwrap_or(line));
    lines.filter(|line| !line.starts_with("wirepath ")).map(str::to_owned).collect()
}

fn names(crates: &BTreeSet<String>) -> String {
    crates.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn read(path: &str) -> String {
    fs::read_to_string(home().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const REFRESH: &str =
    "if the change is meant, `WIREPATH_BLESS=1 cargo test --test dependency_budget` writes the list anew";
