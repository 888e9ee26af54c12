//! Subscriptions, with fan-out by groups: followers who are the same user with the same rights and follow the same are a group. An event is
//! read, resolved and written as JSON once for the group; what is left for each member is its own frame.
//!
//! `docs/decisions/0030-followers-of-the-same-are-a-group.md` has the reasons and the measurements.

mod feed;
mod follower;
mod group;
mod progress;
mod selection;
#[cfg(test)]
mod tests;
mod told;
mod wake_ups;

pub use self::{
    feed::{BATCH, Feed, FeedReadings, FeedRequest, follow_feed},
    follower::{LiveSubscription, follow},
    group::Groups,
    progress::{Progress, StreamPosition},
    selection::Selection,
    told::{Outcome, Told},
    wake_ups::{WakeUps, Woken},
};
