//! **content-subtype** `json`: the JSON mapping of protobuf as a codec of a user's own.
//!
//! A message becomes JSON by way of its protobuf bytes and the descriptors, which know the names that the generated
//! structs have lost. Slow, and enough for a test.

use std::sync::LazyLock;

use bytes::{BufMut, Bytes, BytesMut};
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor};
use wirepath::{
    call::MethodDescriptor,
    codec::{Codec, DecodeError},
};

use super::messages::DESCRIPTORS;

/// The same method with its messages in JSON.
pub(crate) fn in_json<Q, R>(method: &MethodDescriptor<Q, R>) -> MethodDescriptor<Q, R>
where
    Q: Message + Name + Default,
    R: Message + Name + Default,
{
    method.with_format("json", Codec::new(encode, decode), Codec::new(encode, decode))
}

fn encode<M: Message + Name>(message: &M, buffer: &mut BytesMut) -> Option<Bytes> {
    let dynamic = DynamicMessage::decode(descriptor::<M>(), message.encode_to_vec().as_slice());
    let dynamic = dynamic.expect("a message decodes as what it is");
    serde_json::to_writer(buffer.writer(), &dynamic).expect("every type that the suite sends is in the pool");
    None
}

fn decode<M: Message + Name + Default>(message: Bytes) -> Result<M, DecodeError> {
    let mut json = serde_json::Deserializer::from_slice(&message);
    // What a newer peer adds is passed over, as protobuf does.
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let refuse = |error: serde_json::Error| DecodeError::new(error.to_string());
    let dynamic =
        DynamicMessage::deserialize_with_options(descriptor::<M>(), &mut json, &options).map_err(refuse)?;
    json.end().map_err(refuse)?;
    Ok(dynamic.transcode_to()?)
}

fn descriptor<M: Name>() -> MessageDescriptor {
    POOL.get_message_by_name(&M::full_name()).expect("every message of the suite is in the pool")
}

/// The suite's types and the well-known ones, which it puts into `google.protobuf.Any`.
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let mut pool = DescriptorPool::global();
    pool.decode_file_descriptor_set(DESCRIPTORS).expect("descriptors.bin is sound");
    pool
});
