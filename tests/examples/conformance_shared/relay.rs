//! Bytes from one socket to another, as they come.
//!
//! It knows nothing of HTTP/2: each byte that the library wrote to its socket is written to the other one, and back. What
//! one side closes is closed on the other.

use std::time::Duration;

use tokio::io::copy_bidirectional;
use wirepath::transport::{Connected, Connector, Listener};

/// Connects each connection that `listener` accepts with one of its own to `target`, until it is dropped.
pub(crate) async fn relay(mut listener: Box<dyn Listener>, target: impl Connector + Clone) {
    loop {
        match listener.accept().await {
            Ok(accepted) => drop(tokio::spawn(carry(accepted, target.clone()))),
            Err(error) => {
                eprintln!("relay: {}: {error}", listener.endpoint());
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Carries bytes both ways until both sides are closed. A lost connection is not the relay's: its ends see it too.
async fn carry(accepted: Connected, target: impl Connector) {
    let (mut here, _) = accepted.into_parts();
    match target.connect().await {
        Ok(connected) => {
            let (mut there, _) = connected.into_parts();
            let _ = copy_bidirectional(&mut here, &mut there).await;
        }
        Err(error) => eprintln!("relay: {error}"),
    }
}

// After a failed accept, such as one without descriptors.
const PAUSE: Duration = Duration::from_millis(10);
