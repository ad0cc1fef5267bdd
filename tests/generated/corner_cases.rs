//! What the generator makes of the protos beside this file, nested as their packages are: that it compiles without a
//! warning, can be implemented by plain `async fn`, is found at the names of the protos, and makes calls.

use wirepath::server::{Router, Service};
use wirepath::transport::duplex;
use wirepath::{Channel, MessageReceiver, MessageSender, Request, Response, Server, Status};

use self::corners::v1::{self, Outer};

#[allow(dead_code, missing_docs, unreachable_pub)]
pub mod corners {
    pub mod v1 {
        include!("corners.v1.rs");
    }
}
#[allow(dead_code, missing_docs, unreachable_pub)]
pub mod neighbour {
    include!("neighbour.rs");
}
#[allow(dead_code, missing_docs, unreachable_pub)]
pub mod bare {
    include!("_.rs");
}

/// Implements every service.
struct Everything;

impl v1::keywords_server::Keywords for Everything {
    async fn r#type(&self, request: Request<Outer>) -> Result<Response<Outer>, Status> {
        Ok(request.into_message().into())
    }

    async fn self_(&self, requests: Request<MessageReceiver<Outer>>) -> Result<Response<Outer>, Status> {
        let mut requests = requests.into_message();
        let mut last = Outer::default();
        while let Some(request) = requests.recv().await? {
            last = request;
        }
        Ok(last.into())
    }

    async fn r#async(
        &self,
        request: Request<Outer>,
        mut responses: MessageSender<Outer>,
    ) -> Result<(), Status> {
        responses.send(request.into_message()).await
    }

    async fn r#gen(
        &self,
        requests: Request<MessageReceiver<Outer>>,
        mut responses: MessageSender<Outer>,
    ) -> Result<(), Status> {
        let mut requests = requests.into_message();
        while let Some(request) = requests.recv().await? {
            responses.send(request).await?;
        }
        Ok(())
    }

    async fn new(&self, request: Request<Outer>) -> Result<Response<Outer>, Status> {
        Ok(request.into_message().into())
    }

    async fn clone(&self, request: Request<Outer>) -> Result<Response<Outer>, Status> {
        Ok(request.into_message().into())
    }
}

impl v1::result_server::Result for Everything {
    async fn nested(
        &self,
        request: Request<v1::outer::Inner>,
    ) -> Result<Response<neighbour::outer::Inner>, Status> {
        let text = String::from_utf8_lossy(&request.message().data).into_owned();
        Ok(neighbour::outer::Inner { text }.into())
    }

    async fn language(&self, _: Request<()>) -> Result<Response<bool>, Status> {
        Ok(true.into())
    }

    async fn well_known(
        &self,
        request: Request<prost_types::Any>,
    ) -> Result<Response<prost_types::Any>, Status> {
        Ok(request.into_message().into())
    }
}

impl v1::no_comments_server::NoComments for Everything {
    async fn lower_camel(&self, request: Request<Outer>) -> Result<Response<Outer>, Status> {
        Ok(request.into_message().into())
    }

    async fn http_get2(&self, request: Request<Outer>) -> Result<Response<Outer>, Status> {
        Ok(request.into_message().into())
    }
}

impl v1::service_server::Service for Everything {}

impl bare::bare_server::Bare for Everything {
    async fn call(&self, request: Request<bare::BareMessage>) -> Result<Response<bare::BareMessage>, Status> {
        Ok(request.into_message().into())
    }
}

/// The paths that a service answers at, in alphabetical order.
fn paths(service: impl Service) -> Vec<&'static str> {
    let mut router = Router::new();
    service.register(&mut router);
    router.paths()
}

#[test]
fn methods_answer_at_the_names_of_the_proto() {
    assert_eq!(
        paths(v1::keywords_server::KeywordsServer::new(Everything)),
        [
            "/corners.v1.Keywords/Async",
            "/corners.v1.Keywords/Clone",
            "/corners.v1.Keywords/Gen",
            "/corners.v1.Keywords/New",
            "/corners.v1.Keywords/Self",
            "/corners.v1.Keywords/Type",
        ]
    );
    assert_eq!(
        paths(v1::result_server::ResultServer::new(Everything)),
        ["/corners.v1.Result/Language", "/corners.v1.Result/Nested", "/corners.v1.Result/WellKnown"]
    );
    assert_eq!(
        paths(v1::no_comments_server::NoCommentsServer::new(Everything)),
        ["/corners.v1.NoComments/HTTPGet2", "/corners.v1.NoComments/lowerCamel"]
    );
    assert!(paths(v1::service_server::ServiceServer::new(Everything)).is_empty());
    assert_eq!(paths(bare::bare_server::BareServer::new(Everything)), ["/Bare/Call"]);
}

fn outer(data: &'static [u8]) -> Outer {
    Outer { inner: Some(v1::outer::Inner { data: data.into() }) }
}

#[tokio::test]
async fn the_clients_call_the_servers() -> Result<(), Status> {
    let (connector, listener) = duplex(64 * 1024);
    let server = Server::new()
        .add(v1::keywords_server::KeywordsServer::new(Everything))
        .add(v1::result_server::ResultServer::new(Everything))
        .add(bare::bare_server::BareServer::new(Everything));
    tokio::spawn(server.serve(listener));
    let channel = Channel::new(connector);

    let keywords = v1::keywords_client::KeywordsClient::new(channel.clone());
    assert_eq!(keywords.r#type(outer(b"type")).await?.into_message(), outer(b"type"));
    assert_eq!(keywords.new_(outer(b"new")).await?.into_message(), outer(b"new"));
    assert_eq!(keywords.clone(outer(b"clone")).await?.into_message(), outer(b"clone"));

    let (mut requests, responses) = keywords.self_(()).await?;
    requests.send(outer(b"first")).await?;
    requests.send(outer(b"last")).await?;
    requests.finish().await?;
    assert_eq!(responses.only_message().await?.into_message(), outer(b"last"));

    let mut responses = keywords.r#async(outer(b"async")).await?;
    assert_eq!(responses.recv().await?, Some(outer(b"async")));
    assert_eq!(responses.recv().await?, None);

    let (mut requests, mut responses) = keywords.r#gen(()).await?;
    requests.send(outer(b"gen")).await?;
    assert_eq!(responses.recv().await?, Some(outer(b"gen")));
    requests.finish().await?;
    assert_eq!(responses.recv().await?, None);

    let result = v1::result_client::ResultClient::new(channel.clone());
    let inner = v1::outer::Inner { data: b"inner"[..].into() };
    assert_eq!(result.nested(inner).await?.into_message().text, "inner");
    assert!(result.language(()).await?.into_message());

    let bare = bare::bare_client::BareClient::new(channel);
    assert_eq!(bare.call(bare::BareMessage {}).await?.into_message(), bare::BareMessage {});
    Ok(())
}
