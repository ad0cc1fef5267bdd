//! Transports that a user plugs in by the two traits: a socketpair, and the standard streams of a child process.

use std::{future::pending, io, process::Stdio};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    process::{Child, Command},
    sync::mpsc,
};
use wirepath::{
    CallOptions, Channel, Limits, Request, Server,
    client::invoke,
    transport::{BoxFuture, Connected, Connector, Listener, Peer},
};

use crate::{
    echo::{SAY, in_time, router},
    transports::{everywhere, four_shapes},
};

/// Makes a pair, keeps one end and hands over the other.
#[derive(Debug)]
struct PairConnector(mpsc::Sender<UnixStream>);

#[derive(Debug)]
struct PairListener(mpsc::Receiver<UnixStream>);

impl Connector for PairConnector {
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            let (ours, theirs) = UnixStream::pair()?;
            self.0.send(theirs).await.map_err(io::Error::other)?;
            Ok(Connected::new(ours, Peer::Other("the other end".into())))
        })
    }

    fn endpoint(&self) -> String {
        "pair".into()
    }
}

impl Listener for PairListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            match self.0.recv().await {
                Some(stream) => Ok(Connected::new(stream, Peer::Other("the first end".into()))),
                None => pending().await,
            }
        })
    }

    fn endpoint(&self) -> String {
        "pair".into()
    }
}

#[test]
fn over_a_socketpair() {
    everywhere(|placement| async move {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(placement.server().add(router()).serve(PairListener(receiver)));
        four_shapes(&Channel::new(PairConnector(sender))).await;
    });
}

/// Runs this test binary as a child, and talks to its standard streams.
#[derive(Debug)]
struct ChildConnector;

impl Connector for ChildConnector {
    fn connect(&self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            let mut child = Command::new("/proc/self/exe")
                .args(["--exact", "plugged::serve_on_standard_streams", "--ignored", "--nocapture"])
                .env(ROLE, "server")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            let (stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            // What the test harness has to say comes first.
            let mut said = Vec::new();
            while !said.ends_with(MARK) {
                said.push(stdout.read_u8().await?);
            }
            let peer = Peer::Other(format!("stdio of {:?}", child.id()));
            Ok(Connected::new(OfChild { streams: tokio::io::join(stdout, stdin), _child: child }, peer))
        })
    }

    fn endpoint(&self) -> String {
        "child".into()
    }
}

/// The streams of a child that lives as long as they do.
struct OfChild<S> {
    streams: S,
    _child: Child,
}

mod of_child {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::{OfChild, io};

    impl<S: AsyncRead + Unpin> AsyncRead for OfChild<S> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.streams).poll_read(cx, buf)
        }
    }

    impl<S: AsyncWrite + Unpin> AsyncWrite for OfChild<S> {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.streams).poll_write(cx, buf)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.streams).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.streams).poll_shutdown(cx)
        }
    }
}

/// Yields the standard streams of this process as its only connection.
#[derive(Debug)]
struct StandardStreams {
    taken: bool,
}

impl Listener for StandardStreams {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Connected>> {
        Box::pin(async {
            if std::mem::replace(&mut self.taken, true) {
                return pending().await;
            }
            let streams = tokio::io::join(tokio::io::stdin(), tokio::io::stdout());
            Ok(Connected::new(streams, Peer::Other("the parent".into())))
        })
    }

    fn endpoint(&self) -> String {
        "stdio".into()
    }
}

#[test]
#[ignore = "a child's role"]
fn serve_on_standard_streams() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limits = Limits { max_recv: Some(usize::MAX), max_send: None };
    runtime.block_on(async {
        tokio::io::stdout().write_all(MARK).await.unwrap();
        tokio::io::stdout().flush().await.unwrap();
        let _ = Server::new().limits(limits).add(router()).serve(StandardStreams { taken: false }).await;
    });
}

#[tokio::test]
async fn over_the_standard_streams_of_a_child() {
    in_time(async {
        let channel = Channel::new(ChildConnector);
        four_shapes(&channel).await;
        // Large answers too leave a stdout that buffers what follows the last newline.
        for len in [100, 17 * 1024, 70_001, 1 << 20, 5_000_001] {
            let options = CallOptions::new().max_recv(usize::MAX);
            let request = Request::new(Bytes::from(vec![7; len])).with_options(options);
            let said = invoke::unary(&channel, &SAY, request).await.unwrap();
            assert_eq!(said.message().len(), len);
        }
    })
    .await;
}

const ROLE: &str = "WIREPATH_TEST_ROLE";
const MARK: &[u8] = b"HTTP/2 from here on\n";
