//! Debian's etcdctl speaks to its etcd through us: the client in use finds our server, our client the server in use.
//!
//! All calls are carried as bidirectional streams of bytes: on the wire no shape differs from another. etcdctl 3.4 dials by
//! itself and so sends its socket's path as authority, which h2 would refuse.
//! `tests/peers/run` runs this: it needs Debian's etcd-client and etcd-server.

use std::{
    future::Future,
    path::Path,
    pin::pin,
    process::{Output, Stdio},
    time::Duration,
};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use wirepath::{
    Channel, Endpoint, MessageReceiver, MessageSender, Request, Router, Server, Status,
    call::{CallOptions, MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
};

#[tokio::test]
#[ignore = "needs etcd: tests/peers/run etcd"]
async fn values_are_put_and_got_and_watched() {
    in_time(async {
        let through = Through::start().await;
        assert_eq!(through.says(&["put", "a", "1"]).await, "OK\n");
        assert_eq!(through.says(&["get", "a"]).await, "a\n1\n");
        let watch = through.etcdctl(&["watch", "--rev=1", "a"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = tokio::io::BufReader::new(watch.stdout.unwrap());
        for value in ["1", "2", "3"] {
            let mut told = String::new();
            while told.lines().count() < 3 {
                tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut told).await.unwrap();
            }
            assert_eq!(told, format!("PUT\na\n{value}\n"));
            let next = (value.parse::<u32>().unwrap() + 1).to_string();
            assert_eq!(through.says(&["put", "a", &next]).await, "OK\n");
        }
        assert_eq!(through.says(&["del", "a"]).await, "1\n");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs etcd: tests/peers/run etcd"]
async fn a_large_value_and_a_snapshot_pass() {
    in_time(async {
        let through = Through::start().await;
        let value = "x".repeat(100_000);
        for key in ["a", "b", "c"] {
            assert_eq!(through.says(&["put", key, &value]).await, "OK\n");
        }
        let all = through.says(&["get", "--prefix", ""]).await;
        assert_eq!(all, format!("a\n{value}\nb\n{value}\nc\n{value}\n"));
        let file = through.dir.path().join("snapshot");
        through.says(&["snapshot", "save", &file.display().to_string()]).await;
        assert!(file.metadata().unwrap().len() > 300_000);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs etcd: tests/peers/run etcd"]
async fn leases_and_locks_pass() {
    in_time(async {
        let through = Through::start().await;
        assert_eq!(through.says(&["lock", "mine", "echo", "held"]).await, "held\n");
        let granted = through.says(&["lease", "grant", "60"]).await;
        let lease = granted.split_whitespace().nth(1).unwrap();
        let kept = through.says(&["lease", "keep-alive", "--once", lease]).await;
        assert_eq!(kept, format!("lease {lease} keepalived with TTL(60)\n"));
    })
    .await;
}

#[tokio::test]
#[ignore = "needs etcd: tests/peers/run etcd"]
async fn a_refusal_arrives_with_its_words() {
    in_time(async {
        let through = Through::start().await;
        let refused = through.runs(&["lease", "revoke", "77"]).await;
        assert!(!refused.status.success());
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("etcdserver: requested lease not found"), "{said}");
    })
    .await;
}

/// etcd, and what carries calls to it.
struct Through {
    _etcd: Child,
    dir: TempDir,
}

impl Through {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let etcd = etcd(dir.path());
        // A Unix socket of etcd 3.4 is named like a host and port, and stands in its working directory.
        let channel = Channel::builder(endpoint(&dir.path().join("localhost:1")))
            .options(CallOptions::new().wait_for_ready(true))
            .build();
        let mut router = Router::new();
        for path in PATHS {
            let channel = channel.clone();
            let method = MethodDescriptor::new(path, MethodType::BidiStreaming, Codec::RAW, Codec::RAW);
            router.bidi_streaming(&method, move |requests, responses| {
                carry(channel.clone(), method, requests, responses)
            });
        }
        let listener = endpoint(&dir.path().join("wirepath")).listen().await.unwrap();
        tokio::spawn(Server::new().add(router).serve(listener));
        Self { _etcd: etcd, dir }
    }

    /// What etcdctl answers to a command that succeeds.
    async fn says(&self, arguments: &[&str]) -> String {
        let output = self.runs(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    async fn runs(&self, arguments: &[&str]) -> Output {
        self.etcdctl(arguments).output().await.unwrap()
    }

    fn etcdctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("etcdctl");
        let target = format!("unix://{}", self.dir.path().join("wirepath").display());
        command.env("ETCDCTL_API", "3").arg("--endpoints").arg(target).args(arguments);
        command.kill_on_drop(true);
        command
    }
}

fn etcd(dir: &Path) -> Child {
    let (clients, peers) = ("unix://localhost:1", "unix://localhost:2");
    let mut command = Command::new("etcd");
    command.current_dir(dir).args(["--data-dir", "data", "--logger", "zap", "--log-level", "error"]);
    command.args(["--listen-client-urls", clients, "--advertise-client-urls", clients]);
    command.args(["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers]);
    command.args(["--initial-cluster", &format!("default={peers}")]);
    command.kill_on_drop(true).spawn().unwrap()
}

/// Carries one call onward, its metadata and deadline too.
async fn carry(
    channel: Channel,
    method: Method,
    requests: Request<MessageReceiver<Bytes>>,
    mut responses: MessageSender<Bytes>,
) -> Result<(), Status> {
    let mut onward = Request::new(()).with_parent(&requests);
    *onward.metadata_mut() = requests.metadata().clone();
    let mut requests = requests.into_message();
    let (mut sender, mut receiver) = invoke::bidi_streaming(&channel, &method, onward).await?;
    let up = async {
        while let Some(message) = requests.recv().await? {
            sender.send(message).await?;
        }
        sender.finish().await
    };
    let down = async {
        *responses.metadata_mut() = receiver.headers().await?.clone();
        responses.send_headers();
        while let Some(message) = receiver.recv().await? {
            responses.send(message).await?;
        }
        Ok(())
    };
    let mut down = pin!(down);
    tokio::select! {
        ended = &mut down => ended,
        // What could not be sent is over for the receiver too, with a status.
        _ = up => down.await,
    }
}

fn endpoint(path: &Path) -> Endpoint {
    format!("unix:{}", path.display()).parse().unwrap()
}

/// Bounds a test, so that a hang is told as a failure.
async fn in_time<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), test).await.expect("it does not hang")
}

type Method = MethodDescriptor<Bytes, Bytes>;

const PATHS: [&str; 9] = [
    "/etcdserverpb.KV/Range",
    "/etcdserverpb.KV/Put",
    "/etcdserverpb.KV/DeleteRange",
    "/etcdserverpb.KV/Txn",
    "/etcdserverpb.Watch/Watch",
    "/etcdserverpb.Lease/LeaseGrant",
    "/etcdserverpb.Lease/LeaseKeepAlive",
    "/etcdserverpb.Lease/LeaseRevoke",
    "/etcdserverpb.Maintenance/Snapshot",
];
