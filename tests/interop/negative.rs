//! The eight negative cases against the server that misbehaves as each says, over a Unix socket; and against servers that
//! do not do what the case must notice.

use tokio::task::JoinHandle;
use wirepath::{Channel, Endpoint};

use crate::{
    cases::{Difference, Soak, TestCase},
    misbehaving::{Misbehaviour, Observed, Watch, misbehave},
};

const CASES: &[(TestCase, Misbehaviour)] = &[
    (TestCase::Goaway, Misbehaviour::Goaway),
    (TestCase::RstAfterHeader, Misbehaviour::RstAfterHeader),
    (TestCase::RstDuringData, Misbehaviour::RstDuringData),
    (TestCase::RstAfterData, Misbehaviour::RstAfterData),
    (TestCase::Ping, Misbehaviour::Ping),
    (TestCase::MaxStreams, Misbehaviour::MaxStreams),
    (TestCase::DataFramePadding, Misbehaviour::DataFramePadding),
    (TestCase::NoDfPaddingSanityTest, Misbehaviour::NoDfPaddingSanityTest),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_keeps_to_http2_whatever_the_server_does() {
    for (case, how) in CASES {
        let (outcome, observed) = run(*case, *how, |_, _| LARGE).await;
        assert!(outcome.is_ok(), "{case}: {}", outcome.unwrap_err());
        assert_eq!(how.complaint(&observed), None, "{case}: {observed:?}");
        let calls: usize = observed.calls.iter().sum();
        let made = match case {
            TestCase::Goaway => 2,
            TestCase::MaxStreams => 11,
            _ => 1,
        };
        assert_eq!(calls, made, "{case}: {observed:?}");
    }
}

/// A case, how the server behaves instead, how much it answers, and what the client must find different.
type Lie = (TestCase, Misbehaviour, fn(usize, u32) -> usize, &'static str);

const LIES: &[Lie] = &[
    (TestCase::Goaway, Misbehaviour::Goaway, shorter_on_the_second, "bytes of the payload: got 314158"),
    (TestCase::RstAfterHeader, Misbehaviour::Ping, large, "got OK, wanted INTERNAL"),
    (TestCase::RstDuringData, Misbehaviour::Ping, large, "got OK, wanted INTERNAL"),
    (TestCase::RstAfterData, Misbehaviour::Ping, large, "got OK, wanted INTERNAL"),
    (TestCase::Ping, Misbehaviour::Ping, shorter, "bytes of the payload: got 314158"),
    (TestCase::MaxStreams, Misbehaviour::MaxStreams, shorter_at_last, "bytes of the payload: got 314158"),
    (TestCase::DataFramePadding, Misbehaviour::DataFramePadding, shorter, "bytes of the payload: got 314158"),
    (TestCase::NoDfPaddingSanityTest, Misbehaviour::RstAfterData, large, "the call failed with INTERNAL"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lie_to_a_negative_case_is_told() {
    let lied_to: Vec<_> = LIES.iter().map(|(case, ..)| case).collect();
    assert_eq!(lied_to, CASES.iter().map(|(case, _)| case).collect::<Vec<_>>());
    for (case, how, payload_len, differs) in LIES {
        let (outcome, _) = run(*case, *how, *payload_len).await;
        let line = outcome.err().map_or_else(String::new, |difference| difference.to_string());
        assert!(line.contains(differs), "{case}: {differs:?} is not told by {line:?}");
    }
}

#[test]
fn the_server_sees_what_a_client_does_wrong() {
    let good = Observed { calls: vec![1, 1], unanswered_pings: 0, most_streams: 1 };
    let table = [
        (Misbehaviour::Goaway, Observed { calls: vec![2], ..good.clone() }),
        (Misbehaviour::Ping, Observed { unanswered_pings: 1, ..good.clone() }),
        (Misbehaviour::MaxStreams, Observed { most_streams: 2, ..good.clone() }),
    ];
    for (how, bad) in table {
        assert_eq!(how.complaint(&good), None, "{how:?}");
        assert!(how.complaint(&bad).is_some(), "{how:?}: {bad:?}");
    }
}

/// Runs a case, and lets the server see the end of its connections.
async fn run(
    case: TestCase,
    how: Misbehaviour,
    payload_len: fn(usize, u32) -> usize,
) -> (Result<(), Difference>, Observed) {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::Unix(dir.path().join("negative.sock"));
    let (watch, listener) = (Watch::default(), endpoint.listen().await.unwrap());
    let server: JoinHandle<()> = tokio::spawn(misbehave(how, listener, watch.clone(), payload_len));
    let outcome = case.run(move || Channel::new(endpoint.clone()), &Soak::default()).await;
    // What the client still owes, it says before it closes.
    for _ in 0..1_000 {
        if watch.observed().unanswered_pings == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    server.abort();
    (outcome, watch.observed())
}

fn large(_connection: usize, _stream: u32) -> usize {
    LARGE
}

fn shorter(_connection: usize, _stream: u32) -> usize {
    LARGE - 1
}

fn shorter_on_the_second(connection: usize, _stream: u32) -> usize {
    LARGE - connection
}

/// On the eleventh stream of a client, which begins with number 1.
fn shorter_at_last(_connection: usize, stream: u32) -> usize {
    LARGE - usize::from(stream == 21)
}

/// Bytes of large_unary's response payload.
const LARGE: usize = 314_159;
