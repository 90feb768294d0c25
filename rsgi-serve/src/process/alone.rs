//! Whether this process has one thread only: what fork, the environment and the title need.
//!
//! Counted by the kernel, not by us: a library of the app may have started a thread that nobody told us of.

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

/// Refuses unless there is one thread. A thread that was joined is counted for a moment longer, so it is given one.
pub(crate) fn require() -> io::Result<()> {
    for _ in 0..SETTLING_TRIES {
        if one_thread()? {
            return Ok(());
        }
        std::thread::sleep(SETTLING_PAUSE);
    }
    Err(io::Error::other(
        "this process has more than one thread; what starts threads must run in the workers, not before the fork",
    ))
}

/// Asks the kernel. In an empty chroot there is no `/proc`; there, unsharing the thread group is the question: it does nothing in a
/// process with one thread and is refused in one with more (unshare(2)).
fn one_thread() -> io::Result<bool> {
    if let Ok(tasks) = std::fs::read_dir("/proc/self/task") {
        return Ok(tasks.count() == 1);
    }
    match unshare(CloneFlags::CLONE_THREAD) {
        Ok(()) => Ok(true),
        Err(Errno::EINVAL) => Ok(false),
        Err(error) => Err(io::Error::other(format!(
            "this process's threads can't be counted: /proc isn't mounted and unshare says {error}; mount /proc"
        ))),
    }
}

const SETTLING_TRIES: u32 = 20;
const SETTLING_PAUSE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_second_thread_is_told_so() {
        // The harness runs tests on threads of their own.
        let error = require().unwrap_err();
        assert!(error.to_string().contains("more than one thread"), "{error}");
    }

    #[test]
    fn the_kernel_refuses_to_unshare_a_thread_group_of_several() {
        // Filters of system calls forbid it in some containers; then it is no answer at all.
        let answer = unshare(CloneFlags::CLONE_THREAD);
        assert!(matches!(answer, Err(Errno::EINVAL | Errno::EPERM)), "{answer:?}");
    }
}
