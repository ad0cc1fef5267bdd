//! The four call shapes served on a Unix socket: `cargo run --features protos --example echo-server`.

use wirepath::generated::wirepath::echo::v1::{echo_server::*, *};
use wirepath::{Endpoint, MessageReceiver, MessageSender, Request, Response, Server, Status};

struct Parrot;

impl Echo for Parrot {
    async fn say(&self, request: Request<SayRequest>) -> Result<Response<SayResponse>, Status> {
        let SayRequest { text, payload } = request.into_message();
        Ok(SayResponse { text, payload }.into())
    }

    async fn collect(
        &self,
        requests: Request<MessageReceiver<CollectRequest>>,
    ) -> Result<Response<CollectResponse>, Status> {
        let (mut requests, mut all) = (requests.into_message(), CollectResponse::default());
        while let Some(request) = requests.recv().await? {
            all.messages += 1;
            all.last_text = request.text;
        }
        Ok(all.into())
    }

    async fn count(
        &self,
        request: Request<CountRequest>,
        mut responses: MessageSender<CountResponse>,
    ) -> Result<(), Status> {
        for number in 1..=request.message().messages {
            responses.send(CountResponse { number, ..Default::default() }).await?;
        }
        Ok(())
    }

    async fn chat(
        &self,
        requests: Request<MessageReceiver<ChatRequest>>,
        mut responses: MessageSender<ChatResponse>,
    ) -> Result<(), Status> {
        let mut requests = requests.into_message();
        while let Some(ChatRequest { text, payload }) = requests.recv().await? {
            responses.send(ChatResponse { text, payload }).await?;
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint: Endpoint = "unix:/tmp/echo.sock".parse()?;
    Ok(Server::new().add(EchoServer::new(Parrot)).serve(endpoint.listen().await?).await?)
}
