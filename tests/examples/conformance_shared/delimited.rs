//! Messages between the suite's runner and a program under test: four bytes of length, big-endian, then protobuf.

use std::io;

use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The next message; `None` at the end of the input.
///
/// # Errors
/// The input ends inside a message, or what came is none.
pub(crate) async fn read_delimited<M: Message + Default>(
    input: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<M>> {
    let mut length = [0; 4];
    if input.read(&mut length[..1]).await? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut length[1..]).await?;
    let mut message = Vec::new();
    let wanted = u32::from_be_bytes(length);
    if input.take(wanted.into()).read_to_end(&mut message).await? < wanted as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(M::decode(message.as_slice())?))
}

/// A message with its length before it.
pub(crate) fn to_delimited(message: &impl Message) -> Vec<u8> {
    let length = u32::try_from(message.encoded_len()).expect("a message is smaller than 4 GiB");
    let mut bytes = length.to_be_bytes().to_vec();
    message.encode(&mut bytes).expect("a vector has room");
    bytes
}
