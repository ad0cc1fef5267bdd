//! The `wirepath` command.
#![forbid(unsafe_code)]

fn main() {}
