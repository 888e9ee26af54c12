//! The words of the domain, which everything else is said in: who asks, what things are called by, what money is, what may go wrong. They
//! know nobody.

pub mod clock;
pub mod error;
pub mod ids;
pub mod money;
pub mod viewer;
