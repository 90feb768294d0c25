//! Wrong servers of several processes: rules 159 to 161.

use std::time::Duration;

use rsgi_core::server::{Load, ServeError};
use rsgi_core::{Endpoint, Running};

use crate::Wrong;

pub(crate) const WRONG: &[Wrong] = &[
    Wrong::worker(159, "stops where it is to leave"),
    Wrong::config(160, "accepts whatever it has to do", |config| {
        config.limits(|limits| limits.running_requests = None)
    }),
    Wrong::worker(161, "tells of no load"),
];

/// A server that knows of no other process, and says that it does.
pub(crate) struct Alone<R>(pub(crate) R);

impl<R: Running> Running for Alone<R> {
    type Handle = R::Handle;

    const CAN_BE_WORKER: bool = true;

    fn addresses(&self) -> &[Endpoint] {
        self.0.addresses()
    }

    fn handle(&self) -> R::Handle {
        self.0.handle()
    }

    fn shutdown_by(handle: &R::Handle, limit: Option<Duration>) {
        R::shutdown_by(handle, limit);
    }

    fn load(_: &R::Handle) -> Option<Load> {
        Some(Load::default())
    }

    fn wait(self) -> Result<(), ServeError> {
        self.0.wait()
    }
}
