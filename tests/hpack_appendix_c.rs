//! The examples of RFC 7541, appendix C.2 to C.6: fields, representations and the table after each block.
//! C.1, integers, is tested beside their parser.

use wirepath::frame::hpack::{Decoder, Field, Representation};

/// One block: its hex dump, how its fields read, and the dynamic table after it as "(size) name: value".
struct Example {
    block: &'static str,
    fields: &'static [&'static str],
    table: &'static [&'static str],
    table_size: usize,
}

#[test]
fn c_2_representations() {
    let examples = [
        Example {
            block: "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
            fields: &["added as 62, custom-key: custom-header"],
            table: &["(55) custom-key: custom-header"],
            table_size: 55,
        },
        Example {
            block: "040c 2f73 616d 706c 652f 7061 7468",
            fields: &["not indexed, name 4, :path: /sample/path"],
            table: &[],
            table_size: 0,
        },
        Example {
            block: "1008 7061 7373 776f 7264 0673 6563 7265 74",
            fields: &["never indexed, password: secret"],
            table: &[],
            table_size: 0,
        },
        Example { block: "82", fields: &["index 2, :method: GET"], table: &[], table_size: 0 },
    ];
    for example in examples {
        example.check(&mut Decoder::default(), false);
    }
}

#[test]
fn c_3_requests_without_huffman() {
    let blocks = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    check_all(requests(blocks), Decoder::default(), false);
}

#[test]
fn c_4_requests_with_huffman() {
    let blocks = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    check_all(requests(blocks), Decoder::default(), true);
}

#[test]
fn c_5_responses_without_huffman() {
    let blocks = [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
         2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
         54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
         5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ];
    check_all(responses(blocks), Decoder::new(256), false);
}

#[test]
fn c_6_responses_with_huffman() {
    let blocks = [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
         2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
         77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
         9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ];
    check_all(responses(blocks), Decoder::new(256), true);
}

/// C.3 and C.4 send the same lists.
fn requests(blocks: [&'static str; 3]) -> [Example; 3] {
    let [first, second, third] = blocks;
    [
        Example {
            block: first,
            fields: &[
                "index 2, :method: GET",
                "index 6, :scheme: http",
                "index 4, :path: /",
                "added as 62, name 1, :authority: www.example.com",
            ],
            table: &["(57) :authority: www.example.com"],
            table_size: 57,
        },
        Example {
            block: second,
            fields: &[
                "index 2, :method: GET",
                "index 6, :scheme: http",
                "index 4, :path: /",
                "index 62, :authority: www.example.com",
                "added as 62, name 24, cache-control: no-cache",
            ],
            table: &["(53) cache-control: no-cache", "(57) :authority: www.example.com"],
            table_size: 110,
        },
        Example {
            block: third,
            fields: &[
                "index 2, :method: GET",
                "index 7, :scheme: https",
                "index 5, :path: /index.html",
                "index 63, :authority: www.example.com",
                "added as 62, custom-key: custom-value",
            ],
            table: &[
                "(54) custom-key: custom-value",
                "(53) cache-control: no-cache",
                "(57) :authority: www.example.com",
            ],
            table_size: 164,
        },
    ]
}

/// C.5 and C.6 send the same lists, through a table of 256 octets.
fn responses(blocks: [&'static str; 3]) -> [Example; 3] {
    let [first, second, third] = blocks;
    [
        Example {
            block: first,
            fields: &[
                "added as 65, name 8, :status: 302",
                "added as 64, name 24, cache-control: private",
                "added as 63, name 33, date: Mon, 21 Oct 2013 20:13:21 GMT",
                "added as 62, name 46, location: https://www.example.com",
            ],
            table: &[
                "(63) location: https://www.example.com",
                "(65) date: Mon, 21 Oct 2013 20:13:21 GMT",
                "(52) cache-control: private",
                "(42) :status: 302",
            ],
            table_size: 222,
        },
        Example {
            block: second,
            fields: &[
                "added as 62, name 8, :status: 307",
                "index 65, cache-control: private",
                "index 64, date: Mon, 21 Oct 2013 20:13:21 GMT",
                "index 63, location: https://www.example.com",
            ],
            table: &[
                "(42) :status: 307",
                "(63) location: https://www.example.com",
                "(65) date: Mon, 21 Oct 2013 20:13:21 GMT",
                "(52) cache-control: private",
            ],
            table_size: 222,
        },
        Example {
            block: third,
            fields: &[
                "index 8, :status: 200",
                "index 65, cache-control: private",
                "added as 64, name 33, date: Mon, 21 Oct 2013 20:13:22 GMT",
                "index 64, location: https://www.example.com",
                "added as 63, name 26, content-encoding: gzip",
                "added as 62, name 55, set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            ],
            table: &[
                "(98) set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
                "(52) content-encoding: gzip",
                "(65) date: Mon, 21 Oct 2013 20:13:22 GMT",
            ],
            table_size: 215,
        },
    ]
}

fn check_all(examples: [Example; 3], mut decoder: Decoder, huffman: bool) {
    for example in examples {
        example.check(&mut decoder, huffman);
    }
}

impl Example {
    fn check(&self, decoder: &mut Decoder, huffman: bool) {
        let block = octets(self.block);
        let decoded = decoder.decode(&block).expect(self.block);
        assert_eq!(decoded.size_updates, []);
        assert_eq!(decoded.fields.iter().map(describe).collect::<Vec<_>>(), self.fields);

        let mut at = 0;
        for field in &decoded.fields {
            assert_eq!(field.range.start, at, "fields follow one another");
            at = field.range.end;
            assert_eq!((field.name_huffman, field.value_huffman), strings(field, huffman), "{field:?}");
        }
        assert_eq!(at, block.len());

        let table = decoder.table();
        let entries = table
            .iter()
            .map(|(_, entry)| format!("({}) {}: {}", entry.size(), text(&entry.name), text(&entry.value)));
        assert_eq!(entries.collect::<Vec<_>>(), self.table);
        assert_eq!(table.size(), self.table_size);
    }
}

/// Whether name and value are Huffman-coded in an appendix that codes all its strings, or none.
fn strings(field: &Field, huffman: bool) -> (bool, bool) {
    match field.representation {
        Representation::Indexed { .. } => (false, false),
        Representation::LiteralIndexed { name_index }
        | Representation::LiteralPlain { name_index }
        | Representation::LiteralNeverIndexed { name_index } => (huffman && name_index.is_none(), huffman),
    }
}

fn describe(field: &Field) -> String {
    let name = |index: Option<usize>| index.map(|index| format!(", name {index}")).unwrap_or_default();
    let representation = match field.representation {
        Representation::Indexed { index } => format!("index {index}"),
        Representation::LiteralIndexed { name_index } => {
            format!("added as {}{}", field.becomes.expect("no example evicts what it adds"), name(name_index))
        }
        Representation::LiteralPlain { name_index } => format!("not indexed{}", name(name_index)),
        Representation::LiteralNeverIndexed { name_index } => format!("never indexed{}", name(name_index)),
    };
    format!("{representation}, {}: {}", text(&field.name), text(&field.value))
}

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).expect("the examples are ASCII")
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
