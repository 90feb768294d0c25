//! Any `http::Response` as an answer, and an answer as one, for frameworks and layers that think in http's types.
//!
//! What such a framework says by hop-by-hop fields is taken apart: `Connection: close` becomes the wish to close,
//! 101 with `Upgrade` the upgrade, another status with it the offer of one, `Trailer` the announcement of the body's
//! trailers, and the rest is removed and reported (law 7), with what `Connection` names.

use std::mem::forget;

use bytes::Buf;
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::body::Body;
use crate::fields::{Fields, is_hop_by_hop};
use crate::start_response::{Head, Options, StartedParts};
use crate::upgrade::{UpgradeAnswer, UpgradeKind, elements, lists};
use crate::{Error, StartError, StartResponse, Started};

impl StartResponse {
    /// Answers by an `http::Response` with any body.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::http::Response;
    /// use rsgi_core::{Body, Environ, Error, StartResponse, Started};
    ///
    /// async fn app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    ///     let response = Response::builder().header("x-by", "http").body(String::from("hello"))?;
    ///     Ok(start_response.respond(response.map(Body::from))?)
    /// }
    /// # fn is_app(_: impl rsgi_core::App) {}
    /// # is_app(app);
    /// ```
    ///
    /// # Errors
    ///
    /// A [`StartError`] if a `Content-Length` in it is no number, or a field is called `status`.
    pub fn respond(self, response: Response<Body>) -> Result<Started, StartError> {
        let (Parts { status, mut headers, mut extensions, .. }, body) = response.into_parts();
        let asked = extensions.remove::<Asked>();
        // Moved as it is where nothing needs to be taken apart (`rsgi-hyper-axum` of the benches).
        let (fields, is_whole) = match Fields::adopt(&mut headers) {
            Some(fields) => (fields, true),
            None => (Fields::new(), false),
        };
        let mut head = Head::with_fields(status, fields);
        if let Some(Asked { status, options }) = asked {
            head = head.with_options(options, status);
        }
        if is_whole {
            // It owns nothing any more; its drop would still cost 50 instructions.
            forget(headers);
            return Ok(head.body(body));
        }
        taken_apart(head, headers, body)
    }

    /// Answers by an `http::Response` whose body is any `http_body::Body`.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn respond_http<B>(self, response: Response<B>) -> Result<Started, StartError>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Buf,
        B::Error: Into<Error>,
    {
        self.respond(response.map(Body::http))
    }
}

/// Adds a response's fields one by one: what hop-by-hop fields say, and then the others.
#[inline(never)]
fn taken_apart(mut head: Head, headers: HeaderMap, body: Body) -> Result<Started, StartError> {
    if lists(&headers, &header::CONNECTION, "close") {
        head = head.close();
    }
    if let Some(protocol) = headers.get(header::UPGRADE).cloned() {
        let is_accepted = head.status() == StatusCode::SWITCHING_PROTOCOLS;
        head = head.with_upgrade(if is_accepted {
            UpgradeAnswer::Accepted { kind: UpgradeKind::Http1, protocol }
        } else {
            UpgradeAnswer::Offered(protocol)
        });
    }
    let trailers: Vec<_> = elements(&headers, &header::TRAILER)
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        .filter(|name| !body.announced_trailers().contains(name))
        .collect();
    let private: Vec<HeaderValue> = headers.get_all(header::CONNECTION).into_iter().cloned().collect();
    let mut last = None;
    for (name, value) in headers {
        // Repeated fields come with their name once.
        let Some(name) = name.or_else(|| last.clone()) else { continue };
        last = Some(name.clone());
        if !is_hop_by_hop(&name) && !is_named(&private, &name) {
            head = head.header(name, value)?;
        } else if name != header::CONNECTION && name != header::UPGRADE && name != header::TRAILER {
            tracing::warn!(target: "rsgi", field = name.as_str(), "hop-by-hop field of a response removed");
        }
    }
    Ok(head.body(if trailers.is_empty() { body } else { body.announce_trailers(trailers) }))
}

impl Started {
    /// The answer as an `http::Response`, for a layer that thinks in such. [`StartResponse::respond`] makes the same
    /// answer of it again; what a response has no place for travels among its extensions, and is shown by the fields
    /// that say it on HTTP/1.1.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::http::StatusCode;
    /// use rsgi_core::StartResponse;
    ///
    /// let mut started = StartResponse::new().status(StatusCode::OK).body("hello");
    /// started.close();
    /// let response = started.into_response();
    /// assert_eq!(response.headers()["connection"], "close");
    /// ```
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let StartedParts { status, mut fields, body, options } = self.into_parts();
        for name in body.announced_trailers() {
            fields.announce(name);
        }
        if let Some(upgrade) = options.upgrade.as_deref() {
            match upgrade {
                UpgradeAnswer::Accepted { kind: UpgradeKind::Http1, protocol }
                | UpgradeAnswer::Offered(protocol) => fields.name_upgrade(protocol.clone()),
                UpgradeAnswer::Accepted { .. } => {}
            }
        } else if options.close {
            fields.name_close();
        }
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = fields.into_map();
        if options.close || options.head_at_once || options.upgrade.is_some() {
            response.extensions_mut().insert(Asked { status, options });
        }
        response
    }
}

/// What an answer asked of the server beside its fields, and with which status.
#[derive(Debug, Clone)]
struct Asked {
    status: StatusCode,
    options: Options,
}

/// Tells whether a `Connection` field names this one as its connection's own (RFC 9110 section 7.6.1).
fn is_named(connection: &[HeaderValue], name: &HeaderName) -> bool {
    connection
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|option| option.trim().eq_ignore_ascii_case(name.as_str()))
}
