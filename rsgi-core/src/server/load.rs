//! What a running server has to do at this moment, for whoever watches it: a launcher, a page of figures.
//!
//! Gauges only. What was answered, and how long it took, is told by outcomes.
//!
//! Invariant: counted without a cost to requests that are answered at once, so the figures may be a moment old.

/// What a server has to do at this moment.
///
/// # Examples
///
/// ```
/// use rsgi_core::server::Load;
///
/// let mut load = Load::default();
/// load.connections = 12;
/// assert!(load.is_idle());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Load {
    /// Connections that are open, idle ones included.
    pub connections: usize,
    /// Requests that are being answered: their app runs, or is pending, or its body is on its way.
    pub running: usize,
    /// Requests that wait for a thread; where apps are polled, blocking calls that do.
    pub waiting: usize,
    /// Connections accepted since the start.
    pub accepted: u64,
}

impl Load {
    /// Tells whether no request runs or waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running == 0 && self.waiting == 0
    }
}
