//! Stands in for `upgrade/` where the feature `upgrade` is off: a service sees a request to upgrade as any other.

use rsgi_core::bytes::Buf;
use rsgi_core::http::{Request, Response};
use rsgi_core::http_body::Body;
use rsgi_core::{Environ, Error, StartResponse, Started};
use tower_service::Service;

use crate::change_request::ChangeRequest;

/// Nothing is looked at.
pub(crate) const fn is_offered(_environ: &Environ) -> bool {
    false
}

/// As any other request.
pub(crate) async fn call<S, F, R>(
    service: S,
    change: &F,
    environ: Environ,
    start_response: StartResponse,
) -> Result<Started, Error>
where
    F: ChangeRequest,
    S: Service<Request<F::Body>, Response = Response<R>> + Send,
    S::Future: Send,
    S::Error: Into<Error>,
    R: Body + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    crate::service_app::call(service, change, environ, start_response).await
}
