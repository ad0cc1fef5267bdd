//! What a server asks of its clients beyond HTTP/2: patience with pings, haste with first words, an end some day.

use std::time::Duration;

/// How often a client may ping (gRFC A8, "Server Enforcement").
///
/// A ping that comes sooner than it may is a strike. What the server sends on a call, HEADERS or DATA, wipes all strikes
/// out and makes the next ping free, so that probing for bandwidth is never one (rule 62).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PingPolicy {
    /// The shortest time between two pings: 5 minutes (PERMIT_KEEPALIVE_TIME, rule 60).
    pub min_time: Duration,
    /// Whether `min_time` holds without a call in flight, too; if not, and by default, it is 2 hours then
    /// (PERMIT_KEEPALIVE_WITHOUT_CALLS).
    pub permit_without_calls: bool,
    /// Strikes that are let pass: 2, so that the third ends the connection by GOAWAY ENHANCE_YOUR_CALM with the debug
    /// data `too_many_pings` (rule 61). 0 lets all pass.
    pub max_strikes: u32,
}

impl Default for PingPolicy {
    fn default() -> Self {
        Self { min_time: Duration::from_secs(300), permit_without_calls: false, max_strikes: 2 }
    }
}

/// How long a client may take for what HTTP/2 needs before it is of use. [`Duration::MAX`] is for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandshakeDeadlines {
    /// The 24 bytes of the preface, from the accept on: 10 seconds. Both ends are on one machine, but may be stopped in
    /// a debugger or short of processors.
    pub preface: Duration,
    /// The SETTINGS behind the preface: 10 seconds.
    pub settings: Duration,
    /// The acknowledgement of this side's SETTINGS: 20 seconds, then GOAWAY SETTINGS_TIMEOUT.
    pub settings_ack: Duration,
    /// The rest of a frame head or of a field block that has begun to come: 10 seconds.
    pub field_block: Duration,
}

impl Default for HandshakeDeadlines {
    fn default() -> Self {
        Self {
            preface: Duration::from_secs(10),
            settings: Duration::from_secs(10),
            settings_ack: Duration::from_secs(20),
            field_block: Duration::from_secs(10),
        }
    }
}

/// How long a server keeps a connection (gRFC A9, rule 64). All of it is for ever ([`Duration::MAX`]) by default.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifetime {
    /// The time without a call after which the client is told to go, with the debug data `max_idle`.
    pub max_idle: Duration,
    /// The age, give or take a tenth so that clients do not come back all at once, at which the client is told to go, with
    /// the debug data `max_age`. Calls in flight go on.
    pub max_age: Duration,
    /// How long calls in flight may take after that; then the connection is closed.
    pub max_age_grace: Duration,
}

impl Default for Lifetime {
    fn default() -> Self {
        Self { max_idle: Duration::MAX, max_age: Duration::MAX, max_age_grace: Duration::MAX }
    }
}
