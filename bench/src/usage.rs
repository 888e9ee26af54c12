//! What processes use, read from Linux's `/proc`.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::Context;

/// Ticks of the processor's clock in a second, as Linux tells them to every program.
const TICKS: u64 = 100;

/// The fields of `/proc/<process>/stat` that are needed here.
struct Stat {
    parent: u32,
    /// Of the process itself, and of its children that have ended.
    ticks: u64,
    ended_children_ticks: u64,
}

impl Stat {
    fn of(process: u32) -> anyhow::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).context("measured on Linux only")?;
        // The second field is the program's name in parentheses, which may hold anything; the rest begins with the third.
        let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let number = |place: usize| -> anyhow::Result<u64> { Ok(fields.get(place - 3).context("a field")?.parse()?) };
        Ok(Stat {
            parent: u32::try_from(number(4)?)?,
            ticks: number(14)? + number(15)?,
            ended_children_ticks: number(16)? + number(17)?,
        })
    }
}

/// The processor time of one process, in steps of 10 ms.
pub fn processor_time(process: u32) -> anyhow::Result<Duration> {
    Ok(ticks(Stat::of(process)?.ticks))
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS)
}

pub fn parent(process: u32) -> anyhow::Result<u32> {
    Ok(Stat::of(process)?.parent)
}

/// The processor time of a process that waits for its children, with theirs, also of those that have ended: PostgreSQL's, whose
/// every connection is a child of the first process.
pub fn family_processor_time(process: u32) -> anyhow::Result<Duration> {
    loop {
        let before = children(process)?;
        let own = Stat::of(process)?;
        let of_children: u64 = before.values().sum();
        // A child that ends in between would be counted twice or not at all.
        if children(process)?.keys().eq(before.keys()) {
            return Ok(ticks(own.ticks + own.ended_children_ticks + of_children));
        }
    }
}

/// How often the children of a process have waited for something.
pub fn waits_of_children(process: u32) -> anyhow::Result<u64> {
    let mut waits = 0;
    for child in children(process)?.into_keys() {
        waits += status_number(child, "voluntary_ctxt_switches:").unwrap_or(0);
    }
    Ok(waits)
}

/// Ticks by child.
fn children(process: u32) -> anyhow::Result<BTreeMap<u32, u64>> {
    let mut children = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(child) = entry?.file_name().to_string_lossy().parse() else { continue };
        // It may have ended since.
        if let Ok(stat) = Stat::of(child)
            && stat.parent == process
        {
            children.insert(child, stat.ticks);
        }
    }
    Ok(children)
}

/// Kilobytes of memory that a process has at this moment, and had at most since the last [`forget_peak`].
pub fn memory(process: u32) -> anyhow::Result<(u64, u64)> {
    Ok((status_number(process, "VmRSS:")?, status_number(process, "VmHWM:")?))
}

/// Lets the most memory that a process had be what it has now.
pub fn forget_peak(process: u32) -> anyhow::Result<()> {
    Ok(fs::write(format!("/proc/{process}/clear_refs"), "5")?)
}

fn status_number(process: u32, name: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
