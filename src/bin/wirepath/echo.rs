//! The echo service: the four call shapes over messages of any size.

use wirepath::generated::wirepath::echo::v1::{
    ChatRequest, ChatResponse, CollectRequest, CollectResponse, CountRequest, CountResponse, SayRequest,
    SayResponse, echo_server::Echo,
};
use wirepath::{MessageReceiver, MessageSender, Request, Response, Status};

/// Says back what it is told.
#[derive(Debug)]
pub(crate) struct EchoService;

impl Echo for EchoService {
    async fn say(&self, request: Request<SayRequest>) -> Result<Response<SayResponse>, Status> {
        let SayRequest { text, payload } = request.into_message();
        Ok(Response::new(SayResponse { text, payload }))
    }

    async fn collect(
        &self,
        requests: Request<MessageReceiver<CollectRequest>>,
    ) -> Result<Response<CollectResponse>, Status> {
        let mut requests = requests.into_message();
        let mut collected = CollectResponse::default();
        while let Some(CollectRequest { text, payload }) = requests.recv().await? {
            collected.messages += 1;
            collected.bytes += (text.len() + payload.len()) as u64;
            collected.last_text = text;
        }
        Ok(Response::new(collected))
    }

    async fn count(
        &self,
        request: Request<CountRequest>,
        mut responses: MessageSender<CountResponse>,
    ) -> Result<(), Status> {
        let CountRequest { messages, payload_size } = request.into_message();
        if payload_size > MAX_PAYLOAD {
            let text = format!("payload_size is at most {MAX_PAYLOAD}, not {payload_size}");
            return Err(Status::invalid_argument(text));
        }
        let payload = bytes::Bytes::from(vec![0; payload_size as usize]);
        for number in 1..=messages {
            responses.send(CountResponse { number, payload: payload.clone() }).await?;
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

/// What one message of `Count` may hold: below the 4 MiB that clients take by default.
const MAX_PAYLOAD: u32 = 4_000_000;
