//! What is done for axum's own types, which this crate knows only with the feature `axum`: a router is made ready, and a
//! body needs no box. What else comes here goes on as it is.

use std::any::Any;
use std::mem::take;

use axum::Router;
use axum::body::Body;

/// Gives a router its state ahead of the first request, as `axum::serve` does: else each request makes a route of the
/// handler anew (`rsgi-hyper-axum` of the benches).
pub(crate) fn prepared<S: 'static>(mut service: S) -> S {
    if let Some(router) = (&mut service as &mut dyn Any).downcast_mut::<Router>() {
        *router = take(router).with_state(());
    }
    service
}

/// Takes a body that is axum's, and so can be asked where it lies.
#[inline]
pub(crate) fn unpinned<R: 'static>(own: &mut Option<R>) -> Option<Body> {
    (own as &mut dyn Any).downcast_mut::<Option<Body>>()?.take()
}
