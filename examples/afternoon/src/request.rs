//! What a head means: http's types of it, its body's framing, and what of the connection it asks.
//!
//! Strict where RFC 9112 lets a recipient choose: what two servers could read in two ways is refused.

use httparse::{Header, Status};
use rsgi_core::http::request::Parts;
use rsgi_core::http::{
    self, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header, uri::Authority,
};
use rsgi_core::is_host_field;
use rsgi_core::server::Limits;

use crate::chunked::Chunked;
use crate::inbound::Framed;

/// A request without its body.
pub(crate) struct Request {
    pub(crate) head: Parts,
    /// The target as it was sent.
    pub(crate) target: String,
    pub(crate) body: Framed,
    pub(crate) expects: bool,
    /// Whether the client would have the connection go on.
    pub(crate) keeps: bool,
}

/// Parses a whole head; `Err` has the status to refuse it with.
pub(crate) fn parse(head: &[u8], limits: &Limits) -> Result<Request, StatusCode> {
    let is_bare =
        |at: usize| head[at] == b'\n' && at.checked_sub(1).is_none_or(|before| head[before] != b'\r');
    if (0..head.len()).any(is_bare) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let mut fields = vec![httparse::EMPTY_HEADER; limits.header_count];
    let mut parsed = httparse::Request::new(&mut fields);
    match parsed.parse(head) {
        Ok(Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(httparse::Error::Version) => return other_version(head, limits),
        Ok(Status::Partial) | Err(_) => return Err(StatusCode::BAD_REQUEST),
    }
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let method = Method::from_bytes(parsed.method.unwrap_or_default().as_bytes());
    let method = method.map_err(|_| StatusCode::BAD_REQUEST)?;
    let target = parsed.path.unwrap_or_default();
    let uri = parse_target(target, &method)?;
    let mut headers = collect(parsed.headers, limits)?;
    check_host(&headers, version)?;
    if let Some(authority) = uri.authority() {
        // RFC 9112 section 3.2.2, and S33 for CONNECT as well: the target's host, and not the field's.
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| StatusCode::BAD_REQUEST)?;
        headers.insert(header::HOST, host);
    }
    let body = framing(&headers, version)?;
    let has_body = !matches!(body, Framed::Length(0));
    if has_body && method == Method::CONNECT {
        // RFC 9110 section 9.3.6: it has no meaning there, and what follows is a tunnel's.
        return Err(StatusCode::BAD_REQUEST);
    }
    let expects = expectation(&headers, version)? && has_body;
    let keeps = match version {
        Version::HTTP_10 => lists(&headers, &header::CONNECTION, "keep-alive"),
        _ => true,
    } && !lists(&headers, &header::CONNECTION, "close");
    let (mut head, ()) = http::Request::new(()).into_parts();
    (head.method, head.uri, head.version, head.headers) = (method, uri, version, headers);
    Ok(Request { head, target: target.to_owned(), body, expects, keeps })
}

/// What a request line means whose version the parser doesn't know.
fn other_version(head: &[u8], limits: &Limits) -> Result<Request, StatusCode> {
    let end = head.iter().position(|byte| *byte == b'\r').unwrap_or(head.len());
    let parts: Vec<_> = head[..end].split(|byte| *byte == b' ').collect();
    match parts[..] {
        // RFC 9110 section 2.5: a higher minor version is served as the highest that is known.
        [_, _, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9']] => {
            let mut known = head.to_vec();
            known[end - 1] = b'1';
            parse(&known, limits)
        }
        [_, _, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']] => {
            Err(StatusCode::HTTP_VERSION_NOT_SUPPORTED)
        }
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// RFC 9112 section 3.2: the forms of a target, each for its methods.
fn parse_target(target: &str, method: &Method) -> Result<Uri, StatusCode> {
    // A fragment isn't sent; http's type would drop it without a word.
    if target.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'#') {
        return Err(StatusCode::BAD_REQUEST);
    }
    let uri: Uri = target.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let is_host = |authority: &Authority| is_host_field(authority.as_str().as_bytes());
    let is_right = match (uri.scheme(), uri.authority()) {
        (None, Some(authority)) => {
            *method == Method::CONNECT && is_host(authority) && authority.port_u16().is_some()
        }
        _ if *method == Method::CONNECT => false,
        (Some(_), authority) => authority.is_some_and(is_host),
        (None, None) if target == "*" => *method == Method::OPTIONS,
        (None, None) => target.starts_with('/'),
    };
    if is_right { Ok(uri) } else { Err(StatusCode::BAD_REQUEST) }
}

fn collect(fields: &[Header<'_>], limits: &Limits) -> Result<HeaderMap, StatusCode> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        if field.name.len() + field.value.len() > limits.header_bytes {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| StatusCode::BAD_REQUEST)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| StatusCode::BAD_REQUEST)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// RFC 9112 section 3.2: one Host, which only HTTP/1.0 may leave out.
fn check_host(headers: &HeaderMap, version: Version) -> Result<(), StatusCode> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::HTTP_10 => Ok(()),
        (Some(host), None) if is_host_field(host.as_bytes()) => Ok(()),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// RFC 9112 section 6: where the body ends.
fn framing(headers: &HeaderMap, version: Version) -> Result<Framed, StatusCode> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(StatusCode::BAD_REQUEST);
    }
    if headers.contains_key(header::TRANSFER_ENCODING) {
        if length.is_some() || version == Version::HTTP_10 {
            return Err(StatusCode::BAD_REQUEST);
        }
        return codings(headers).map(|()| Framed::Chunked(Chunked::new()));
    }
    let Some(length) = length else { return Ok(Framed::Length(0)) };
    let digits = length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let length = digits.and_then(|digits| digits.parse().ok()).ok_or(StatusCode::BAD_REQUEST)?;
    Ok(Framed::Length(length))
}

/// RFC 9112 section 6.1: chunked comes last and once; another coding isn't decoded here.
fn codings(headers: &HeaderMap) -> Result<(), StatusCode> {
    let mut codings = Vec::new();
    for value in headers.get_all(header::TRANSFER_ENCODING) {
        let value = value.to_str().map_err(|_| StatusCode::BAD_REQUEST)?;
        codings.extend(value.split(',').map(str::trim).filter(|coding| !coding.is_empty()));
    }
    let is_chunked = |coding: &str| coding.eq_ignore_ascii_case("chunked");
    match codings.split_last() {
        Some((last, [])) if is_chunked(last) => Ok(()),
        Some((last, others)) if is_chunked(last) && !others.iter().any(|coding| is_chunked(coding)) => {
            Err(StatusCode::NOT_IMPLEMENTED)
        }
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// RFC 9110 section 10.1.1: whether the client waits for a 100; any other expectation is refused.
fn expectation(headers: &HeaderMap, version: Version) -> Result<bool, StatusCode> {
    let mut expects = false;
    for value in headers.get_all(header::EXPECT) {
        let value = value.to_str().map_err(|_| StatusCode::EXPECTATION_FAILED)?;
        for expectation in value.split(',').map(str::trim).filter(|expectation| !expectation.is_empty()) {
            if version > Version::HTTP_10 && !expectation.eq_ignore_ascii_case("100-continue") {
                return Err(StatusCode::EXPECTATION_FAILED);
            }
            expects = version > Version::HTTP_10;
        }
    }
    Ok(expects)
}

/// Tells whether a list of names has this one.
pub(crate) fn lists(headers: &HeaderMap, field: &HeaderName, name: &str) -> bool {
    let values = headers.get_all(field).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(name))
}
