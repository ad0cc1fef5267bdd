//! wirepath's own rung, as a program that links it would be written: the public API, its defaults, one thread.

use std::path::Path;

use bytes::Bytes;
use wirepath::call::{MethodDescriptor, MethodType};
use wirepath::client::invoke;
use wirepath::codec::Codec;
use wirepath::{Channel, Endpoint, MessageSender, Request, Response, Router, Server, Service, Status};

use crate::load::cell::STREAM_LEN;
use crate::load::part::announce;
use crate::load::{Client, Failure, Payload, Received};

const UNARY: MethodDescriptor<Payload, Payload> =
    MethodDescriptor::new("/ladder.Echo/Unary", MethodType::Unary, Codec::PROST, Codec::PROST);
const SERVER_STREAM: MethodDescriptor<Payload, Payload> = MethodDescriptor::new(
    "/ladder.Echo/ServerStream",
    MethodType::ServerStreaming,
    Codec::PROST,
    Codec::PROST,
);

/// Serves every client that connects.
pub(crate) async fn serve(socket: &Path) -> Result<(), Failure> {
    let listener = Endpoint::Unix(socket.into()).listen().await?;
    announce()?;
    Ok(Server::new().add(Echo).serve(listener).await?)
}

/// A channel, which connects at its first call.
pub(crate) fn connect(socket: &Path) -> WirepathClient {
    WirepathClient { channel: Channel::new(Endpoint::Unix(socket.into())) }
}

#[derive(Clone)]
pub(crate) struct WirepathClient {
    channel: Channel,
}

impl Client for WirepathClient {
    async fn unary(&self, data: Bytes) -> Result<Bytes, Failure> {
        let response = invoke::unary(&self.channel, &UNARY, Request::new(Payload { data })).await?;
        Ok(response.into_message().data)
    }

    async fn server_stream(&self, data: Bytes, received: &Received) -> Result<(), Failure> {
        let message_len = data.len();
        let request = Request::new(Payload { data });
        let mut messages = invoke::server_streaming(&self.channel, &SERVER_STREAM, request).await?;
        let mut count = 0;
        while let Some(message) = messages.recv().await? {
            count += usize::from(message.data.len() == message_len);
            received.add(1);
        }
        match count {
            STREAM_LEN => Ok(()),
            _ => Err(format!("a stream of {count} messages, not {STREAM_LEN}").into()),
        }
    }
}

/// Says back what it is told, once or many times.
struct Echo;

impl Service for Echo {
    fn register(self, router: &mut Router) {
        router.unary(&UNARY, unary);
        router.server_streaming(&SERVER_STREAM, server_stream);
    }
}

async fn unary(request: Request<Payload>) -> Result<Response<Payload>, Status> {
    Ok(Response::new(request.into_message()))
}

async fn server_stream(
    request: Request<Payload>,
    mut responses: MessageSender<Payload>,
) -> Result<(), Status> {
    for _ in 0..STREAM_LEN {
        responses.send(request.message().clone()).await?;
    }
    Ok(())
}
