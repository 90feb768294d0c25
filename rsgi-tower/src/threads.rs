//! Threads for bodies that block, where a layer pulls them on a server that runs such work inline.
//!
//! A server on blocking threads drives a body into its socket. A layer polls it instead, and between two pieces a body
//! that pushes can't be left: on the server's own thread it would be gathered whole. So it runs on a thread of its own,
//! and waits there when nobody takes what it has made. Servers with a pool have theirs.

use std::sync::{Arc, OnceLock};

use rsgi_core::{Job, Offload, Pool};

/// What runs a body that a layer may pull.
pub(crate) fn offload(server: &Offload) -> Offload {
    match server {
        Offload::Pool(pool) => Offload::Pool(Arc::clone(pool)),
        _ => own(),
    }
}

/// The threads of this crate: as many as there is work for, and gone when there was none for a while.
pub(crate) fn own() -> Offload {
    static POOL: OnceLock<Arc<dyn Pool>> = OnceLock::new();
    Offload::Pool(Arc::clone(POOL.get_or_init(|| Arc::new(Threads))))
}

struct Threads;

impl Pool for Threads {
    fn submit(&self, job: Job) {
        blocking::unblock(move || {
            if let Some(waiting) = job.run() {
                waiting.wake();
            }
        })
        .detach();
    }
}
