//! Header blocks of one connection, each after its length in two octets: what is cured is no longer, reads as it was but
//! for `:authority`, and leaves the dynamic tables of both sides in step.
#![no_main]

use http::uri::Authority;
use libfuzzer_sys::fuzz_target;
use wirepath::frame::hpack::{DecodedBlock, Decoder, DynamicTable};
use wirepath::http2::{AuthorityCure, Cured};
use wirepath_fuzz::assert_bounded;

fuzz_target!(|input: &[u8]| {
    let (mut sender, mut receiver) = (Decoder::default(), Decoder::default());
    let mut cure = AuthorityCure::new(4096);
    let mut rest = input;
    while let [high, low, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let (block, after) = after.split_at(len.min(after.len()));
        rest = after;
        let mut cured = block.to_vec();
        let Cured { len, sent } = assert_bounded(input.len(), FACTOR, || cure.cure(&mut cured));
        assert!(len <= block.len());
        let Ok(before) = sender.decode(block) else { return };
        let after = receiver.decode(&cured[..len]).expect("what was legal stays so");
        check(&before, &after, sent.as_deref());
        assert_in_step(sender.table(), receiver.table());
    }
});

fn check(before: &DecodedBlock, after: &DecodedBlock, told: Option<&[u8]>) {
    assert_eq!(others(before), others(after));
    let (sent, read) = (authorities(before), authorities(after));
    match (&sent[..], &read[..]) {
        ([], []) => assert_eq!(told, None),
        ([b""], []) => assert_eq!(told, Some(&b""[..])),
        ([sent], [read]) => {
            assert!(Authority::try_from(*read).is_ok());
            assert_eq!(told.unwrap_or(read), *sent);
        }
        // Malformed: h2 refuses several, and an empty one.
        (sent, read) => assert!(sent.len() > 1 && (read.len() > 1 || *read == [b""])),
    }
}

/// The receiver has what the sender has but empty authorities, and perhaps older entries behind.
fn assert_in_step(sender: &DynamicTable, receiver: &DynamicTable) {
    let sizes = |table: &DynamicTable| -> Vec<_> {
        let entries = table.iter().map(|(_, entry)| (entry.name.clone(), entry.value.len()));
        entries.filter(|(name, len)| name != ":authority" || *len > 0).collect()
    };
    assert!(sizes(receiver).starts_with(&sizes(sender)));
}

fn others(block: &DecodedBlock) -> Vec<(&[u8], &[u8])> {
    let others = block.fields.iter().filter(|field| field.name != ":authority");
    others.map(|field| (&field.name[..], &field.value[..])).collect()
}

fn authorities(block: &DecodedBlock) -> Vec<&[u8]> {
    let fields = block.fields.iter().filter(|field| field.name == ":authority");
    fields.map(|field| &field.value[..]).collect()
}

/// An index of one octet becomes an edit of a few words, in a list that doubles.
const FACTOR: usize = 256;
