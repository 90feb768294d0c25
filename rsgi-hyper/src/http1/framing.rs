//! What hyper leaves unjudged of how a request's content is framed: RFC 9112 section 6.1 and RFC 9110 section 9.3.6.
//!
//! hyper looks whether the last transfer coding is chunked, takes that off, and leaves the others on the content; and it
//! reads content of a CONNECT. Both are refused here from the head, as by rsgi-std. Not here: what hyper refuses itself
//! (`docs/differences.md` lists it), and the rest of a head (`request.rs`).
//!
//! Invariant: no content that is still coded passes for content.

use rsgi_core::http::header::{self, HeaderMap, HeaderName};
use rsgi_core::http::{Method, StatusCode};
use rsgi_core::http_body::Body;

/// Checks the framing of a request that has content; the error is the status to refuse it with.
pub(super) fn check(method: &Method, headers: &HeaderMap, body: &impl Body) -> Result<(), StatusCode> {
    if body.is_end_stream() {
        return Ok(());
    }
    // Content of no known length is chunked, so only then can the field be there.
    if body.size_hint().upper().is_none() {
        check_codings(headers)?;
    }
    if *method == Method::CONNECT { Err(StatusCode::BAD_REQUEST) } else { Ok(()) }
}

/// hyper has made sure that the last coding is chunked. Chunked behind itself and what is no list of names is malformed
/// (RFC 9112 section 7), any coding before chunked one that isn't implemented (section 6.1).
fn check_codings(headers: &HeaderMap) -> Result<(), StatusCode> {
    let values = headers.get_all(header::TRANSFER_ENCODING).iter();
    let codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let (mut is_chunked, mut is_only_chunked) = (false, true);
    for coding in codings.map(<[u8]>::trim_ascii) {
        let was_chunked = is_chunked;
        is_chunked = coding.eq_ignore_ascii_case(b"chunked");
        is_only_chunked &= is_chunked;
        if is_chunked && was_chunked || !is_chunked && !is_token(coding) {
            return Err(StatusCode::BAD_REQUEST);
        }
    }
    if is_only_chunked { Ok(()) } else { Err(StatusCode::NOT_IMPLEMENTED) }
}

/// A field's name is a token, so its parser knows one.
fn is_token(bytes: &[u8]) -> bool {
    HeaderName::from_bytes(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use rsgi_core::http::HeaderValue;

    use super::*;

    fn codings(values: &[&'static str]) -> u16 {
        let field = |value: &&'static str| (header::TRANSFER_ENCODING, HeaderValue::from_static(value));
        let headers = values.iter().map(field).collect();
        check_codings(&headers).map_or_else(|status| status.as_u16(), |()| 200)
    }

    #[test]
    fn chunked_alone_is_served() {
        for value in ["chunked", "Chunked", " chunked\t"] {
            assert_eq!(codings(&[value]), 200, "{value:?}");
        }
    }

    #[test]
    fn a_coding_before_chunked_is_not_implemented() {
        for values in
            [&["gzip, chunked"][..], &["gzip", "chunked"], &["x,y,chunked"], &["identity", "chunked"]]
        {
            assert_eq!(codings(values), 501, "{values:?}");
        }
    }

    #[test]
    fn chunked_twice_and_what_is_no_list_of_codings_is_malformed() {
        for values in [
            &["chunked, chunked"][..],
            &["chunked", "CHUNKED"],
            &["gzip, chunked, chunked"],
            &[",chunked"],
            &["", "chunked"],
            &["gzip,, chunked"],
            &["gzip;q=1, chunked"],
            &["g zip", "chunked"],
        ] {
            assert_eq!(codings(values), 400, "{values:?}");
        }
    }
}
