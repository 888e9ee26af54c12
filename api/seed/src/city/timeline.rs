//! Merges the events of all orders into one timeline, which numbers their feed positions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::order_events;

/// Sorts the events of all orders by time.
#[derive(Default)]
pub struct Timeline {
    waiting: BTreeMap<(DateTime<Utc>, i32, i32), order_events::Model>,
    position: i64,
}

impl Timeline {
    /// Adds the events of an order.
    pub fn add(&mut self, events: Vec<order_events::Model>) {
        self.waiting
            .extend(events.into_iter().map(|event| ((event.at.to_utc(), event.order_id, event.sequence), event)));
    }

    /// The events before that time, or all, with their positions in the feeds.
    pub fn take_until(&mut self, time: Option<DateTime<Utc>>) -> Vec<order_events::Model> {
        let later = time.map(|time| self.waiting.split_off(&(time, 0, 0))).unwrap_or_default();
        let mut events: Vec<_> = std::mem::replace(&mut self.waiting, later).into_values().collect();
        for event in &mut events {
            self.position += 1;
            event.position = self.position;
        }
        events
    }
}
