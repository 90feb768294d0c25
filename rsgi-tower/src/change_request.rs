//! What becomes of a request before a service gets it: [`ChangeRequest`], and nothing at all as [`Unchanged`].
//!
//! Leaving a request as it is has a type of its own, since a pointer to a function that does nothing would still have it
//! moved twice (`rsgi-hyper-axum` of the benches).

use rsgi_core::Input;
use rsgi_core::http::Request;

/// A change of each request before the service of a [`ServiceApp`](crate::ServiceApp) gets it: any function or closure
/// from a request with an [`Input`] to one with the service's type of body.
pub trait ChangeRequest: Send + Sync + 'static {
    /// The body that the service wants.
    type Body;

    /// Changes a request.
    fn change(&self, request: Request<Input>) -> Request<Self::Body>;
}

impl<F, B> ChangeRequest for F
where
    F: Fn(Request<Input>) -> Request<B> + Send + Sync + 'static,
{
    type Body = B;

    #[inline]
    fn change(&self, request: Request<Input>) -> Request<B> {
        self(request)
    }
}

/// The request as it is.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Unchanged;

impl ChangeRequest for Unchanged {
    type Body = Input;

    #[inline(always)]
    fn change(&self, request: Request<Input>) -> Request<Input> {
        request
    }
}
