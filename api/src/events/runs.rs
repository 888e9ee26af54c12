//! Which runs of the journal this process has heard of. Their numbers have no gaps, so what was missed is seen.

use std::collections::BTreeSet;

/// The number of a run: one more than that of the run before.
pub type RunNumber = i64;

#[derive(Debug, Default)]
pub(super) struct HeardRuns {
    /// All up to this one were heard of.
    until: RunNumber,
    /// Those after a run that was not heard of.
    beyond: BTreeSet<RunNumber>,
}

impl HeardRuns {
    pub fn until(&self) -> RunNumber {
        self.until
    }

    pub fn has_heard(&self, run: RunNumber) -> bool {
        run <= self.until || self.beyond.contains(&run)
    }

    pub fn hear(&mut self, run: RunNumber) {
        if run > self.until {
            self.beyond.insert(run);
        }
        self.go_on();
    }

    pub fn hear_until(&mut self, run: RunNumber) {
        self.until = run;
        self.beyond = self.beyond.split_off(&(run + 1));
        self.go_on();
    }

    fn go_on(&mut self) {
        while self.beyond.remove(&(self.until + 1)) {
            self.until += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_missed_is_seen_until_it_is_found() {
        let mut runs = HeardRuns::default();
        runs.hear_until(7);
        for run in [8, 10, 7, 12, 11] {
            runs.hear(run);
        }
        assert_eq!(runs.until(), 8);
        assert!(runs.has_heard(8) && !runs.has_heard(9) && runs.has_heard(10) && !runs.has_heard(13));
        runs.hear(9);
        assert_eq!(runs.until(), 12);
        runs.hear(15);
        runs.hear_until(14);
        assert_eq!(runs.until(), 15);
        // Restored data are younger.
        runs.hear_until(3);
        assert_eq!((runs.until(), runs.has_heard(4)), (3, false));
    }
}
