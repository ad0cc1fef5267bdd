//! The life of a server: listeners, draining, what it survives, and what it leaves behind.
//!
//! What would disturb other tests (limits and counts of a whole process) runs in a child: this binary again, with a test
//! that is marked as a child's role.
#![cfg(all(feature = "client", feature = "server", feature = "unix"))]

#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod churn;
mod crowds;
#[cfg(target_os = "linux")]
mod descriptors;
mod draining;
mod echo;
mod fairness;
mod grace;
mod listeners;
mod lost_clients;
mod panics;
mod raw;
