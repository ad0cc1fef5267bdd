//! **Huffman code** of string literals (RFC 7541, section 5.2 and appendix B)
//!
//! The code is canonical: codes of one length are consecutive, in the order of their symbols, and follow those of the
//! length before. So the lengths of appendix B say all of it, and the rest is worked out at compile time. A string
//! ends with fewer than 8 bits of padding, all 1, as EOS begins; EOS itself is an error.

use bytes::Bytes;

/// Decodes a whole string.
pub(crate) fn decode(octets: &[u8]) -> Result<Bytes, HuffmanError> {
    // No code is shorter than 5 bits.
    let mut decoded = Vec::with_capacity(octets.len().saturating_mul(8) / 5);
    let mut bits = Bits::new(octets);
    while bits.left > 0 {
        let Some(codes) = CODE.next(&bits) else {
            return if bits.are_padding() { Ok(exact(decoded)) } else { Err(HuffmanError::Padding) };
        };
        let symbol = CODE.symbol(codes, bits.window());
        decoded.push(u8::try_from(symbol).map_err(|_| HuffmanError::Eos)?);
        bits.skip(codes.len);
    }
    Ok(exact(decoded))
}

/// Encodes a whole string.
#[cfg(any(feature = "client", feature = "server", test))]
pub(crate) fn encode(text: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    // The bits that fill no octet yet, left-aligned.
    let (mut ahead, mut filled) = (0_u64, 0_u32);
    for symbol in text {
        let (code, len) = CODE.of(*symbol);
        ahead |= u64::from(code) << 32 >> filled;
        filled += u32::from(len);
        while filled >= 8 {
            octets.push(ahead.to_be_bytes()[0]);
            ahead <<= 8;
            filled -= 8;
        }
    }
    if filled > 0 {
        octets.push((ahead | u64::MAX >> filled).to_be_bytes()[0]);
    }
    octets
}

/// How many bits a symbol's code has.
#[cfg(any(feature = "client", feature = "server", test))]
pub(crate) fn code_len(symbol: u8) -> u8 {
    CODE_LENGTHS.get(usize::from(symbol)).copied().unwrap_or(0)
}

/// What section 5.2 forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HuffmanError {
    /// EOS inside the string.
    Eos,
    /// Bits at the end that are no code: 8 or more of them, or not all 1.
    Padding,
}

/// Without the spare room, so that a table entry costs no more than it counts for.
fn exact(decoded: Vec<u8>) -> Bytes {
    Bytes::from(decoded.into_boxed_slice())
}

/// Bits of a string, most significant first.
struct Bits<'a> {
    octets: std::slice::Iter<'a, u8>,
    /// The next bits, left-aligned, 0 behind them.
    ahead: u64,
    filled: u32,
    left: usize,
}

impl<'a> Bits<'a> {
    fn new(octets: &'a [u8]) -> Self {
        let left = octets.len().saturating_mul(8);
        let mut bits = Self { octets: octets.iter(), ahead: 0, filled: 0, left };
        bits.refill();
        bits
    }

    /// The next 32 bits, more than any code has.
    fn window(&self) -> u32 {
        u32::try_from(self.ahead >> 32).unwrap_or(u32::MAX)
    }

    /// Moves on by `len` bits, of which there are as many.
    fn skip(&mut self, len: u8) {
        self.ahead <<= len;
        self.filled -= u32::from(len);
        self.left -= usize::from(len);
        if self.filled < u32::BITS {
            self.refill();
        }
    }

    fn refill(&mut self) {
        while self.filled <= 56
            && let Some(octet) = self.octets.next()
        {
            self.ahead |= u64::from(*octet) << (56 - self.filled);
            self.filled += 8;
        }
    }

    fn are_padding(&self) -> bool {
        self.left < 8 && u64::MAX.unbounded_shr(self.filled) | self.ahead == u64::MAX
    }
}

/// All codes of one length.
#[derive(Clone, Copy)]
struct Codes {
    len: u8,
    /// The first code, left-aligned.
    first: u32,
    /// The last code, left-aligned, 1 behind it: no greater window begins with a code of this length or a shorter one.
    last: u32,
    /// Where the symbols begin.
    symbols: usize,
}

struct Code {
    /// By length; no other length occurs.
    codes: [Codes; 21],
    /// By code.
    symbols: [u16; 257],
}

impl Code {
    /// Codes of the length that the next code has, unless fewer bits are left.
    fn next(&self, bits: &Bits<'_>) -> Option<&Codes> {
        let window = bits.window();
        self.codes.iter().find(|codes| window <= codes.last && usize::from(codes.len) <= bits.left)
    }

    /// The code of a symbol, left-aligned, and its length.
    #[cfg(any(feature = "client", feature = "server", test))]
    fn of(&self, symbol: u8) -> (u32, u8) {
        let len = code_len(symbol);
        let of_len = self
            .codes
            .iter()
            .find(|codes| codes.len == len)
            .map_or((0, 0), |codes| (codes.first, codes.symbols));
        let same_len = self.symbols.iter().skip(of_len.1);
        let nth =
            same_len.zip(0_u32..).find(|(coded, _)| **coded == u16::from(symbol)).map_or(0, |(_, nth)| nth);
        (of_len.0.saturating_add(nth << (32 - u32::from(len))), len)
    }

    fn symbol(&self, codes: &Codes, window: u32) -> u16 {
        let nth = window.saturating_sub(codes.first) >> (32 - u32::from(codes.len));
        let at = usize::try_from(nth).unwrap_or(usize::MAX).saturating_add(codes.symbols);
        self.symbols.get(at).copied().unwrap_or(EOS)
    }

    #[expect(clippy::as_conversions, clippy::indexing_slicing, reason = "evaluated at compile time only")]
    const fn from_lengths(lengths: &[u8; 257]) -> Self {
        let mut code =
            Self { codes: [Codes { len: 0, first: 0, last: 0, symbols: 0 }; 21], symbols: [0; 257] };
        let (mut len, mut rows, mut symbols, mut first) = (1, 0, 0, 0_u64);
        while len <= 30 {
            let (mut next, mut symbol) = (first, 0);
            let begin = symbols;
            while symbol < lengths.len() {
                if lengths[symbol] == len {
                    code.symbols[symbols] = symbol as u16;
                    symbols += 1;
                    next += 1 << (32 - len);
                }
                symbol += 1;
            }
            if symbols > begin {
                code.codes[rows] =
                    Codes { len, first: first as u32, last: (next - 1) as u32, symbols: begin };
                rows += 1;
            }
            (first, len) = (next, len + 1);
        }
        assert!(first == 1 << 32, "every sequence of bits begins with exactly one code");
        code
    }
}

static CODE: Code = Code::from_lengths(&CODE_LENGTHS);

/// The symbol that ends no string: RFC 7541, section 5.2.
const EOS: u16 = 256;

/// RFC 7541, appendix B, column "len in bits": symbols 0 to 255, then EOS.
#[rustfmt::skip]
const CODE_LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The bits of `code`, then 1 up to the octet.
    fn padded(code: u32, len: u32) -> Vec<u8> {
        let bits = (u64::from(code) << (64 - len)) | (u64::MAX >> len);
        bits.to_be_bytes()[..len.div_ceil(8) as usize].to_vec()
    }

    #[test]
    fn symbols_have_the_codes_of_appendix_b() {
        // The first and last code of several lengths, as the appendix gives them in hex.
        let cases: [(u8, u32, u32); 16] = [
            (b'0', 0x0, 5),
            (b't', 0x9, 5),
            (b' ', 0x14, 6),
            (b'u', 0x2d, 6),
            (b':', 0x5c, 7),
            (b'&', 0xf8, 8),
            (b'Z', 0xfd, 8),
            (b'!', 0x3f8, 10),
            (0, 0x1ff8, 13),
            (b'\\', 0x7fff0, 19),
            (128, 0xfffe6, 20),
            (199, 0x1ff_ffec, 25),
            (2, 0xfff_ffe2, 28),
            (249, 0xfff_fffe, 28),
            (10, 0x3fff_fffc, 30),
            (22, 0x3fff_fffe, 30),
        ];
        for (symbol, code, len) in cases {
            assert_eq!(decode(&padded(code, len)).as_deref(), Ok(&[symbol][..]), "{code:#x} of {len} bits");
        }
    }

    #[test]
    fn reads_the_strings_of_appendix_c() {
        let cases: [(&[u8], &str); 4] = [
            (b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff", "www.example.com"),
            (b"\xa8\xeb\x10\x64\x9c\xbf", "no-cache"),
            (b"\xae\xc3\x77\x1a\x4b", "private"),
            (b"", ""),
        ];
        for (octets, text) in cases {
            assert_eq!(decode(octets).as_deref(), Ok(text.as_bytes()));
        }
    }

    #[test]
    fn what_is_encoded_reads_back() {
        assert_eq!(encode(b"www.example.com"), b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff");
        assert_eq!((encode(b"private"), encode(b"")), (b"\xae\xc3\x77\x1a\x4b".to_vec(), Vec::new()));
        let every: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        for text in (0..every.len()).map(|at| &every[at..]) {
            assert_eq!(decode(&encode(text)).as_deref(), Ok(text));
        }
    }

    #[test]
    fn padding_is_fewer_than_8_bits_all_1() {
        // 'a' is 00011, '&' is 11111000.
        assert_eq!(decode(&[0b0001_1111]).as_deref(), Ok(&b"a"[..]));
        assert_eq!(decode(&[0b1111_1000]).as_deref(), Ok(&b"&"[..]));
        let broken: [&[u8]; 5] =
            [&[0b0001_1000], &[0b0001_1110], &[0xff], &[0b1111_1000, 0xff], &[0b0001_1111, 0xff, 0xff]];
        for octets in broken {
            assert_eq!(decode(octets), Err(HuffmanError::Padding), "{octets:02x?}");
        }
    }

    #[test]
    fn eos_is_an_error_wherever_it_stands() {
        for octets in [&[0xff, 0xff, 0xff, 0xff][..], &[0b0001_1111, 0xff, 0xff, 0xff, 0xff]] {
            assert_eq!(decode(octets), Err(HuffmanError::Eos), "{octets:02x?}");
        }
    }
}
