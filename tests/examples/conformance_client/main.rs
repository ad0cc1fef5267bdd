//! The client under test of the conformance suite (connectrpc.com/conformance).
//!
//! The suite's runner describes one call after the other on standard input, and is told on standard output how each ended,
//! in any order. Its own server speaks nothing but TCP. So with `--via unix` the library connects to a Unix socket in a
//! folder of its own and to nothing else; a relay in this program accepts there and carries each connection, byte for byte,
//! to the server's port. No byte of HTTP/2 leaves the library but through that socket.
//!
//! It ends with its input, once all calls have. A wrong flag is exit status 2, broken input 1, each with one line.

mod call;
mod channels;
#[path = "../conformance_shared/mod.rs"]
mod conformance_shared;
mod outcome;
mod shapes;

use std::{io, process::ExitCode, sync::Arc};

use tokio::{
    io::AsyncWriteExt,
    sync::{Semaphore, mpsc},
};
use wirepath::Channel;

use self::{
    call::Call,
    channels::Channels,
    conformance_shared::{
        Via, read_delimited, to_delimited,
        v1::{ClientCompatRequest, ClientCompatResponse, ClientErrorResult, client_compat_response},
        via,
    },
};

#[tokio::main]
async fn main() -> ExitCode {
    let via = match via() {
        Ok(via) => via,
        Err(code) => return code,
    };
    let (answers, answered) = mpsc::unbounded_channel();
    match tokio::try_join!(make_calls(via, answers), write_all(answered)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance-client: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the calls that are asked for, some at a time.
async fn make_calls(via: Via, answers: mpsc::UnboundedSender<ClientCompatResponse>) -> io::Result<()> {
    let (mut input, mut channels) = (tokio::io::stdin(), Channels::new(via)?);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(asked) = read_delimited::<ClientCompatRequest>(&mut input).await? {
        let channel = channels.to(&asked).await?;
        let (answers, places) = (answers.clone(), Arc::clone(&places));
        tokio::spawn(async move {
            let _place = places.acquire().await;
            // Whoever reads the answers may be gone.
            let _ = answers.send(answer(channel, asked).await);
        });
    }
    // The relays live as long as the calls.
    let _ = places.acquire_many(AT_ONCE as u32).await;
    Ok(())
}

async fn answer(channel: Channel, asked: ClientCompatRequest) -> ClientCompatResponse {
    let test_name = asked.test_name.clone();
    let result = match Call::new(channel, asked) {
        Ok(call) => shapes::make(&call).await,
        Err(reason) => Err(reason),
    };
    let result = match result {
        Ok(result) => client_compat_response::Result::Response(result),
        Err(message) => client_compat_response::Result::Error(ClientErrorResult { message }),
    };
    ClientCompatResponse { test_name, result: Some(result) }
}

/// Writes answers until no call is left to give one.
async fn write_all(mut answers: mpsc::UnboundedReceiver<ClientCompatResponse>) -> io::Result<()> {
    let mut output = tokio::io::stdout();
    while let Some(answer) = answers.recv().await {
        output.write_all(&to_delimited(&answer)).await?;
        output.flush().await?;
    }
    Ok(())
}

/// Calls at once: most of a case is waiting.
const AT_ONCE: usize = 16;
