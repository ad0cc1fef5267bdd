//! Floor of its own; see the crate docs.
