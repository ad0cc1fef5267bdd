//! One RPC: what is asked, what is answered, and the typed halves in between.
//!
//! A unary call is [`Request`] and [`Response`]. A streaming call sends by a [`MessageSender`] and receives by a
//! [`MessageReceiver`], on the client and on the server alike. [`MethodDescriptor`] says which codec serves which
//! direction; [`CallOptions`] bound a call in time and size.

#![cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(dead_code, unused_imports, reason = "one end alone needs its half of a call")
)]

mod alongside;
mod answer;
mod deadline;
mod encode;
mod limits;
mod method;
mod options;
mod outbox;
mod pump;
mod receiver;
mod request;
mod requested;
mod response;
mod sender;

pub(crate) use self::{
    alongside::alongside,
    answer::{check_encoding, response_end, response_start, with_body_text, with_initial},
    encode::{MessageDecoder, MessageEncoder},
    outbox::{End, Head, Next, Outbox},
    pump::{pump, send_all},
    requested::{Requested, Successor},
};
pub use self::{
    deadline::Deadline,
    limits::Limits,
    method::{MethodDescriptor, MethodType},
    options::CallOptions,
    receiver::MessageReceiver,
    request::Request,
    response::Response,
    sender::MessageSender,
};
