//! What a client makes of each answer that a peer can give, seen as HTTP/2: the rules of the protocol by number.
//!
//! The peer is written by hand, frame by frame, and reads by this crate's own observer; h2 stands at the other end only
//! where its flow control is what the test is about.

mod answers;
mod channel;
mod connecting;
mod crowding;
mod dropping;
mod ending;
mod flow;
mod keepalive;
mod losing;
mod messages;
mod options;
mod peer;
mod queueing;
mod requests;
mod retrying;
mod strangers;
