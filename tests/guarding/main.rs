//! What the guard does about peers that h2 would let have their way, over raw bytes and in paused time.

mod blocks;
mod deadlines;
mod draining;
mod floods;
mod holding;
mod hostile_servers;
mod meters;
mod pings;
mod raw;
mod stalling;
