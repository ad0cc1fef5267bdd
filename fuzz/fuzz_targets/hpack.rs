//! Field blocks for one decoder, each after its length in one octet; 255 is a change of the table's limit to the octet
//! after it instead. Ranges follow one another, the table keeps its bound, and an index gained finds its field.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirepath::frame::hpack::{DecodedBlock, Decoder};

fuzz_target!(|input: &[u8]| {
    let mut decoder = Decoder::new(128).with_max_list_size(4096);
    let mut limit = 128;
    let mut rest = input;
    while let [len, after @ ..] = rest {
        if let (255, [max, after @ ..]) = (len, after) {
            limit = usize::from(*max);
            decoder.set_max_table_size(limit);
            rest = after;
            continue;
        }
        let (block, after) = after.split_at(usize::from(*len).min(after.len()));
        rest = after;
        if let Ok(decoded) = decoder.decode(block) {
            check(&decoded, block, &decoder);
            assert!(block.is_empty() || decoder.table().max_size() <= limit);
        }
    }
});

fn check(decoded: &DecodedBlock, block: &[u8], decoder: &Decoder) {
    let updates = decoded.size_updates.iter().map(|update| &update.range);
    let mut at = 0;
    for range in updates.chain(decoded.fields.iter().map(|field| &field.range)) {
        assert_eq!(range.start, at);
        assert!(range.end > at);
        at = range.end;
    }
    assert_eq!(at, block.len());

    let table = decoder.table();
    assert!(table.size() <= table.max_size());
    assert_eq!(table.size(), table.iter().map(|(_, entry)| entry.size()).sum());
    for field in &decoded.fields {
        let Some(becomes) = field.becomes else { continue };
        let (_, entry) =
            table.iter().find(|(index, _)| *index == becomes).expect("the index is in the table");
        assert_eq!((&entry.name, &entry.value), (&field.name, &field.value));
    }
    assert!(decoded.fields.iter().map(|field| field.size()).sum::<usize>() <= 4096);
}
