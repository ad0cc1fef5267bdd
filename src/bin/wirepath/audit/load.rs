//! The calls that the rows measure: untapped, over connections that stay open, on one thread.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use wirepath::generated::wirepath::echo::v1::{SayRequest, echo_client::EchoClient};
use wirepath::{Channel, Status};

use super::rows::{Calls, Load, Transport};
use super::second::Addresses;

/// A client with one connection over each transport.
pub(crate) struct LoadClient<'a> {
    runtime: &'a Runtime,
    addresses: &'a Addresses,
    unix: EchoClient,
    tcp: EchoClient,
}

impl<'a> LoadClient<'a> {
    /// Connects on first use.
    pub(crate) fn new(runtime: &'a Runtime, addresses: &'a Addresses) -> Self {
        let client = |endpoint| EchoClient::new(Channel::new(endpoint));
        let (unix, tcp) = (client(addresses.unix_endpoint()), client(addresses.tcp_endpoint()));
        LoadClient { runtime, addresses, unix, tcp }
    }
}

impl Calls for LoadClient<'_> {
    fn unary(&self, transport: Transport, load: Load) -> io::Result<()> {
        let client = match transport {
            Transport::Unix => &self.unix,
            Transport::Tcp => &self.tcp,
        };
        self.runtime.block_on(unary(client, load)).map_err(io::Error::other)
    }

    fn server_pid(&self) -> u32 {
        self.addresses.pid
    }

    fn server_path(&self) -> &Path {
        &self.addresses.socket
    }
}

async fn unary(client: &EchoClient, load: Load) -> Result<(), Status> {
    let request = SayRequest { text: "x".repeat(load.message_len), ..Default::default() };
    if load.in_flight == 1 {
        for _ in 0..load.calls {
            client.say(request.clone()).await?;
        }
        return Ok(());
    }
    let left = Arc::new(AtomicU32::new(load.calls));
    let mut callers: JoinSet<Result<(), Status>> = JoinSet::new();
    for _ in 0..load.in_flight {
        let (client, request, left) = (client.clone(), request.clone(), Arc::clone(&left));
        callers.spawn(async move {
            while take_one(&left) {
                client.say(request.clone()).await?;
            }
            Ok(())
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.map_err(|error| Status::internal(error.to_string()))??;
    }
    Ok(())
}

fn take_one(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}
