//! `wirepath audit`.
pub(crate) mod row;
pub(crate) mod rows;
