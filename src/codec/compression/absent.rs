//! Stands in for an encoding whose feature is off.

use super::Coder;

pub(super) const CODER: Option<Coder> = None;
