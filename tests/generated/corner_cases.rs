//! What the generator makes of the protos beside this file, nested as their packages are: that it compiles without a
//! warning, can be implemented by plain `async fn`, and is found at the names of the protos.

use wirepath::server::{Router, Service};
use wirepath::{MessageReceiver, MessageSender, Request, Response, Status};

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

    async fn self_(&self, _: Request<MessageReceiver<Outer>>) -> Result<Response<Outer>, Status> {
        Ok(Outer::default().into())
    }

    async fn r#async(&self, _: Request<Outer>, _: MessageSender<Outer>) -> Result<(), Status> {
        Ok(())
    }

    async fn r#gen(&self, _: Request<MessageReceiver<Outer>>, _: MessageSender<Outer>) -> Result<(), Status> {
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

impl v1::idle_server::Idle for Everything {}

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
    assert!(paths(v1::idle_server::IdleServer::new(Everything)).is_empty());
    assert_eq!(paths(bare::bare_server::BareServer::new(Everything)), ["/Bare/Call"]);
}
