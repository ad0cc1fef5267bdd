//! Reading a decoder to its end without holding more than the limit.

use std::io::{self, Read};

use bytes::Bytes;

/// Why a message does not inflate.
#[derive(Debug)]
pub(super) enum Broken {
    TooLarge { max_len: usize },
    Format(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Format(error)
    }
}

/// Reads all there is, in a buffer that doubles and never grows past the limit and one byte.
///
/// That byte is what tells a message of exactly the limit, which is whole, from a longer one.
pub(super) fn read_to_end(reader: &mut impl Read, max_len: Option<usize>) -> Result<Bytes, Broken> {
    let ceiling = max_len.unwrap_or(usize::MAX).saturating_add(1);
    let mut message = Vec::new();
    let mut len = 0;
    loop {
        if len == message.len() {
            grow(&mut message, ceiling);
        }
        match reader.read(&mut message[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(max_len) = max_len.filter(|max_len| len > *max_len) {
            return Err(Broken::TooLarge { max_len });
        }
    }
    message.truncate(len);
    Ok(message.into())
}

fn grow(message: &mut Vec<u8>, ceiling: usize) {
    let len = message.len().saturating_mul(2).max(BLOCK).min(ceiling);
    // `resize` alone would round the capacity up, past the ceiling.
    message.reserve_exact(len - message.len());
    message.resize(len, 0);
}

/// The first allocation; most messages fit.
const BLOCK: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    // rule 20
    #[test]
    fn holds_the_limit_and_one_byte_at_most() {
        let mut endless = io::repeat(7);
        let mut asked = Vec::new();
        let mut watched = Watched { reader: &mut endless, asked: &mut asked };
        let result = read_to_end(&mut watched, Some(10_000));
        assert!(matches!(result, Err(Broken::TooLarge { max_len: 10_000 })), "{result:?}");
        assert_eq!(asked, [4096, 4096, 1809]);
    }

    #[test]
    fn a_message_of_exactly_the_limit_is_whole() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let message = vec![7; len];
            assert_eq!(read_to_end(&mut &*message, Some(len)).expect("within the limit"), message);
            assert_eq!(read_to_end(&mut &*message, None).expect("no limit"), message);
            if let Some(less) = len.checked_sub(1) {
                let result = read_to_end(&mut &*message, Some(less));
                assert!(matches!(result, Err(Broken::TooLarge { .. })), "{len}: {result:?}");
            }
        }
    }

    /// Notes the size of each buffer it is given.
    struct Watched<'a, R> {
        reader: R,
        asked: &'a mut Vec<usize>,
    }

    impl<R: Read> Read for Watched<'_, R> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.asked.push(buf.len());
            self.reader.read(buf)
        }
    }
}
