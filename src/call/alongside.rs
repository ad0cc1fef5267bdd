//! Two futures of one call, polled by one task.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// Runs `side` until `main` is done; says whether `side` was done too.
pub(crate) async fn alongside<T>(
    mut side: Pin<&mut impl Future>,
    mut main: Pin<&mut impl Future<Output = T>>,
) -> (T, bool) {
    let mut is_side_done = false;
    poll_fn(|cx| {
        is_side_done = is_side_done || side.as_mut().poll(cx).is_ready();
        match main.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready((value, is_side_done)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn the_main_future_decides_and_the_other_is_polled_first() {
        assert_eq!(alongside(pin!(async {}), pin!(async { 1 })).await, (1, true));
        assert_eq!(alongside(pin!(std::future::pending::<()>()), pin!(async { 2 })).await, (2, false));
    }
}
