//! Stands in for `upgrade/` where the feature `upgrade` is off: a service sees a request to upgrade as any other.

use rsgi_core::bytes::Buf;
use rsgi_core::http::{Request, Response};
use rsgi_core::http_body::Body;
use rsgi_core::{Environ, Error, Input, StartResponse, Started};
use tower_service::Service;

/// Nothing is looked at.
pub(crate) const fn is_offered(_environ: &Environ) -> bool {
    false
}

/// As any other request.
pub(crate) async fn call<S, F, B, R>(
    service: S,
    make: &F,
    environ: Environ,
    start_response: StartResponse,
) -> Result<Started, Error>
where
    S: Service<Request<B>, Response = Response<R>> + Send,
    S::Future: Send,
    S::Error: Into<Error>,
    F: Fn(Request<Input>) -> Request<B> + Sync,
    B: Send,
    R: Body + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    crate::service_app::call(service, make, environ, start_response).await
}
