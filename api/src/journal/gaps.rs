//! Gaps in the ids of events: ids below the last one that were not there when the sequencer read. A transaction takes its id before it
//! commits, so what is missing may still come; or it never will, for the transaction was rolled back.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A gap that is older than this is most likely left by a rollback: then it is worth a look at who still writes.
const YOUNG: TimeDelta = TimeDelta::seconds(1);

/// Ids that were missing, from the first to the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub first_id: i64,
    pub last_id: i64,
    since: DateTime<Utc>,
    /// The transactions that wrote to the journal when it was first looked at who does, by virtual number; one that holds an id of the gap is
    /// among them. None: nobody has looked yet.
    writers: Option<BTreeSet<String>>,
}

/// The ids that are missing after `last_id` and before the last of the `found` ones, which are in order.
pub fn between(last_id: i64, found: &[i64], now: DateTime<Utc>) -> Vec<Gap> {
    let Some(newest) = found.last() else { return Vec::new() };
    let all = Gap { first_id: last_id + 1, last_id: *newest, since: now, writers: None };
    without(vec![all], found)
}

/// The gaps without the ids that were found, which are in order.
pub fn without(gaps: Vec<Gap>, found: &[i64]) -> Vec<Gap> {
    let mut left = Vec::new();
    for gap in gaps {
        let mut next = gap.first_id;
        let within = found.iter().copied().filter(|id| (gap.first_id..=gap.last_id).contains(id));
        for id in within.chain([gap.last_id + 1]) {
            if next < id {
                left.push(Gap { first_id: next, last_id: id - 1, ..gap.clone() });
            }
            next = id + 1;
        }
    }
    left
}

/// Whether it is worth a look at who writes to the journal now.
pub fn are_old(gaps: &[Gap], now: DateTime<Utc>) -> bool {
    gaps.iter().any(|gap| gap.is_old(now))
}

/// The gaps that may still be filled, as of these transactions that write now: a gap is forgotten when all that could fill it have ended.
pub fn open(gaps: Vec<Gap>, writers: &BTreeSet<String>, now: DateTime<Utc>) -> Vec<Gap> {
    let looked_at = gaps.into_iter().filter_map(|gap| {
        if !gap.is_old(now) {
            return Some(gap);
        }
        let candidates = gap.writers.as_ref().unwrap_or(writers);
        let left: BTreeSet<_> = candidates.intersection(writers).cloned().collect();
        (!left.is_empty()).then_some(Gap { writers: Some(left), ..gap })
    });
    looked_at.collect()
}

impl Gap {
    fn is_old(&self, now: DateTime<Utc>) -> bool {
        now - self.since > YOUNG
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time")
    }

    fn ids(gaps: &[Gap]) -> Vec<(i64, i64)> {
        gaps.iter().map(|gap| (gap.first_id, gap.last_id)).collect()
    }

    #[test]
    fn what_is_missing_is_a_gap_until_it_is_found() {
        assert_eq!(between(7, &[], at(0)), []);
        assert_eq!(between(7, &[8, 9], at(0)), []);
        let gaps = between(7, &[9, 13, 14], at(0));
        assert_eq!(ids(&gaps), [(8, 8), (10, 12)]);
        assert_eq!(ids(&without(gaps.clone(), &[11])), [(8, 8), (10, 10), (12, 12)]);
        assert_eq!(ids(&without(gaps.clone(), &[8, 10])), [(11, 12)]);
        assert_eq!(ids(&without(gaps, &[8, 10, 11, 12])), []);
    }

    #[test]
    fn a_gap_is_forgotten_when_all_who_wrote_when_it_was_there_have_ended() {
        let writers = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let gaps = between(7, &[9], at(0));
        assert!(!are_old(&gaps, at(1)) && are_old(&gaps, at(2)));
        let gaps = open(gaps, &writers(&[]), at(1));
        assert_eq!(ids(&gaps), [(8, 8)], "a young one is nobody's concern");
        let gaps = open(gaps, &writers(&["1/7", "2/3"]), at(2));
        let gaps = open(gaps, &writers(&["2/3", "3/9"]), at(3));
        assert_eq!(ids(&gaps), [(8, 8)]);
        assert_eq!(open(gaps, &writers(&["1/8", "3/9"]), at(4)), [], "who came later cannot hold it");
        assert_eq!(open(between(7, &[9], at(0)), &writers(&[]), at(2)), [], "nobody writes");
    }
}
