//! One HTTP/2 connection, two halves per stream: the only floor that names h2.
//!
//! [`ServerConnection`] and [`ClientConnection`] are h2 handshakes over a byte stream with every setting of
//! [`Http2Config`] explicit. Between h2 and the byte stream stands the gate: h2 writes into it, and the
//! driver of the connection decides when its bytes go out. Frames, flow control and stream states are h2's.
//! What h2 does not police the guard does, by the frame heads that pass the gate.

#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "a client alone answers nobody"))]
mod backlog;
mod config;
mod data;
mod driver;
mod error;
mod gate;
mod guard;
mod h2_backend;
mod heads;
mod keepalive;
mod opening;
mod pool;
mod room;
mod standing;
#[cfg_attr(not(feature = "client"), allow(dead_code, reason = "without a channel nobody waits"))]
mod turns;
mod wakes;
mod work;

pub(crate) use backlog::{Backlog, Queued};
pub use config::Http2Config;
pub use data::DataBuf;
pub use driver::Spawner;
pub use error::{Error, ErrorKind, Initiator, error_code};
pub use guard::{
    Flow, HandshakeDeadlines, Lifetime, Meters, PingPolicy,
    authority::{AuthorityCure, Cured},
};
#[cfg(feature = "client")]
pub(crate) use h2_backend::client::Trace;
pub use h2_backend::{
    client::{ClientConnection, ClientDriver, PendingResponse},
    server::{Accepted, Respond, ServerConnection, Unsent},
    stream::{RecvHalf, SendHalf},
};
pub use keepalive::KeepAlive;
pub use pool::Pool;
pub(crate) use room::{Held, Room, SMALL};
pub(crate) use standing::Fate;
#[cfg(feature = "client")]
pub(crate) use turns::Turn;
#[cfg(feature = "server")]
pub(crate) use work::is_time_for_others;
pub(crate) use work::{breathe, worked, worked_on_message};
