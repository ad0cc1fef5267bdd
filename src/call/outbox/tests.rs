use super::*;

fn push(outbox: &Outbox, bytes: &'static [u8]) -> Option<Result<(), Status>> {
    outbox.push(|buf| {
        buf.extend_from_slice(bytes);
        Ok(None)
    })
}

async fn next(outbox: &Outbox) -> Next {
    poll_fn(|cx| outbox.poll_next(cx)).await
}

#[tokio::test]
async fn messages_that_are_ready_leave_as_one_piece() {
    let outbox = Outbox::default();
    push(&outbox, b"one").unwrap().unwrap();
    push(&outbox, b"two").unwrap().unwrap();
    outbox.end(End::HalfClose);
    let Next::End(mut data, End::HalfClose) = next(&outbox).await else { panic!("not at the end") };
    assert_eq!(data.copy_to_bytes(6), "onetwo");
}

#[tokio::test]
async fn order_is_kept_across_a_message_that_is_not_copied() {
    let outbox = Outbox::default();
    push(&outbox, b"a").unwrap().unwrap();
    let shared = Bytes::from(vec![7; COPIED_MAX + 1]);
    outbox.push(|_| Ok(Some(shared.clone()))).unwrap().unwrap();
    push(&outbox, b"b").unwrap().unwrap();
    let (mut first, mut second) = match (next(&outbox).await, next(&outbox).await) {
        (Next::Data(first), Next::Data(second)) => (first, second),
        other => panic!("{other:?}"),
    };
    assert_eq!(first.copy_to_bytes(1), "a");
    assert_eq!(first.chunk().as_ptr(), shared.as_ptr());
    assert_eq!((first.remaining(), second.copy_to_bytes(1)), (COPIED_MAX + 1, "b".into()));
}

#[tokio::test]
async fn small_messages_of_shared_bytes_leave_as_one_piece() {
    let outbox = Outbox::default();
    for part in ["one", "two"] {
        outbox.push(|_| Ok(Some(part.into()))).unwrap().unwrap();
    }
    let Next::Data(mut data) = next(&outbox).await else { panic!("no data") };
    assert_eq!(data.copy_to_bytes(6), "onetwo");
}

#[tokio::test]
async fn after_its_end_an_outbox_takes_no_more() {
    let outbox = Outbox::default();
    push(&outbox, b"last").unwrap().unwrap();
    outbox.end(End::HalfClose);
    push(&outbox, b"late").unwrap().unwrap_err();
    let Next::End(mut data, End::HalfClose) = next(&outbox).await else { panic!("not at the end") };
    assert_eq!(data.copy_to_bytes(data.remaining()), "last");
    push(&outbox, b"later").unwrap().unwrap_err();
}

#[tokio::test]
async fn a_full_outbox_holds_its_sender_until_the_stream_takes() {
    let outbox = Outbox::default();
    outbox.push(|_| Ok(Some(Bytes::from(vec![0; HIGH_WATER])))).unwrap().unwrap();
    let waiting = tokio::spawn({
        let outbox = outbox.clone();
        async move { outbox.room().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    assert!(push(&outbox, b"one more").is_none());
    next(&outbox).await;
    waiting.await.unwrap();
    push(&outbox, b"one more").unwrap().unwrap();
}

#[tokio::test]
async fn a_closed_outbox_fails_its_sender_with_the_reason() {
    let outbox = Outbox::default();
    outbox.close(Status::cancelled("gone"));
    outbox.room().await;
    assert_eq!(push(&outbox, b"late").unwrap().unwrap_err().message(), "gone");
}

#[tokio::test]
async fn a_message_that_does_not_encode_leaves_nothing_behind() {
    let outbox = Outbox::default();
    outbox.push(|_| Err(Status::internal("no"))).unwrap().unwrap_err();
    outbox.end(End::HalfClose);
    let Next::End(data, End::HalfClose) = next(&outbox).await else { panic!("not at the end") };
    assert!(!data.has_remaining());
}

#[tokio::test]
async fn what_was_taken_is_taken_again_after_a_rewind() {
    let outbox = Outbox::keeping();
    push(&outbox, b"one").unwrap().unwrap();
    next(&outbox).await;
    push(&outbox, b"two").unwrap().unwrap();
    outbox.end(End::HalfClose);
    next(&outbox).await;
    push(&outbox, b"late").unwrap().unwrap_err();
    for _ in 0..2 {
        assert!(outbox.rewind());
        let Next::Data(mut first) = next(&outbox).await else { panic!("no data") };
        assert_eq!(first.copy_to_bytes(3), "one");
        let Next::End(mut second, End::HalfClose) = next(&outbox).await else { panic!("not at the end") };
        assert_eq!(second.copy_to_bytes(3), "two");
    }
}

#[tokio::test]
async fn nothing_is_taken_again_that_is_not_at_hand() {
    let (plain, answered, closed) = (Outbox::default(), Outbox::keeping(), Outbox::keeping());
    for outbox in [&plain, &answered, &closed] {
        push(outbox, b"one").unwrap().unwrap();
        next(outbox).await;
    }
    answered.commit();
    closed.close(Status::cancelled("gone"));
    assert!(!plain.rewind() && !answered.rewind() && !closed.rewind());
}
