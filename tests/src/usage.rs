//! Reads the processor time and memory of a process from Linux's `/proc`.

use std::time::Duration;

/// Ticks of the processor's clock in a second, as Linux tells them to every program.
const TICKS: u64 = 100;

/// What a process has used up to a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Time on processors, in steps of 10 ms.
    pub processor: Duration,
    /// Bytes of memory that are its own at this moment.
    pub memory: u64,
}

impl Usage {
    /// Of the process with this number.
    pub fn of_process(process: u32) -> Self {
        let read = |file: &str| {
            let path = format!("/proc/{process}/{file}");
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}: measured on Linux only"))
        };
        let (status, statistics) = (read("status"), read("stat"));
        // The second field is the program's name in parentheses, which may hold anything; the times are the 14th and 15th.
        let fields = statistics.rsplit(") ").next().unwrap_or_default().split(' ');
        let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks are a number")).sum();
        let memory = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("memory is told");
        let kilobytes: u64 = memory.trim().trim_end_matches(" kB").parse().expect("memory is a number");
        Usage { processor: Duration::from_millis(ticks * 1000 / TICKS), memory: kilobytes * 1024 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let before = Usage::of_process(std::process::id());
        let mut after = before;
        while after.processor == before.processor {
            after = Usage::of_process(std::process::id());
        }
        assert!(after.processor > before.processor && after.memory > 0, "{after:?}");
    }
}
