//! A channel to each of the suite's servers, one for each of its configurations.

use std::{collections::HashMap, io};

use tempfile::TempDir;
use wirepath::{Channel, Endpoint};

use crate::conformance_shared::{Via, relay, v1::ClientCompatRequest};

/// The channels by their server's address, and the folder of their sockets.
#[derive(Debug)]
pub(crate) struct Channels {
    via: Via,
    folder: TempDir,
    open: HashMap<String, Channel>,
}

impl Channels {
    /// No channels.
    ///
    /// # Errors
    /// There is no folder for their sockets.
    pub(crate) fn new(via: Via) -> io::Result<Self> {
        Ok(Self { via, folder: tempfile::tempdir()?, open: HashMap::new() })
    }

    /// The channel to the server that a call is for.
    ///
    /// # Errors
    /// The relay has no socket to listen on.
    pub(crate) async fn to(&mut self, asked: &ClientCompatRequest) -> io::Result<Channel> {
        let address = format!("{}:{}", asked.host, asked.port);
        if let Some(channel) = self.open.get(&address) {
            return Ok(channel.clone());
        }
        let server = Endpoint::Tcp(address.clone());
        let channel = match self.via {
            Via::Tcp => Channel::new(server),
            Via::Unix => {
                let socket = Endpoint::Unix(self.folder.path().join(format!("{}.sock", self.open.len())));
                tokio::spawn(relay(socket.listen().await?, server));
                Channel::new(socket)
            }
        };
        self.open.insert(address, channel.clone());
        Ok(channel)
    }
}
