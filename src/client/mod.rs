//! The client's end: a [`Channel`] to one endpoint and the four call shapes of [`invoke`].

mod attempt;
mod call;
mod carry;
mod channel;
mod connect;
pub mod invoke;
mod pauses;
mod tries;

pub use channel::{Channel, ChannelBuilder};
