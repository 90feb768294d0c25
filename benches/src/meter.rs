//! What a server has used: CPU time, memory, system calls, of all processes of its group.
//!
//! CPU time is the processes' own clock (`clock_getcpuclockid(3)`), in nanoseconds and with all threads that have ended.
//! How it divides into user and system comes from `/proc/PID/stat`, where the kernel counts which of the two it meets at
//! each of its ticks: a share of a second's sample is sure to about a hundredth, a median of many rounds to less.
//! A process that has ended isn't counted: no server here ends one under load.

use std::fs;
use std::time::Duration;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use rsgi_core::Error;

/// CPU time used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cpu {
    /// Nanoseconds by the processes' clocks.
    pub(crate) total: u64,
    /// Ticks of the accounting in user mode.
    pub(crate) user_ticks: u64,
    /// Ticks of the accounting in the kernel.
    pub(crate) system_ticks: u64,
}

/// What all cores did, in ticks of the accounting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Ticks in which a core worked, for whomever.
    pub(crate) busy: u64,
    /// Ticks that a hypervisor kept.
    pub(crate) stolen: u64,
}

impl Cpu {
    /// What the processes of a group have used.
    ///
    /// # Errors
    ///
    /// When none of them is there.
    pub(crate) fn of_group(group: u32) -> Result<Self, Error> {
        let mut sum = Self::default();
        let members = members(group)?;
        for process in &members {
            let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
            let clock = clock_getcpuclockid(Pid::from_raw(*process)).and_then(clock_gettime);
            let (Some((user, system)), Ok(clock)) = (user_and_system(&stat), clock) else { continue };
            sum.user_ticks += user;
            sum.system_ticks += system;
            sum.total += u64::try_from(Duration::from(clock).as_nanos())?;
        }
        if members.is_empty() { Err("the server is gone".into()) } else { Ok(sum) }
    }

    /// What was used between two readings.
    #[must_use]
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            total: self.total.saturating_sub(before.total),
            user_ticks: self.user_ticks.saturating_sub(before.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(before.system_ticks),
        }
    }

    /// The time in all, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "a day has fewer nanoseconds than a float can tell apart")]
    pub(crate) fn microseconds(self) -> f64 {
        self.total as f64 / 1_000.0
    }

    /// The part of it in user mode, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "ticks are hundredths of a second")]
    pub(crate) fn user_microseconds(self) -> f64 {
        let ticks = self.user_ticks + self.system_ticks;
        if ticks == 0 { 0.0 } else { self.microseconds() * self.user_ticks as f64 / ticks as f64 }
    }
}

impl Machine {
    /// Reads `/proc/stat`.
    ///
    /// # Errors
    ///
    /// When it can't be read.
    pub(crate) fn read() -> Result<Self, Error> {
        Self::parse(&fs::read_to_string("/proc/stat")?).ok_or_else(|| "unreadable /proc/stat".into())
    }

    /// What happened between two readings.
    #[must_use]
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            busy: self.busy.saturating_sub(before.busy),
            stolen: self.stolen.saturating_sub(before.stolen),
        }
    }

    /// proc(5): user, nice, system, idle, iowait, irq, softirq, steal.
    fn parse(stat: &str) -> Option<Self> {
        let fields = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = fields.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let [user, nice, system, _, _, irq, softirq, stolen, ..] = ticks[..] else { return None };
        Some(Self { busy: user + nice + system + irq + softirq, stolen })
    }
}

/// Memory of a group's processes, in bytes: what is theirs alone, and their share of what they share.
///
/// # Errors
///
/// When the kernel won't tell.
pub(crate) fn memory(group: u32) -> Result<f64, Error> {
    let mut sum = 0.0;
    for process in members(group)? {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        sum += kilobytes(&rollup, "Pss:").ok_or("no Pss in smaps_rollup")? * 1024.0;
    }
    Ok(sum)
}

/// The processes of a group.
///
/// # Errors
///
/// When `/proc` can't be read.
pub(crate) fn members(group: u32) -> Result<Vec<i32>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if after_name(&stat).nth(2).and_then(|field| field.parse().ok()) == Some(group) {
            found.push(process);
        }
    }
    Ok(found)
}

/// The calls in all, from the summary of `strace -c`.
pub(crate) fn calls(summary: &str) -> Option<u64> {
    let total = summary.lines().find(|line| line.trim_end().ends_with(" total"))?;
    // `100.00  0.012345  3  4000  12 total`: share, seconds, microseconds a call, calls, errors if any.
    total.split_whitespace().nth(3)?.parse().ok()
}

fn user_and_system(stat: &str) -> Option<(u64, u64)> {
    let mut fields = after_name(stat).skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The fields of `stat` from the third on: the second is a name in brackets, and may hold anything.
fn after_name(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default().split_whitespace()
}

fn kilobytes(rollup: &str, field: &str) -> Option<f64> {
    rollup.lines().find_map(|line| line.strip_prefix(field))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "12 (a) b) S 1 77 77 0 -1 0 1 2 3 4 250 750 0 0 20 0 1";
        assert_eq!(user_and_system(stat), Some((250, 750)));
        assert_eq!(after_name(stat).nth(2), Some("77"));
    }

    #[test]
    fn user_time_is_the_share_of_the_ticks() {
        let cpu = Cpu { total: 1_000_000, user_ticks: 1, system_ticks: 3 };
        assert!((cpu.user_microseconds() - 250.0).abs() < 1e-9);
        assert!(Cpu::default().user_microseconds().abs() < 1e-9);
    }

    #[test]
    fn the_machine_is_busy_with_all_but_idling() {
        let stat = "cpu  10 1 20 1000 5 2 3 4 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(Machine::parse(stat), Some(Machine { busy: 36, stolen: 4 }));
        assert_eq!(Machine::parse("nothing"), None);
    }

    #[test]
    fn the_calls_are_those_of_the_last_line() {
        let summary = "% time     seconds  usecs/call     calls    errors syscall\n\
                       ------ ----------- ----------- --------- --------- ----------------\n \
                       60.00    0.010000           2      4000           sendto\n\
                       ------ ----------- ----------- --------- --------- ----------------\n\
                       100.00    0.016000           2      8123        12 total\n";
        assert_eq!(calls(summary), Some(8123));
        assert_eq!(calls(""), None);
    }

    #[test]
    fn this_process_is_a_member_of_its_group_and_has_used_time() {
        let group = u32::try_from(nix::unistd::getpgrp().as_raw()).unwrap();
        assert!(members(group).unwrap().contains(&nix::unistd::getpid().as_raw()));
        assert!(Cpu::of_group(group).unwrap().total > 0);
        assert!(memory(group).unwrap() > 0.0);
    }
}
