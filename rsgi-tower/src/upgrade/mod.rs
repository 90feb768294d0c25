//! Upgrades of services that want hyper's `OnUpgrade`, as axum's WebSocket does. Only with the feature `upgrade`.
//!
//! Only hyper makes an `OnUpgrade`, and only for a connection of its own. So a request that offers the stream gets one
//! from a hyper connection in memory (`tunnel.rs`), and the bytes of the real stream are moved through it. Other requests
//! never come here.

mod lent;
mod tunnel;

use std::future::ready;

use rsgi_core::bytes::Buf;
use rsgi_core::http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, header};
use rsgi_core::http_body::Body as HttpBody;
use rsgi_core::{
    Body, ConnectProtocol, Environ, Error, StartResponse, Started, Upgrade, UpgradeKind, is_hop_by_hop,
};
use tower_service::Service;

use crate::answer::answered;
use crate::app_service::ByApp;
use crate::change_request::ChangeRequest;
use lent::lend;
use tunnel::Tunnel;

/// Tells whether a request may offer its stream.
pub(crate) fn is_offered(environ: &Environ) -> bool {
    *environ.method() == Method::CONNECT || has_upgrade(environ.headers())
}

/// Walks over a short list of fields, which costs a fifth of hashing the name.
fn has_upgrade(headers: &HeaderMap) -> bool {
    if headers.len() <= SHORT {
        headers.keys().any(|name| *name == header::UPGRADE)
    } else {
        headers.contains_key(header::UPGRADE)
    }
}

/// Calls a service that may accept the offer.
pub(crate) async fn call<S, F, R>(
    mut service: S,
    change: &F,
    mut environ: Environ,
    start_response: StartResponse,
) -> Result<Started, Error>
where
    F: ChangeRequest,
    S: Service<Request<F::Body>, Response = Response<R>> + Send,
    S::Future: Send,
    S::Error: Into<Error>,
    R: HttpBody + Send + 'static,
    R::Data: Buf,
    R::Error: Into<Error>,
{
    let offer = match environ.upgrade() {
        Ok(Some(offer)) => offer,
        Ok(None) => return crate::service_app::call(service, change, environ, start_response).await,
        Err(lack) => {
            // Without `OnUpgrade` the service refuses; why there is none is for it to tell.
            let mut request = environ.into_mounted_request();
            request.extensions_mut().insert(lack);
            return answered(service.call(change.change(request)), start_response).await;
        }
    };
    let (lent, kept) = lend(environ.take_input());
    environ.set_input(lent);
    let protocol = environ.get::<ConnectProtocol>().map(|protocol| protocol.0.clone());
    let mut request = environ.into_mounted_request();
    let mut tunnel = Tunnel::open().await?;
    prepare(request.extensions_mut(), &mut tunnel, protocol.as_deref());
    let response = service.call(change.change(request)).await.map_err(Into::into)?;
    let by_an_app = response.extensions().get::<ByApp>().is_some();
    if by_an_app || !is_accepted(offer.kind(), response.status()) {
        return answered(ready(Ok::<_, Error>(response)), start_response).await;
    }
    let (head, _) = response.into_parts();
    let stream = Body::duplex(kept.into_input(), async |input, sender| tunnel.run(input, sender).await);
    match offer.kind() {
        UpgradeKind::Http1 => Ok(start_response.respond(Response::from_parts(head, stream))?),
        _ => connected(offer, &head.headers, stream, start_response),
    }
}

/// What hyper would have put there.
fn prepare(extensions: &mut Extensions, tunnel: &mut Tunnel, protocol: Option<&str>) {
    if let Some(on_upgrade) = tunnel.on_upgrade.take() {
        extensions.insert(on_upgrade);
    }
    if let Some(protocol) = protocol {
        extensions.insert(hyper::ext::Protocol::from(protocol));
    }
}

fn is_accepted(kind: UpgradeKind, status: StatusCode) -> bool {
    match kind {
        UpgradeKind::Http1 => status == StatusCode::SWITCHING_PROTOCOLS,
        _ => status.is_success(),
    }
}

/// The answer to a CONNECT, whose acceptance no field names.
fn connected(
    offer: Upgrade,
    fields: &HeaderMap,
    stream: Body,
    start_response: StartResponse,
) -> Result<Started, Error> {
    let protocol = offer.protocols().first().cloned().unwrap_or_default();
    let mut head = start_response.upgrade(offer, &protocol)?;
    for (name, value) in fields {
        if !is_hop_by_hop(name) && name != header::CONTENT_LENGTH {
            head = head.header(name.clone(), value.clone())?;
        }
    }
    Ok(head.body(stream))
}

/// Up to so many fields a walk is cheaper than a hash.
const SHORT: usize = 6;
