//! What axum wants done to a router before the first request. Only with the feature `axum`.

use std::any::Any;
use std::mem::take;

use axum::Router;

/// Gives a router its state ahead of the first request, as `axum::serve` does: else each request makes a route of the
/// handler anew (`rsgi-hyper-axum` of the benches). Any other service stays as it is.
pub(crate) fn prepared<S: 'static>(mut service: S) -> S {
    if let Some(router) = (&mut service as &mut dyn Any).downcast_mut::<Router>() {
        *router = take(router).with_state(());
    }
    service
}
