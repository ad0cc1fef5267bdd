//! The accept loop of one listener.
//!
//! A failed accept never ends it: with the descriptors used up (EMFILE, ENFILE) or memory short it waits and tries again,
//! while calls on open connections go on.

use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet};

use crate::{
    server::{
        Router,
        connection::serve_connection,
        settings::{Phase, Settings},
    },
    transport::{Connected, Listener},
};

/// Accepts until the server drains, then waits for the connections to end.
pub(super) async fn accept_loop(
    mut listener: Box<dyn Listener>,
    router: Arc<Router>,
    settings: Arc<Settings>,
    mut phases: watch::Receiver<Phase>,
) {
    let mut connections = JoinSet::new();
    let mut pause = FIRST_PAUSE;
    while let Some(accepted) = accept(&mut *listener, &mut phases).await {
        match accepted {
            Ok(connected) => {
                pause = FIRST_PAUSE;
                connections.spawn(serve_connection(
                    connected,
                    Arc::clone(&router),
                    Arc::clone(&settings),
                    phases.clone(),
                ));
            }
            // The client went away before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        while connections.try_join_next().is_some() {}
    }
    // Nobody connects in vain to a server that is about to end.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The next connection; `None` once the server drains.
async fn accept(
    listener: &mut dyn Listener,
    phases: &mut watch::Receiver<Phase>,
) -> Option<io::Result<Connected>> {
    let mut accepted = listener.accept();
    let mut draining = pin!(phases.wait_for(|phase| *phase != Phase::Serving));
    poll_fn(|cx| match draining.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(None),
        Poll::Pending => accepted.as_mut().poll(cx).map(Some),
    })
    .await
}

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
