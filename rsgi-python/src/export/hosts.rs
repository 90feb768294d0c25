//! What a host says of itself: threads, processes, and whether its threads are shared by greenlets.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The host's concurrency (PEP 3333, "`environ` Variables").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "facts of yes and no")]
pub(super) struct Concurrency {
    pub(super) multithread: bool,
    pub(super) multiprocess: bool,
    pub(super) run_once: bool,
    /// Whether the calling thread is one that others' greenlets run on while ours waits in Python: what the app does on it could
    /// then be left in the middle, stack and all.
    pub(super) greenlets: bool,
}

impl Concurrency {
    /// How many there are.
    pub(super) const KINDS: usize = 16;

    pub(super) fn index(self) -> usize {
        let bits = [self.multithread, self.multiprocess, self.run_once, self.greenlets];
        bits.iter().fold(0, |index, bit| index << 1 | usize::from(*bit))
    }
}

/// Whose stack a call runs on.
#[derive(Debug)]
pub(super) enum Stack {
    /// The thread's, for as long as the call takes.
    Own,
    /// A greenlet's, whose thread runs others while this one waits in Python: with gevent's hub, where it is gevent's.
    Shared(Option<Py<PyAny>>),
}

impl Stack {
    /// The caller's.
    pub(super) fn of_caller(py: Python<'_>) -> PyResult<Self> {
        let modules = py.import(intern!(py, "sys"))?.getattr(intern!(py, "modules"))?;
        let modules = modules.cast::<PyDict>()?;
        let Some(greenlet) = modules.get_item(intern!(py, "greenlet"))? else { return Ok(Self::Own) };
        let current = greenlet.call_method0(intern!(py, "getcurrent"))?;
        if current.getattr(intern!(py, "parent"))?.is_none() {
            // The one that a thread begins with.
            return Ok(Self::Own);
        }
        let gevent = modules.get_item(intern!(py, "gevent"))?;
        let hub = gevent.map(|gevent| gevent.call_method0(intern!(py, "get_hub"))).transpose()?;
        Ok(Self::Shared(hub.map(Bound::unbind)))
    }

    pub(super) fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_host_has_a_place_of_its_own() {
        let mut places = [false; Concurrency::KINDS];
        for bits in 0..Concurrency::KINDS {
            let bit = |place: usize| bits & (1 << place) != 0;
            let kind = Concurrency {
                multithread: bit(0),
                multiprocess: bit(1),
                run_once: bit(2),
                greenlets: bit(3),
            };
            assert!(!std::mem::replace(&mut places[kind.index()], true), "{kind:?}");
        }
    }
}
