//! The request target, and where in it the script name ends.
//!
//! `REQUEST_URI` is what the client sent, and stays the environ's target, byte for byte. What the app routes by is the web
//! server's word: if it rewrote the path (`SCRIPT_NAME` and `PATH_INFO` don't add up to what was asked) or the query
//! (`QUERY_STRING` isn't the one asked with), the URI is made of that, as after a middleware that rewrites. So it is with
//! uWSGI and Gunicorn, and whoever guards a path in the web server's configuration guards the path that the app sees.
//!
//! Invariant: the script name is a part of the URI's path, up to `script_end`. Next: `split.rs`.

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::Authority;
use http::{Method, StatusCode, Uri};
use rsgi_core::is_host_field;
use rsgi_core::server::Limits;

use super::Refusal;
use super::split::Split;
use super::told::Told;
use crate::codec::Variables;

/// A target, as the app sees it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) uri: Uri,
    /// What the client sent, where `uri` says otherwise or loses some of it.
    pub(super) raw: Option<String>,
    /// Where in the URI's path the script name ends.
    pub(super) script_end: usize,
}

impl Target {
    /// Reads it; an absolute one's host takes the place of the Host field (RFC 9112 section 3.2.2).
    pub(super) fn read(
        told: &Told<'_>,
        method: &Method,
        variables: &Variables,
        fields: &mut HeaderMap,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        let asked = told.request_uri;
        if asked.is_empty() {
            return Self::of_parts(told, limits);
        }
        check_length(asked.len(), limits)?;
        if asked.contains(&b'#') {
            return Err(Refusal::bad("REQUEST_URI has a fragment"));
        }
        let uri = Uri::from_maybe_shared(variables.share(asked))
            .map_err(|_| Refusal::bad("REQUEST_URI is no request target"))?;
        if asked.first() == Some(&b'/') && *method != Method::CONNECT {
            return Self::of_path(told, uri, None);
        }
        if asked == b"*" && *method == Method::OPTIONS {
            return Ok(Self { uri, raw: None, script_end: 0 });
        }
        let authority = uri.authority().filter(|authority| is_right(authority));
        let Some(authority) = authority.filter(|_| uri.scheme().is_none() == (*method == Method::CONNECT))
        else {
            return Err(Refusal::bad("REQUEST_URI is of no form that the method has"));
        };
        let host =
            HeaderValue::from_str(authority.as_str()).map_err(|_| Refusal::bad("REQUEST_URI has no host"))?;
        fields.insert(header::HOST, host);
        if *method == Method::CONNECT {
            return Ok(Self { uri, raw: None, script_end: 0 });
        }
        Self::of_path(told, uri, Some(String::from_utf8_lossy(asked).into_owned()))
    }

    /// A target with a path.
    fn of_path(told: &Told<'_>, uri: Uri, raw: Option<String>) -> Result<Self, Refusal> {
        let split = Split::read(told, Some(uri.path()));
        let end = split.as_ref().map_or(Some(0), |split| split.end_in(uri.path()));
        let asked_query = uri.query().unwrap_or_default().as_bytes();
        let is_query_kept = told.query.is_none_or(|query| query == asked_query);
        if let (Some(script_end), true) = (end, is_query_kept) {
            return Ok(Self { uri, raw, script_end });
        }
        let mut path = String::with_capacity(told.request_uri.len() + 16);
        let script_end = match (end, &split) {
            (None, Some(split)) => join(split, &mut path),
            (end, _) => {
                path.push_str(uri.path());
                end.unwrap_or(0)
            }
        };
        let query = told.query.unwrap_or(asked_query);
        let raw = raw.unwrap_or_else(|| String::from_utf8_lossy(told.request_uri).into_owned());
        Ok(Self { uri: uri_of(path, query)?, raw: Some(raw), script_end })
    }

    /// A target that RFC 3875 alone tells, which has no `REQUEST_URI`.
    fn of_parts(told: &Told<'_>, limits: &Limits) -> Result<Self, Refusal> {
        let split = Split::read(told, None)
            .ok_or_else(|| Refusal::bad("there is neither REQUEST_URI nor SCRIPT_NAME nor PATH_INFO"))?;
        let mut path = String::new();
        let script_end = join(&split, &mut path);
        let query = told.query.unwrap_or_default();
        check_length(path.len() + query.len(), limits)?;
        Ok(Self { uri: uri_of(path, query)?, raw: None, script_end })
    }
}

fn check_length(length: usize, limits: &Limits) -> Result<(), Refusal> {
    if length <= limits.target_bytes.min(URI_BYTES) {
        return Ok(());
    }
    Err(Refusal {
        status: StatusCode::URI_TOO_LONG,
        reason: "the request target has more than limits.target_bytes".into(),
    })
}

/// Tells whether an authority names a host and no user, as on the HTTP servers (RFC 9110 sections 4.2.1 and 4.2.4).
fn is_right(authority: &Authority) -> bool {
    !authority.host().is_empty() && is_host_field(authority.as_str().as_bytes())
}

/// Writes both parts, encoded; tells where the first ends.
fn join(split: &Split<'_>, path: &mut String) -> usize {
    encode(&split.script_name, path);
    let end = path.len();
    encode(&split.path_info, path);
    end
}

/// Escapes what a path can't have as it is (RFC 3986 section 3.3), and the percent sign.
fn encode(decoded: &[u8], path: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in decoded {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(byte) {
            path.push(char::from(*byte));
        } else {
            path.push('%');
            path.push(DIGITS[usize::from(byte >> 4)]);
            path.push(DIGITS[usize::from(byte & 15)]);
        }
    }
}

fn uri_of(mut target: String, query: &[u8]) -> Result<Uri, Refusal> {
    let wrong = || Refusal::bad("QUERY_STRING is no query");
    if !query.is_empty() {
        target.push('?');
        target.push_str(std::str::from_utf8(query).map_err(|_| wrong())?);
    }
    let length = target.len();
    let uri = Uri::from_maybe_shared(target.into_bytes()).map_err(|_| wrong())?;
    // `Uri` cuts a fragment off.
    if uri.path_and_query().is_some_and(|target| target.as_str().len() == length) {
        Ok(uri)
    } else {
        Err(wrong())
    }
}

/// The longest target that `http::Uri` can hold.
const URI_BYTES: usize = 65_534;
