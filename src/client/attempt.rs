//! One attempt to connect: the byte stream, then HTTP/2 up to the server's SETTINGS, within the connect deadline (rule 66).
//!
//! A backlog that is full is the server's alone to empty, so the connect is repeated here, after short pauses that differ
//! from client to client. Whatever else fails is told, with what it means for the next attempt.

use std::{io, time::Duration};

use crate::{
    client::pauses::{self, Cause},
    http2::{ClientConnection, ClientDriver, ErrorKind, Http2Config, Initiator, KeepAlive},
    transport::{Connected, Connector},
};

/// What an attempt is made with.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) http2: Http2Config,
    pub(super) keepalive: Option<KeepAlive>,
    pub(super) timeout: Duration,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    pub(super) error: io::Error,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { cause: Cause::of(&error), error }
    }
}

/// Connects, and waits for the server's SETTINGS.
pub(super) async fn attempt(
    connector: &dyn Connector,
    settings: Settings,
) -> Result<(ClientConnection, ClientDriver), Failure> {
    let timeout = settings.timeout;
    let mut hindrance = "the connect did not end".to_owned();
    let connecting = async {
        let connected = connect(connector, &mut hindrance).await?;
        hindrance = "the server took the connection, but did not send its SETTINGS".to_owned();
        handshake(connected, settings, connector.endpoint()).await
    };
    match tokio::time::timeout(timeout, connecting).await {
        Ok(result) => Ok(result?),
        Err(_) => {
            let text = format!("no connection within {timeout:?}: {hindrance}");
            Err(io::Error::new(io::ErrorKind::TimedOut, text).into())
        }
    }
}

/// Opens the byte stream; leaves behind what kept it from that.
async fn connect(connector: &dyn Connector, hindrance: &mut String) -> io::Result<Connected> {
    let mut failures = 0;
    loop {
        match connector.connect().await {
            Err(error) if Cause::of(&error) == Cause::Full => {
                *hindrance = error.to_string();
                tokio::time::sleep(pauses::full(failures)).await;
                failures += 1;
            }
            connected => return connected,
        }
    }
}

async fn handshake(
    connected: Connected,
    settings: Settings,
    endpoint: String,
) -> io::Result<(ClientConnection, ClientDriver)> {
    let (io, _) = connected.into_parts();
    ClientConnection::handshake(io, &settings.http2, settings.keepalive, endpoint).await.map_err(|error| {
        let kind = match error.kind() {
            ErrorKind::Io(cause) => cause.kind(),
            // A server that drains says GOAWAY to whom it has just accepted.
            ErrorKind::GoAway(..) if error.initiator() == Initiator::Remote => {
                io::ErrorKind::ConnectionAborted
            }
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    })
}
