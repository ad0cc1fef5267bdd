//! tonic as a competent user runs it: its own defaults, the service as its generator writes it, `bytes::Bytes` in the
//! message, answers that are ready handed over as a stream of ready items.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::iter::{RepeatN, repeat_n};
use std::path::Path;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::PathAndQuery;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{NamedService, ServerStreamingService, UnaryService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::load::cell::STREAM_LEN;
use crate::load::part::announce;
use crate::load::{Client, Failure, Payload, Received};

const UNARY: &str = "/ladder.Echo/Unary";
const SERVER_STREAM: &str = "/ladder.Echo/ServerStream";

/// Serves every client that connects.
pub(crate) async fn serve(socket: &Path) -> Result<(), Failure> {
    let listener = UnixListener::bind(socket)?;
    announce()?;
    Server::builder().add_service(EchoServer).serve_with_incoming(UnixListenerStream::new(listener)).await?;
    Ok(())
}

/// Opens a channel of one connection.
pub(crate) async fn connect(socket: &Path) -> Result<TonicClient, Failure> {
    let channel = Endpoint::from_shared(format!("unix:{}", socket.display()))?.connect().await?;
    Ok(TonicClient { channel })
}

#[derive(Clone)]
pub(crate) struct TonicClient {
    channel: Channel,
}

impl TonicClient {
    async fn ready(&self) -> Result<tonic::client::Grpc<Channel>, Failure> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await?;
        Ok(grpc)
    }
}

impl Client for TonicClient {
    async fn unary(&self, data: Bytes) -> Result<Bytes, Failure> {
        let codec = ProstCodec::<Payload, Payload>::default();
        let path = PathAndQuery::from_static(UNARY);
        let response = self.ready().await?.unary(Request::new(Payload { data }), path, codec).await?;
        Ok(response.into_inner().data)
    }

    async fn server_stream(&self, data: Bytes, received: &Received) -> Result<(), Failure> {
        let message_len = data.len();
        let codec = ProstCodec::<Payload, Payload>::default();
        let path = PathAndQuery::from_static(SERVER_STREAM);
        let response =
            self.ready().await?.server_streaming(Request::new(Payload { data }), path, codec).await?;
        let (mut messages, mut count) = (response.into_inner(), 0);
        while let Some(message) = messages.message().await? {
            count += usize::from(message.data.len() == message_len);
            received.add(1);
        }
        match count {
            STREAM_LEN => Ok(()),
            _ => Err(format!("a stream of {count} messages, not {STREAM_LEN}").into()),
        }
    }
}

/// Routes by path, as tonic's generated servers do.
#[derive(Clone)]
struct EchoServer;

impl NamedService for EchoServer {
    const NAME: &'static str = "ladder.Echo";
}

impl Service<http::Request<Body>> for EchoServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match request.uri().path() {
            UNARY => Box::pin(async move {
                let mut grpc = tonic::server::Grpc::new(ProstCodec::<Payload, Payload>::default());
                Ok(grpc.unary(Unary, request).await)
            }),
            SERVER_STREAM => Box::pin(async move {
                let mut grpc = tonic::server::Grpc::new(ProstCodec::<Payload, Payload>::default());
                Ok(grpc.server_streaming(ServerStream, request).await)
            }),
            _ => Box::pin(ready(Ok(Status::unimplemented("").into_http()))),
        }
    }
}

struct Unary;

impl UnaryService<Payload> for Unary {
    type Response = Payload;
    type Future = Ready<Result<Response<Payload>, Status>>;

    fn call(&mut self, request: Request<Payload>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}

struct ServerStream;

impl ServerStreamingService<Payload> for ServerStream {
    type Response = Payload;
    type ResponseStream = tokio_stream::Iter<RepeatN<Result<Payload, Status>>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Payload>) -> Self::Future {
        ready(Ok(Response::new(tokio_stream::iter(repeat_n(Ok(request.into_inner()), STREAM_LEN)))))
    }
}
