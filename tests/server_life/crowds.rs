//! More connections than a server takes.

use wirepath::{Server, server::Bounds};

use crate::{
    echo::{Running, in_time, say},
    raw::Raw,
};

fn bounded(configure: impl FnOnce(&mut Bounds)) -> Server {
    let mut bounds = Bounds::default();
    configure(&mut bounds);
    Server::new().bounds(bounds)
}

#[tokio::test]
async fn a_connection_too_many_is_closed_and_the_others_are_served() {
    for server in [
        bounded(|bounds| bounds.max_connections = 2),
        // This process is one user, whoever it is.
        bounded(|bounds| bounds.max_connections_per_user = 2),
    ] {
        let running = Running::start(server).await;
        let channels = [running.channel(), running.channel()];
        for channel in &channels {
            in_time(say(channel, "first")).await.unwrap();
        }
        let mut third = Raw::silent(running.path()).await;
        assert!(third.read_to_end().await.unwrap().is_empty());
        for channel in &channels {
            in_time(say(channel, "still here")).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_call_that_waits_for_its_server_is_served_once_another_client_has_gone() {
    let running = Running::start(bounded(|bounds| bounds.max_connections = 1)).await;
    let first = running.channel();
    in_time(say(&first, "first")).await.unwrap();
    let second = running.channel();
    let status = in_time(say(&second, "too many")).await.unwrap_err();
    assert_eq!(status.code(), wirepath::Code::Unavailable, "{status}");
    drop(first);
    let served = async { while say(&second, "now").await.is_err() {} };
    in_time(served).await;
}
