//! [`Hooks`]: the places in the life of master and workers where a program may do something of its own.
//!
//! The names and places are Gunicorn's, but for those around each fork, which a runtime inside of the program needs. Not here: hooks around a request, which are middleware; and who calls these
//! (`master/hooking.rs`, `worker/`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What a program does at the turns of the master's and the workers' lives. Every method does nothing by default.
///
/// # Contract
///
/// - **Where**: `on_starting`, `on_reload`, `when_ready`, `pre_fork`, `child_exit`, `workers_changed`, `pre_exec` and `on_exit`
///   run in the master, which has one thread and must stay so: a hook there starts no thread and no runtime, and is quick.
///   The others run in the worker. Without a master (`--workers 0`) only `post_worker_init`, `worker_int` and `worker_exit` run.
/// - **Order**: `on_starting` is the first and `on_exit` the last; `pre_fork` comes before each fork, `post_fork` first in the
///   worker, `post_worker_init` after its app was made, `worker_exit` when it has ended; `child_exit` follows in the master.
/// - **Forks**: the master forks for other reasons, too (the status process, a probe, the background). `before_fork` comes right before
///   each fork, and right behind it `after_fork_in_parent` and `after_fork_in_child`, the new process's very first act, one each;
///   where the fork failed, the parent's alone. A runtime that was started before (with `--preload-app`) hears of all of them so.
/// - **Panics**: one in the master is logged and changes nothing once the service is up; at the first start it ends the
///   program with code 4.
///
/// # Examples
///
/// ```
/// use rsgi_serve::{Hooks, Worker};
///
/// struct Notes;
///
/// impl Hooks for Notes {
///     fn post_fork(&self, worker: &Worker) {
///         println!("worker {} of generation {}", worker.slot, worker.generation);
///     }
/// }
/// # fn is_hooks(_: impl Hooks) {}
/// # is_hooks(Notes);
/// ```
pub trait Hooks: Send + Sync + 'static {
    /// Before the first worker is forked.
    fn on_starting(&self) {}
    /// Before the settings are read again, on HUP.
    fn on_reload(&self) {}
    /// Once, when all workers of the first start accept.
    fn when_ready(&self) {}
    /// In the master, right before each fork, of whatever process.
    fn before_fork(&self) {}
    /// In the master, right behind each fork.
    fn after_fork_in_parent(&self) {}
    /// In the new process, right behind each fork.
    fn after_fork_in_child(&self) {}
    /// Before a worker is forked.
    fn pre_fork(&self, _worker: &Worker) {}
    /// In the worker, as its first act: still with the master's user and one thread.
    fn post_fork(&self, _worker: &Worker) {}
    /// In the worker, after its app was made and before it serves.
    fn post_worker_init(&self, _worker: &Worker) {}
    /// In the worker, when it is told to end at once (INT or QUIT).
    fn worker_int(&self, _worker: &Worker) {}
    /// In the worker, when the master found it silent (ABRT), before it is killed.
    fn worker_abort(&self, _worker: &Worker) {}
    /// In the worker, after its last answer and the app's `stop`. It should be over by [`Worker::until`].
    fn worker_exit(&self, _worker: &Worker) {}
    /// In the master, after a worker's end.
    fn child_exit(&self, _worker: &Worker) {}
    /// In the master, when another number of workers is wanted.
    fn workers_changed(&self, _from: usize, _to: usize) {}
    /// In the master, before another binary is started (USR2).
    fn pre_exec(&self) {}
    /// In the master, as its last act.
    fn on_exit(&self) {}
}

/// No hooks.
impl Hooks for () {}

/// Which worker a hook is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Worker {
    /// Its place in the shared page, from 0; given anew after its end.
    pub slot: u16,
    /// 1 for the workers of the first start; each reload counts on.
    pub generation: u32,
    /// Its process, once there is one.
    pub pid: Option<u32>,
    /// When it will be cut off, in a worker that was told to end.
    pub until: Option<Instant>,
}

/// Calls a hook; a panic of its is given as text.
pub(crate) fn call(hook: impl FnOnce()) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(hook)).map_err(|panic| panic_text(&*panic))
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it said no text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_text() {
        assert_eq!(call(|| panic!("no {}", "luck")), Err("no luck".to_owned()));
        assert_eq!(call(|| ()), Ok(()));
    }
}
