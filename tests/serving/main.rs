//! What a server answers to each request that a peer can send, seen as HTTP/2: the rules of the protocol by number.

mod authorities;
mod cancelling;
mod grammar;
mod messages;
mod peer;
mod raw;
