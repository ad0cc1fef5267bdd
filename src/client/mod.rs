//! The client's end: a [`Channel`] to one endpoint and the four call shapes of [`invoke`].

mod channel;
mod connect;
pub mod invoke;

pub use channel::{Channel, ChannelBuilder};
