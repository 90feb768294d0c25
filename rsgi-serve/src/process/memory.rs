//! How much memory this process has, as the kernel counts it. Unknown where `/proc` isn't mounted.

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

/// Reads it.
pub(crate) fn resident() -> Option<Memory> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Of the text of `/proc/self/status` (`proc_pid_status(5)`).
fn parse(status: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix("kB"))?;
        value.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Memory { now: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_bytes() {
        let status = "Name:\tping\nVmHWM:\t   20 kB\nVmRSS:\t   16 kB\n";
        assert_eq!(parse(status), Some(Memory { now: 16 * 1024, peak: 20 * 1024 }));
        assert_eq!(parse("Name:\tVmRSS: 1 kB\n"), None);
    }

    #[test]
    fn this_process_has_some() {
        let memory = resident().unwrap();
        assert!(memory.now > 0 && memory.peak >= memory.now, "{memory:?}");
    }
}
