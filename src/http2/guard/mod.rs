//! The guard: what h2 does not do for a byte stream, done to the bytes before it reads them.

pub(super) mod authority;
