//! What the kernel tells of a process.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Lets time pass, more than a limit allows: for what must not happen meanwhile.
pub(crate) fn pass(time: Duration) {
    thread::sleep(time);
}

/// A process's state, as `ps` has it; `None` if there is none of that number.
pub(crate) fn state(pid: u32) -> Option<char> {
    stat(pid)?.split(' ').next()?.chars().next()
}

/// The time that a process has had the processor.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let stat = stat(pid).unwrap();
    // `proc(5)`: utime and stime, 14th and 15th, in hundredths of a second.
    let ticks: u64 = stat.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// The program that a process runs, cut as the kernel has it.
pub(crate) fn program_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned()
}

/// How many connections wait to be accepted at a port of IPv4; none where nobody listens.
pub(crate) fn queued_at(port: u16) -> u64 {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let (port, listening) = (format!(":{port:04X}"), "0A");
    let queue = table.lines().find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let is_it = words.get(1)?.ends_with(&port) && words.get(3) == Some(&listening);
        words.get(4)?.split_once(':').filter(|_| is_it)
    });
    queue.map_or(0, |(_, received)| u64::from_str_radix(received, 16).unwrap())
}

/// Makes a pipe with a name.
pub(crate) fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// The words of a process's line behind its name, which may hold anything.
fn stat(pid: u32) -> Option<String> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(line.rsplit_once(") ")?.1.to_owned())
}
