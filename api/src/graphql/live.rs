//! Subscriptions. What many follow is read, resolved and written once: those who are the same user with the same rights and follow the same
//! are a group, and what is left for each of them is its own frame.
//!
//! `docs/decisions/0030-followers-of-the-same-are-a-group.md` has the reasons and the measurements.

mod follower;
mod group;
mod progress;
mod selection;
#[cfg(test)]
mod tests;
mod told;

pub use self::{
    follower::{LiveSubscription, follow},
    group::Groups,
    progress::{Progress, StreamPosition},
    selection::Selection,
    told::{Outcome, Told},
};
