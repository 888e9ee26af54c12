//! What the load and the limit share: the operations.

pub mod operation;
