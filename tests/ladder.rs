//! The parts of the ladder (`benches/`) that can be wrong without a race: its command line, its statistics, its report,
//! and that its peers are built from what we are built from.

#![allow(dead_code)]

#[path = "../benches/load/mod.rs"]
mod load;
#[path = "../benches/race/mod.rs"]
mod race;

#[test]
fn the_peers_link_the_same_versions_as_we_do() {
    let ours = include_str!("../Cargo.lock");
    let theirs = include_str!("../benches/peers/Cargo.lock");
    for package in ["bytes", "h2", "http", "prost", "tokio"] {
        assert_eq!(version(ours, package), version(theirs, package), "{package}");
    }
}

fn version<'a>(lock: &'a str, package: &str) -> &'a str {
    let (_, after) =
        lock.split_once(&format!("name = \"{package}\"\nversion = \"")).expect("a locked package");
    after.split('"').next().expect("a version")
}
