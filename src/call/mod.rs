//! One RPC: what is asked, what is answered, and the typed halves in between.
//!
//! A unary call is [`Request`] and [`Response`]. A streaming call sends by a [`MessageSender`] and receives by a
//! [`MessageReceiver`], on the client and on the server alike. [`MethodDescriptor`] says which codec serves which
//! direction; [`CallOptions`] bound a call in time and size.

mod deadline;
mod encode;
mod limits;
mod method;
mod options;
mod outbox;
mod receiver;
mod request;
mod response;
mod sender;

pub use deadline::Deadline;
pub(crate) use encode::{MessageEncoder, MessageDecoder};
pub use limits::Limits;
pub use method::{MethodDescriptor, MethodType};
pub use options::CallOptions;
pub(crate) use outbox::Outbox;
pub use receiver::MessageReceiver;
pub use request::Request;
pub(crate) use request::Received;
pub use response::Response;
pub use sender::MessageSender;
