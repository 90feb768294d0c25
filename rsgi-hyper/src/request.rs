//! What hyper leaves unchecked in a request's head, and the answer to a head that fails.
//!
//! hyper parses, this judges: the host (RFC 9112 section 3.2), the target's form and the limits that hyper doesn't
//! have. On HTTP/2 the head is brought into the form it would have on HTTP/1, so that the same request gives the
//! same environ on both.
//!
//! Invariant: no request with two hosts, or without one on HTTP/1.1, reaches an app.

use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use rsgi_core::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use rsgi_core::http::uri::Authority;
use rsgi_core::http::{Method, Request, Response, StatusCode, Uri, Version};
use rsgi_core::server::{Config, Limits};
use rsgi_core::{App, Environ, Error, Outgoing, StartResponse, Started, is_host_field, respond};

/// The limits of a head that hyper doesn't have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadLimits {
    target_bytes: usize,
    header_bytes: usize,
    /// For HTTP/2; on HTTP/1 hyper counts.
    header_count: usize,
}

impl HeadLimits {
    pub(crate) fn of(config: &Config) -> Self {
        let Limits { target_bytes, header_bytes, header_count, .. } = config.limits;
        Self { target_bytes, header_bytes, header_count }
    }
}

/// What a connection knows of its requests' heads.
pub(crate) trait Known {
    /// Whether this request's head may have more bytes than so many.
    fn may_exceed(&self, bytes: usize) -> bool;
    /// The value of Host that was found right last.
    fn host(&self) -> &OnceLock<HeaderValue>;
}

/// Checks the head of a request on HTTP/1; the error is the status to refuse it with.
#[inline(always)]
pub(crate) fn check(
    environ: &mut Environ,
    known: &impl Known,
    limits: &HeadLimits,
) -> Result<(), StatusCode> {
    let uri = environ.uri();
    let is_plain = uri.path().as_bytes().first() == Some(&b'/')
        && uri.authority().is_none()
        && *environ.method() != Method::CONNECT;
    if is_plain && is_usual(environ.headers(), known, limits) {
        return Ok(());
    }
    check_fields(environ, known, limits)?;
    if is_plain { Ok(()) } else { check_rare_target(environ) }
}

/// Tells whether a head is as nearly all are: small, with one Host, in front, that was found right before. Walking over
/// the fields costs as much as all the rest of this file.
#[inline(always)]
fn is_usual(headers: &HeaderMap, known: &impl Known, limits: &HeadLimits) -> bool {
    let is_first_host = |(name, value): (&HeaderName, &HeaderValue)| {
        *name == header::HOST && known.host().get().is_some_and(|host| host == value)
    };
    !known.may_exceed(limits.header_bytes.min(limits.target_bytes))
        && headers.len() == headers.keys_len()
        && headers.iter().next().is_some_and(is_first_host)
}

/// Checks a head field by field, and remembers its Host if that is right.
#[inline(never)]
pub(crate) fn check_fields(
    environ: &Environ,
    known: &impl Known,
    limits: &HeadLimits,
) -> Result<(), StatusCode> {
    check_head(environ.uri(), environ.headers(), environ.version(), limits)?;
    if let Some(host) = environ.headers().get(header::HOST) {
        known.host().get_or_init(|| host.clone());
    }
    Ok(())
}

/// Checks the head of a request on HTTP/2 and brings it into the form that HTTP/1 has.
pub(crate) fn check_http2<B>(request: &mut Request<B>, limits: &HeadLimits) -> Result<(), StatusCode> {
    if request.headers().len() > limits.header_count {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    if let Some(authority) = request.uri().authority() {
        // RFC 9113 section 8.3.1: `:authority` is what counts, and a Host that differs is no valid request.
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| StatusCode::BAD_REQUEST)?;
        let mut hosts = request.headers().get_all(header::HOST).iter();
        if hosts.any(|other| !other.as_bytes().eq_ignore_ascii_case(host.as_bytes())) {
            return Err(StatusCode::BAD_REQUEST);
        }
        request.headers_mut().insert(header::HOST, host);
    }
    if request.uri().scheme().is_some()
        && let Some(target) = request.uri().path_and_query().cloned()
    {
        *request.uri_mut() = Uri::from(target);
    }
    if request.uri().path() == "*" && request.method() != Method::OPTIONS {
        return Err(StatusCode::BAD_REQUEST);
    }
    join_cookies(request.headers_mut())?;
    check_head(request.uri(), request.headers(), request.version(), limits)
}

/// Tells whether a client of HTTP/1.0 asks to keep the connection.
pub(crate) fn wants_keep_alive(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case("keep-alive"))
}

/// Answers a request that no app is to see; the connection is closed after it.
#[cold]
pub(crate) fn refused(environ: Environ, status: StatusCode) -> Response<Outgoing> {
    let (connection, request) = environ.request_id();
    tracing::info!(target: "rsgi", connection, request, status = status.as_u16(), "request refused");
    let app = Refusal(status);
    let refusal = pin!(respond(&app, environ));
    match refusal.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(response) => response,
        Poll::Pending => unreachable!("the refusal is made without waiting"),
    }
}

/// The app that refuses, so that a refusal takes the same road as every answer.
struct Refusal(StatusCode);

impl App for Refusal {
    async fn call(&self, _: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let head = start_response.start(self.0, [("content-type", "text/plain")])?.close();
        Ok(head.body(format!("{} {}\n", self.0.as_str(), self.0.canonical_reason().unwrap_or_default())))
    }
}

/// Limits, and RFC 9112 section 3.2: one valid Host, which only HTTP/1.0 may leave out; on HTTP/2 the authority stands
/// for it. One walk over the fields, which costs less than looking one of them up.
#[inline]
fn check_head(
    uri: &Uri,
    headers: &HeaderMap,
    version: Version,
    limits: &HeadLimits,
) -> Result<(), StatusCode> {
    // Without scheme and authority, which count only where they are sent: in absolute-form.
    if uri.path_and_query().is_some_and(|target| target.as_str().len() > limits.target_bytes) {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let mut hosts = 0;
    for (name, value) in headers {
        if name.as_str().len() + value.len() > limits.header_bytes {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        if *name == header::HOST {
            hosts += 1;
            if !is_host_field(value.as_bytes()) {
                return Err(StatusCode::BAD_REQUEST);
            }
        }
    }
    if hosts == 1 || hosts == 0 && version != Version::HTTP_11 {
        Ok(())
    } else {
        Err(StatusCode::BAD_REQUEST)
    }
}

/// The target's rarer forms: each method has its own (RFC 9112 section 3.2).
#[cold]
fn check_rare_target(environ: &mut Environ) -> Result<(), StatusCode> {
    let uri = environ.uri();
    let is_right = match (uri.scheme(), uri.path()) {
        _ if *environ.method() == Method::CONNECT => uri.scheme().is_none() && uri.port_u16().is_some(),
        (None, "*") => *environ.method() == Method::OPTIONS,
        (None, _) => false,
        (Some(_), _) => uri.host().is_some_and(|host| !host.is_empty()),
    };
    let authority = uri.authority().map(Authority::as_str);
    if !is_right || authority.is_some_and(|authority| authority.contains('@')) {
        return Err(StatusCode::BAD_REQUEST);
    }
    // RFC 9112 section 3.3: what the target names counts, and replaces Host.
    if let Some(authority) = authority {
        if !is_host_field(authority.as_bytes()) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let host = HeaderValue::from_str(authority).map_err(|_| StatusCode::BAD_REQUEST)?;
        environ.headers_mut().insert(header::HOST, host);
    }
    Ok(())
}

/// RFC 9113 section 8.2.3: a cookie sent in crumbs is one field for everybody else.
fn join_cookies(headers: &mut HeaderMap) -> Result<(), StatusCode> {
    let mut crumbs = headers.get_all(header::COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return Ok(()) };
    let mut whole = first.as_bytes().to_vec();
    for crumb in std::iter::once(second).chain(crumbs) {
        whole.extend_from_slice(b"; ");
        whole.extend_from_slice(crumb.as_bytes());
    }
    let whole = HeaderValue::from_bytes(&whole).map_err(|_| StatusCode::BAD_REQUEST)?;
    headers.insert(header::COOKIE, whole);
    Ok(())
}

#[cfg(test)]
mod tests {
    use rsgi_core::http::request::Builder;

    use super::*;

    const LIMITS: HeadLimits = HeadLimits { target_bytes: 100, header_bytes: 50, header_count: 10 };

    #[derive(Default)]
    struct Connection(OnceLock<HeaderValue>);

    impl Known for Connection {
        fn may_exceed(&self, _: usize) -> bool {
            false
        }

        fn host(&self) -> &OnceLock<HeaderValue> {
            &self.0
        }
    }

    fn checked(request: Builder) -> Result<(), StatusCode> {
        check(&mut Environ::for_test(request.body(()).unwrap()), &Connection::default(), &LIMITS)
    }

    #[test]
    fn what_was_right_before_is_right_again_and_nothing_else_is() {
        let connection = Connection::default();
        let ok = |request: Builder| {
            check(&mut Environ::for_test(request.body(()).unwrap()), &connection, &LIMITS).is_ok()
        };
        for _ in 0..2 {
            assert!(ok(Request::get("/").header("host", "a")));
            assert!(ok(Request::get("/").header("host", "b")));
            assert!(!ok(Request::get("/").header("host", "a b")));
            assert!(!ok(Request::get("/").header("host", "a").header("host", "a")));
            assert!(!ok(Request::get("/").header("x-host", "a")));
        }
    }

    #[test]
    fn one_host_is_needed_on_http_1_1() {
        assert_eq!(checked(Request::get("/").header("host", "a")), Ok(()));
        assert_eq!(checked(Request::get("/").header("host", "")), Ok(()));
        assert_eq!(checked(Request::get("/")), Err(StatusCode::BAD_REQUEST));
        assert_eq!(checked(Request::get("/").version(Version::HTTP_10)), Ok(()));
        assert_eq!(
            checked(Request::get("/").header("host", "a").header("host", "a")),
            Err(StatusCode::BAD_REQUEST)
        );
    }

    #[test]
    fn the_target_names_the_host_in_absolute_form() {
        let absolute = Request::get("http://b:80/x").header("host", "a").body(()).unwrap();
        let mut absolute = Environ::for_test(absolute);
        assert_eq!(check(&mut absolute, &Connection::default(), &LIMITS), Ok(()));
        assert_eq!(absolute.headers()[header::HOST], "b:80");
    }

    #[test]
    fn each_method_has_its_forms_of_target() {
        let ok = |method: &str, target: &str| {
            checked(Request::builder().method(method).uri(target).header("host", "a")).is_ok()
        };
        assert!(ok("OPTIONS", "*") && !ok("GET", "*"));
        assert!(ok("CONNECT", "a:443") && !ok("GET", "a:443") && !ok("CONNECT", "a") && !ok("CONNECT", "/x"));
        assert!(!ok("GET", "http://u@a/"));
        assert!(ok("GET", "http://a:65535/") && !ok("GET", "http://a:65536/"));
    }

    #[test]
    fn limits_have_their_own_statuses() {
        let long = "/".repeat(101);
        assert_eq!(checked(Request::get(long).header("host", "a")), Err(StatusCode::URI_TOO_LONG));
        let wide = Request::get("/").header("host", "a").header("x-a", "b".repeat(48));
        assert_eq!(checked(wide), Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    }

    #[test]
    fn a_request_on_http_2_looks_as_on_http_1() {
        let request = Request::get("https://a:8/x?y").version(Version::HTTP_2);
        let mut crumbs =
            request.header("cookie", "a=1").header("cookie", "b=2").header("cookie", "c=3").body(()).unwrap();
        assert_eq!(check_http2(&mut crumbs, &LIMITS), Ok(()));
        assert_eq!(*crumbs.uri(), "/x?y");
        assert_eq!(crumbs.headers()[header::HOST], "a:8");
        assert_eq!(crumbs.headers().get_all(header::COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
        let torn = Request::get("https://a/").version(Version::HTTP_2).header("host", "b").body(());
        assert_eq!(check_http2(&mut torn.unwrap(), &LIMITS), Err(StatusCode::BAD_REQUEST));
    }
}
