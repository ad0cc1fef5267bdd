//! The four call shapes over a Unix socket: `cargo run --features protos --example echo-client`.

use wirepath::generated::wirepath::echo::v1::{echo_client::EchoClient, *};
use wirepath::{Channel, Endpoint};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let echo = EchoClient::new(Channel::new("unix:/tmp/echo.sock".parse::<Endpoint>()?));

    let response = echo.say(SayRequest { text: "hello".into(), ..Default::default() }).await?;
    println!("{}", response.message().text);

    let (mut requests, response) = echo.collect(()).await?;
    requests.send(CollectRequest { text: "the last".into(), ..Default::default() }).await?;
    requests.finish().await?;
    println!("{}", response.only_message().await?.message().last_text);

    let mut responses = echo.count(CountRequest { messages: 3, payload_size: 0 }).await?;
    while let Some(response) = responses.recv().await? {
        println!("{}", response.number);
    }

    let (mut requests, mut responses) = echo.chat(()).await?;
    requests.send(ChatRequest { text: "ping".into(), ..Default::default() }).await?;
    println!("{}", responses.recv().await?.ok_or("no answer")?.text);
    Ok(requests.finish().await?)
}
