//! The accept loop of one listener.
//!
//! A failed accept never ends it: with the descriptors used up (EMFILE, ENFILE) or memory short it waits and tries again,
//! while calls on open connections go on. When the server drains, clients that have connected and wait in the listener's
//! queue are accepted before it closes: they are served and told by GOAWAY as all others are, and not cut off.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet};

use crate::{
    server::{connection::Serve, settings::Phase},
    transport::{BoxFuture, Listener},
};

/// The accept loops of a server; ready when all have ended.
///
/// They run within the future of [`Server::serve`](super::Server::serve), so that dropping it closes the listeners there
/// and then, and their paths are free.
pub(super) struct Accepting {
    loops: Vec<BoxFuture<'static, ()>>,
}

impl Accepting {
    pub(super) fn new(loops: impl Iterator<Item = BoxFuture<'static, ()>>) -> Self {
        Self { loops: loops.collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.loops.is_empty()
    }
}

impl Future for Accepting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.loops.retain_mut(|accepting| accepting.as_mut().poll(cx).is_pending());
        if self.loops.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Accepts until the server drains, then who waits already, then waits for the connections to end.
pub(super) async fn accept_loop(mut listener: Box<dyn Listener>, serve: Serve) {
    let mut connections = JoinSet::new();
    let mut pause = FIRST_PAUSE;
    let mut in_row = 0;
    let mut phases = serve.phases.clone();
    while let Some(accepted) = unless_draining(listener.accept(), &mut phases, &mut connections).await {
        match accepted {
            Ok(connected) => {
                pause = FIRST_PAUSE;
                serve.begin(connected).map(|connection| connections.spawn(connection));
                in_row += 1;
                if in_row == IN_ROW {
                    in_row = 0;
                    // Those that are open get their turn before more begin, however many knock.
                    unless_draining(tokio::time::sleep(TURN), &mut phases, &mut connections).await;
                }
            }
            // The client went away before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => {
                unless_draining(tokio::time::sleep(pause), &mut phases, &mut connections).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    let queue = async {
        while let Some(accepted) = listener.accept_queued().await {
            match accepted {
                Ok(connected) => drop(serve.begin(connected).map(|connection| connections.spawn(connection))),
                // With the descriptors used up, some come free as connections end.
                Err(_) => tokio::time::sleep(FIRST_PAUSE).await,
            }
        }
    };
    let _ = tokio::time::timeout(QUEUE_TIME, queue).await;
    // Nobody connects in vain to a server that is about to end.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits, and meanwhile lets go of connections that have ended; `None` once the server drains.
async fn unless_draining<T>(
    future: impl Future<Output = T>,
    phases: &mut watch::Receiver<Phase>,
    connections: &mut JoinSet<()>,
) -> Option<T> {
    let mut future = pin!(future);
    let mut draining = pin!(phases.wait_for(|phase| *phase != Phase::Serving));
    poll_fn(|cx| {
        while let Poll::Ready(Some(_)) = connections.poll_join_next(cx) {}
        match draining.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending => future.as_mut().poll(cx).map(Some),
        }
    })
    .await
}

// To begin a connection takes as long as some ten calls: a storm of them must not fill the processors. Thousands a second
// still come in, and the others wait in the listener's queue.
const IN_ROW: u32 = 16;
const TURN: Duration = Duration::from_millis(1);

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

// For the queue at the end; longer only where clients come faster than they are accepted, to a name that cannot be taken
// from them.
const QUEUE_TIME: Duration = Duration::from_secs(1);
