//! Our HPACK decoder against h2, in both directions, over in-memory pipes that record what is written.
//!
//! `from_h2`: real h2 handshakes make calls with random header lists; our observer reads the recorded bytes.
//! `to_h2`: blocks of random representations, whole and broken, go to an h2 server and to our decoder.

mod from_h2;
mod recorded;
mod to_h2;
