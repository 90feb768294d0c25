//! Tying workers to processors.
//!
//! Of the processors this process may run on (a container's may be few), each worker gets as many as it has threads, one after the other,
//! from the front again when there are no more. Set before the worker starts threads: they inherit it.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::Child;

/// Ties this worker to its share; tells which processors that is.
pub(crate) fn pin(_: &Child, worker: usize, threads: usize) -> io::Result<Vec<usize>> {
    let chosen = share(&allowed()?, worker, threads);
    let mut set = CpuSet::new();
    for processor in &chosen {
        set.set(*processor);
    }
    sched_setaffinity(None, &set)?;
    Ok(chosen)
}

/// The processors that this process may run on.
pub(crate) fn allowed() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|processor| set.is_set(*processor)).collect())
}

fn share(allowed: &[usize], worker: usize, threads: usize) -> Vec<usize> {
    let width = threads.clamp(1, allowed.len().max(1));
    let first = worker.wrapping_mul(width);
    let nth = |at: usize| allowed.get(first.wrapping_add(at).checked_rem(allowed.len())?).copied();
    let mut chosen: Vec<usize> = (0..width).filter_map(nth).collect();
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_take_the_allowed_processors_in_turn() {
        let allowed = [1, 3, 5];
        let shares: Vec<_> = (0..4).map(|worker| share(&allowed, worker, 1)).collect();
        assert_eq!(shares, [[1], [3], [5], [1]]);
    }

    #[test]
    fn a_worker_with_threads_gets_one_for_each_but_not_more_than_there_are() {
        assert_eq!(share(&[0, 1, 2, 3], 1, 2), [2, 3]);
        assert_eq!(share(&[0, 1, 2], 1, 2), [0, 2]);
        assert_eq!(share(&[0, 1], 5, 64), [0, 1]);
    }

    #[test]
    fn this_process_may_run_somewhere() {
        assert!(!allowed().unwrap().is_empty());
    }
}
