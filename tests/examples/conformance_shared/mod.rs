//! What both programs of the conformance suite share: its messages, how its runner frames them, and the relay.

mod delimited;
mod fields;
mod flags;
mod json;
mod messages;
mod relay;

pub(crate) use self::{
    delimited::{read_delimited, to_delimited},
    fields::{from_metadata, to_metadata},
    flags::{Via, via},
    json::in_json,
    messages::v1,
    relay::relay,
};
