//! Many servers want one path: at every instant one of them has it.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::tempdir;
use wirepath::transport::Connector;

use crate::ownership::names;
use crate::{child, listen, unix};

#[test]
fn of_racing_threads_one_has_the_path_at_a_time() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let owned: usize = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..4).map(|_| scope.spawn(|| race(&path, 200))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    assert!(owned > 0, "nobody ever had the path");
    assert_eq!(names(directory.path()), [""; 0]);
}

#[test]
fn of_racing_processes_one_has_the_path_at_a_time() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let race = || {
        let mut racer = child::command("races::role_races");
        child::start(racer.env("SOCKET", &path))
    };
    let racers: Vec<_> = (0..4).map(|_| race()).collect();
    let owned: usize = racers
        .into_iter()
        .map(|mut racer| {
            let owned: usize = racer.next_answer().parse().unwrap();
            racer.wait();
            owned
        })
        .sum();
    assert!(owned > 0, "nobody ever had the path");
    assert_eq!(names(directory.path()), [""; 0]);
}

#[test]
#[ignore = "a child's role"]
fn role_races() {
    let Some(path) = child::given("SOCKET") else { return };
    child::tell(race(Path::new(&path), 200));
}

/// Takes the path again and again; each time proves that nobody else has it and that clients reach this
/// listener.
fn race(path: &Path, rounds: usize) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    (0..rounds).filter(|_| runtime.block_on(own_once(path))).count()
}

async fn own_once(path: &Path) -> bool {
    let mut listener = match listen(path).await {
        Ok(listener) => listener,
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}");
            return false;
        }
    };
    let crown = path.with_file_name("crown");
    fs::File::create_new(&crown).expect("two own the path at once");
    let client = unix(path).connect().await.expect("the owner's own socket stands at the path");
    let server = listener.accept().await.unwrap();
    crate::assert_carries(client, server).await;
    fs::remove_file(&crown).unwrap();
    true
}
