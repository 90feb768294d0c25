//! Bodies of others that are known not to mind being moved, and so need no box of their own: axum's.
//!
//! Found by their type, as the compiler has no way to ask for it. Its twin is `no_known.rs`, where the feature `axum` is off.

use std::any::Any;

/// Takes such a body.
pub(crate) fn taken<R: 'static>(own: &mut Option<R>) -> Option<axum::body::Body> {
    (own as &mut dyn Any).downcast_mut::<Option<axum::body::Body>>()?.take()
}
