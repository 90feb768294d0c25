//! [`Site`]: what all connections of a server share, whatever its app.
//!
//! Next: `protocol.rs`.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use rsgi_core::Server;
use rsgi_threads::{Pending, Place};

use crate::config::Settings;
use crate::tls::Certificates;

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) settings: Settings,
    pub(crate) server: Arc<Server>,
    /// Where it listens, in the engine's order.
    pub(crate) places: Vec<Place>,
    pub(crate) certificates: Option<Certificates>,
    /// Requests that wait for a thread, counted where there is a limit on them.
    pub(crate) waiting: Arc<AtomicUsize>,
    /// Requests that are pending.
    pub(crate) pending: Pending,
}
