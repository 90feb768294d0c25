//! From an outline to an environ, by the rules that a server's parser follows.
//!
//! A target in absolute or authority form sets the host (RFC 9112 section 3.3), HTTP/1.1 wants exactly one Host (section 3.2), and
//! what these rules refuse is answered with 400 without the app, as a server does.

use std::sync::Arc;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{self, HeaderMap, HeaderValue};
use rsgi_core::http::uri::Authority;
use rsgi_core::http::{Method, Request, StatusCode, Uri, Version};
use rsgi_core::{ConnectProtocol, Environ, Error, Exchange, Input, InputLength, StartResponse, Started};

use super::feed::{Feed, Source};
use super::said::Said;
use crate::client::error::{ClientError, ClientErrorKind};
use crate::client::outline::{Content, Outline};

/// A request made of an outline.
pub(super) struct Made {
    pub(super) environ: Environ,
    pub(super) feed: Arc<Feed>,
    /// Whether the client keeps the connection for another request.
    pub(super) keeps: bool,
    /// Whether the head is one that a server refuses.
    pub(super) is_bad: bool,
}

/// Makes the request.
pub(super) fn make(
    mut outline: Outline,
    exchange: &Arc<Exchange>,
    said: &Arc<Said>,
) -> Result<Made, ClientError> {
    let (uri, raw) = target(&outline)?;
    if let Some(authority) = uri.authority() {
        let host = HeaderValue::from_str(authority.as_str()).map_err(|error| bad(&outline.target, error))?;
        outline.set(header::HOST, host);
    }
    let declared = outline.frame();
    let (expects, upgrades) =
        (outline.expects_continue(), outline.offers_upgrade() || outline.protocol.is_some());
    let keeps = keeps(&outline);
    let length = length(&outline.content, declared);
    let content = std::mem::replace(&mut outline.content, Content::None);
    let feed = Arc::new(Feed::new(content, outline.trailers.take(), declared));
    let input = if length == InputLength::None && !upgrades {
        Input::empty()
    } else {
        let inline = matches!(exchange.connection().server.offload, rsgi_core::Offload::Inline);
        let source = Source {
            feed: Arc::clone(&feed),
            said: Arc::clone(said),
            exchange: Arc::clone(exchange),
            expects: expects && outline.version > Version::HTTP_10,
            inline,
        };
        // An upgraded stream has no limit.
        Input::new(source, length, exchange.connection().server.body_limit.filter(|_| !upgrades))
    };
    let mut environ = environ(&outline, uri, input, exchange);
    if let Some(raw) = raw {
        environ.set_target(raw);
    }
    let is_bad = !host_is_right(environ.headers(), outline.version);
    Ok(Made { environ, feed, keeps, is_bad })
}

fn environ(outline: &Outline, uri: Uri, input: Input, exchange: &Arc<Exchange>) -> Environ {
    let (mut head, ()) = Request::new(()).into_parts();
    head.method = outline.method.clone();
    head.uri = uri;
    head.version = outline.version;
    head.headers = HeaderMap::with_capacity(outline.fields.len());
    for (name, value) in &outline.fields {
        head.headers.append(name, value.clone());
    }
    let mut environ = Environ::new(head, input, Arc::clone(exchange));
    if let Some(protocol) = &outline.protocol {
        environ.insert(ConnectProtocol(protocol.clone()));
    }
    if let Some(time) = outline.deadline {
        environ.set_deadline(exchange.arrived() + time);
    }
    if let Some(facts) = &outline.facts {
        let (script_name, path_info) = &facts.split;
        if environ.script_name() != script_name || environ.path_info() != path_info {
            environ.set_split(script_name.as_str(), path_info.as_str());
        }
    }
    environ
}

/// The target as http's type, and its text where that would lose some of it.
fn target(outline: &Outline) -> Result<(Uri, Option<String>), ClientError> {
    let text = &outline.target;
    let uri = Uri::from_maybe_shared(Bytes::copy_from_slice(text.as_bytes()));
    let uri = uri.map_err(|error| bad(text, error))?;
    let rooted = text.starts_with('/');
    let fits = match outline.method {
        // An extended CONNECT has a path, RFC 8441 section 4.
        Method::CONNECT if outline.protocol.is_none() => !rooted && uri.scheme().is_none() && text != "*",
        Method::OPTIONS if text == "*" => true,
        _ => rooted || uri.scheme().is_some(),
    };
    if !fits || text.contains('#') {
        return Err(bad(text, "no such form of a target"));
    }
    let raw = uri.scheme().is_some().then(|| text.clone());
    Ok((uri, raw))
}

fn bad(target: &str, source: impl Into<Error>) -> ClientError {
    ClientError::new(ClientErrorKind::Request, format!("target {target:?}")).with_source(source)
}

fn length(content: &Content, declared: Option<u64>) -> InputLength {
    match (content, declared) {
        (_, Some(0)) | (Content::None, None) => InputLength::None,
        (_, Some(length)) => InputLength::Known(length),
        _ => InputLength::Unknown,
    }
}

fn keeps(outline: &Outline) -> bool {
    if outline.version < Version::HTTP_11 {
        outline.lists(&header::CONNECTION, "keep-alive")
    } else {
        !outline.lists(&header::CONNECTION, "close")
    }
}

fn host_is_right(headers: &HeaderMap, version: Version) -> bool {
    let mut hosts = headers.get_all(header::HOST).into_iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.is_empty() || Authority::try_from(host.as_bytes()).is_ok(),
        (None, _) => version != Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

/// The app in place of the app for a head that a server refuses.
pub(super) async fn refuse(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.status(StatusCode::BAD_REQUEST).close().body("400 Bad Request\n"))
}
