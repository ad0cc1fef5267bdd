//! Messages in the protobuf text format, by the descriptors that this program carries.

use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use wirepath::generated::DESCRIPTORS;
use wirepath::tap::{CallEvent, CallRecord, MessageRecord};

/// Reads messages of the methods that the descriptors hold.
#[derive(Debug)]
pub(crate) struct Describer {
    pool: DescriptorPool,
}

impl Describer {
    pub(crate) fn new() -> Self {
        // The tool's own descriptors decode; were they ever not to, messages would be shown as bytes.
        Describer { pool: DescriptorPool::decode(DESCRIPTORS).unwrap_or_default() }
    }

    /// The message as text; `None` when its type is unknown, or its bytes are compressed or not of the type.
    pub(crate) fn describe(&self, record: &CallRecord, message: &MessageRecord) -> Option<String> {
        let method = self.method(&record.path)?;
        let kind = match record.event {
            CallEvent::ClientMessage(_) => method.input(),
            _ => method.output(),
        };
        if message.compressed {
            return None;
        }
        let message = DynamicMessage::decode(kind, message.data.clone()).ok()?;
        Some(message.to_text_format())
    }

    fn method(&self, path: &str) -> Option<MethodDescriptor> {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        let service = self.pool.get_service_by_name(service)?;
        service.methods().find(|known| known.name() == method)
    }
}
