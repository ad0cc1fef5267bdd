//! gRPC's interop cases between our own two halves, over every transport: the same code as the examples
//! `interop-server` and `interop-client`, in one process. Against other implementations they run by `tests/peers/run`.

#[path = "../examples/interop_client/cases/mod.rs"]
mod cases;
#[path = "../examples/interop_client/flags.rs"]
mod client_flags;
#[path = "../examples/interop_shared.rs"]
mod interop_shared;
mod lies;
#[path = "../examples/negative_server/misbehaving.rs"]
mod misbehaving;
mod negative;
#[path = "../examples/official_flags.rs"]
mod official_flags;
#[allow(dead_code, reason = "the cases need but a part of it")]
#[path = "../invoking/peer.rs"]
mod peer;
#[path = "../examples/interop_server/flags.rs"]
mod server_flags;
#[path = "../examples/interop_server/service.rs"]
mod service;

use clap::ValueEnum;
use tokio::task::JoinSet;
use wirepath::{
    Channel, Endpoint, Server,
    generated::grpc::testing::test_service_server::TestServiceServer,
    transport::{Admission, UnixListenOptions, duplex},
};

use self::{
    cases::{Soak, TestCase},
    service::Testing,
};

fn server() -> Server {
    Server::new().add(TestServiceServer::new(Testing))
}

/// Serves on the endpoint and gives back where it is.
async fn serve(endpoint: Endpoint) -> Endpoint {
    let listener = match endpoint {
        Endpoint::UnixAbstract(_) => {
            let options = UnixListenOptions::new().admit(Admission::own_user());
            options.listen(&endpoint).await.unwrap()
        }
        _ => endpoint.listen().await.unwrap(),
    };
    let bound = listener.endpoint().parse().unwrap();
    tokio::spawn(server().serve(listener));
    bound
}

/// All cases, each on a channel of its own and all on one: what a case cancels must not harm the next.
async fn every_case_passes(connect: impl Fn() -> Channel + Clone + Send + Sync + 'static) {
    let soak = Soak { soak_iterations: 20, soak_num_threads: 2, ..Soak::default() };
    let one = connect();
    for case in TestCase::value_variants().iter().filter(|case| !case.is_negative()) {
        let apart = case.run(connect.clone(), &soak).await;
        assert!(apart.is_ok(), "{case} on a channel of its own: {}", apart.unwrap_err());
        let one = one.clone();
        let together = case.run(move || one.clone(), &soak).await;
        assert!(together.is_ok(), "{case} on the one channel: {}", together.unwrap_err());
    }
}

#[test]
fn there_are_18_functional_cases_two_soaks_and_eight_negative_ones() {
    let negative = TestCase::value_variants().iter().filter(|case| case.is_negative()).count();
    assert_eq!((TestCase::value_variants().len() - negative, negative), (18 + 2, 8));
}

#[tokio::test]
async fn every_case_passes_in_memory() {
    let (connector, listener) = duplex(64 * 1024);
    tokio::spawn(server().serve(listener));
    every_case_passes(move || Channel::new(connector.clone())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_passes_over_a_unix_socket() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = serve(Endpoint::Unix(dir.path().join("interop.sock"))).await;
    every_case_passes(move || Channel::new(endpoint.clone())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_passes_over_an_abstract_name() {
    let name = format!("wirepath-interop-{}", std::process::id());
    let endpoint = serve(Endpoint::UnixAbstract(name.into_bytes())).await;
    every_case_passes(move || Channel::new(endpoint.clone())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_passes_over_tcp() {
    let endpoint = serve(Endpoint::Tcp("127.0.0.1:0".to_owned())).await;
    every_case_passes(move || Channel::new(endpoint.clone())).await;
}

/// Rule 46, and what a server must not do to it: an early answer to one call refused the next one on the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_answers_above_the_stream_limit_cost_no_other_call() {
    let dir = tempfile::tempdir().unwrap();
    let channel = Channel::new(serve(Endpoint::Unix(dir.path().join("interop.sock"))).await);
    let mut callers = JoinSet::new();
    for _ in 0..150 {
        let channel = channel.clone();
        callers.spawn(async move {
            for case in [TestCase::UnimplementedService, TestCase::LargeUnary].repeat(3) {
                let channel = channel.clone();
                case.run(move || channel.clone(), &Soak::default())
                    .await
                    .map_err(|line| format!("{case}: {line}"))?;
            }
            Ok(())
        });
    }
    let failed: Vec<String> = callers.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} of 150 callers failed: {}", failed.len(), failed[0]);
}
