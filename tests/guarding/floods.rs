//! Frames that cost their sender nothing, sent without end.

use crate::raw::{Raw, block, call, frame, framed, headers, serve};

const CALM: u32 = 0xb;

/// Each is far more than the allowance; the text says what it was.
#[tokio::test(start_paused = true)]
async fn each_flood_ends_by_a_goaway_that_names_it_and_harms_no_other() {
    let reset = |stream_id| [headers(stream_id), frame(0x3, 0, stream_id, &8_u32.to_be_bytes())].concat();
    // A field of the connection is malformed, which costs the stream.
    let malformed = [block(), b"\x00\x0aconnection\x01x".to_vec()].concat();
    let made_you_reset = |stream_id| frame(0x1, 0x5, stream_id, &malformed);
    let opened = call(1, b"wait");
    let floods: [(&str, Vec<u8>); 9] = [
        ("too_many_ping_frames", frame(0x6, 0, 0, &[7; 8]).repeat(20_000)),
        ("too_many_settings", frame(0x4, 0, 0, &[]).repeat(2_000)),
        ("too_many_priorities", frame(0x2, 0, 1, &[0, 0, 0, 3, 7]).repeat(20_000)),
        ("too_many_window_updates", frame(0x8, 0, 0, &1_u32.to_be_bytes()).repeat(20_000)),
        ("too_many_unknown_frames", frame(0xfa, 0, 0, b"grease").repeat(2_000)),
        ("too_many_empty_data", [headers(1), frame(0x0, 0, 1, &[]).repeat(2_000)].concat()),
        ("too_many_goaways", frame(0x7, 0, 0, &[0; 8]).repeat(200)),
        ("too_many_resets", (0..300_000).flat_map(|number| reset(2 * number + 1)).collect()),
        ("too_many_stream_errors", (0..20_000).flat_map(|number| made_you_reset(2 * number + 1)).collect()),
    ];
    let server = serve(|config| config.pings.max_strikes = 0);
    let mut bystander = Raw::connect(&server).await;
    for (number, (text, flood)) in (0..).zip(floods) {
        let mut raw = Raw::connect(&server).await;
        if ["too_many_priorities", "too_many_goaways"].contains(&text) {
            // The stream of the one, and for the other a call that keeps the connection open.
            raw.send(&opened).await;
        }
        raw.offer(&flood).await;
        assert_eq!(raw.cut_off().await, (CALM, text.to_owned()));
        bystander.call(2 * number + 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn empty_data_is_forgiven_more_often_than_h2_forgives_it() {
    let mut raw = Raw::to(|_| ()).await;
    for number in 0..5 {
        let id = 2 * number + 1;
        raw.send(&headers(id)).await;
        raw.send(&frame(0x0, 0, id, &[]).repeat(100)).await;
        raw.send(&frame(0x0, 0x1, id, &framed(b"hi"))).await;
    }
    raw.call(99).await;
}

/// Each list is far within the limit on fields and octets.
#[tokio::test(start_paused = true)]
async fn blocks_full_of_references_are_priced_by_their_fields() {
    let mut raw = Raw::to(|_| ()).await;
    // accept-encoding: gzip, deflate, by one octet of the static table.
    let many = [block(), vec![0x90; 200]].concat();
    let flood: Vec<u8> = (0..2_000).flat_map(|number| frame(0x1, 0x5, 2 * number + 1, &many)).collect();
    raw.offer(&flood).await;
    assert_eq!(raw.cut_off().await, (CALM, "too_many_header_fields".to_owned()));
}
