//! Which answers are coded, and what becomes of their fields.
//!
//! Decided in three steps: what may never be coded, what isn't worth it, what this client wants. `Vary` is owed from the
//! second on: the answer would be another for another client.

use rsgi_core::http::StatusCode;
use rsgi_core::http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderName, HeaderValue,
};
use rsgi_core::{Body, Error, Offload, StartError, Started};

use super::{Compression, OFFLOADED, encoder, polled};
use crate::Coding;
use crate::vary::vary_by;

/// What this client wants.
pub(super) struct Wanted {
    /// The coding to use, if any.
    pub(super) best: Option<Coding>,
    pub(super) refuses_identity: bool,
    pub(super) is_head: bool,
}

/// Codes an answer if it is to be coded.
pub(super) async fn answer(
    settings: &Compression,
    wanted: &Wanted,
    offload: Option<Offload>,
    mut started: Started,
) -> Result<Started, Error> {
    match standing(&started) {
        Standing::Never => return Ok(started),
        Standing::Unmodified => {
            // It stands for a 200 whose content isn't known here (RFC 9110 section 15.4.5). A weak tag matches either.
            vary_by(started.fields_mut(), &ACCEPT_ENCODING)?;
            if wanted.best.is_some() {
                weaken(&mut started)?;
            }
            return Ok(started);
        }
        Standing::Part => {
            if shrinks(settings, started.headers()) {
                vary_by(started.fields_mut(), &ACCEPT_ENCODING)?;
            }
            return Ok(started);
        }
        Standing::Whole => {}
    }
    // An app that leaves HEAD's content out tells its length at most.
    let is_outline = wanted.is_head && started.body().length() == Some(0);
    let known = if is_outline { None } else { started.body().length() };
    let length = started.fields_mut().content_length().or(known);
    let worth =
        shrinks(settings, started.headers()) && length.is_none_or(|length| length >= settings.threshold);
    if length == Some(0) || !worth && !wanted.refuses_identity {
        return Ok(started);
    }
    vary_by(started.fields_mut(), &ACCEPT_ENCODING)?;
    let Some(coding) = wanted.best else {
        if wanted.refuses_identity {
            tracing::debug!(target: "rsgi", "the client refuses every coding there is, and none at all");
        }
        return Ok(started);
    };
    if is_outline {
        if length.is_none() {
            // Whether GET's answer is long enough isn't known: its fields may be left out (RFC 9110 section 9.3.2).
            weaken(&mut started)?;
            return Ok(started);
        }
        mark(&mut started, coding)?;
        return Ok(started.map_body(|body| body));
    }
    code(settings, wanted, coding, offload, started).await
}

async fn code(
    settings: &Compression,
    wanted: &Wanted,
    coding: Coding,
    offload: Option<Offload>,
    mut started: Started,
) -> Result<Started, Error> {
    let effort = settings.effort;
    let declared = started.fields_mut().content_length();
    if let (Some(declared), Some(known)) = (declared, started.body().length())
        && declared != known
    {
        // A contradiction, which the server refuses to send.
        return Ok(started);
    }
    let Some(content) = started.body().as_bytes().cloned() else {
        let stream = encoder::Stream::new(coding, effort, declared.or(started.body().length()))?;
        mark(&mut started, coding)?;
        return Ok(started.map_body(|body| polled::coded(body, stream, offload)));
    };
    let before = content.len();
    let coded = match offload.filter(|_| before >= OFFLOADED) {
        Some(offload) => offload.run(move || encoder::encode(coding, effort, &content)).await,
        None => encoder::encode(coding, effort, &content),
    }?;
    if coded.len() >= before && !wanted.refuses_identity {
        return Ok(started);
    }
    mark(&mut started, coding)?;
    Ok(started.map_body(|_| Body::from(coded)))
}

enum Standing {
    /// It has no content, or content that isn't to be touched.
    Never,
    /// A 304.
    Unmodified,
    /// A 206, whose ranges are of the plain bytes.
    Part,
    Whole,
}

fn standing(started: &Started) -> Standing {
    let headers = started.headers();
    let is_coded = headers
        .get_all(CONTENT_ENCODING)
        .into_iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if started.is_upgrade() || is_coded || lists(headers, &CACHE_CONTROL, "no-transform") {
        return Standing::Never;
    }
    match started.status() {
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT => Standing::Never,
        StatusCode::NOT_MODIFIED => Standing::Unmodified,
        StatusCode::PARTIAL_CONTENT => Standing::Part,
        _ if headers.contains_key(CONTENT_RANGE) => Standing::Never,
        _ => Standing::Whole,
    }
}

fn shrinks(settings: &Compression, headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    (settings.kinds)(&kind)
}

/// Has the fields say that the content is coded.
fn mark(started: &mut Started, coding: Coding) -> Result<(), StartError> {
    weaken(started)?;
    let fields = started.fields_mut();
    fields.insert(CONTENT_ENCODING, coding.value())?;
    fields.remove(&ACCEPT_RANGES);
    // Of the plain bytes (RFC 9530 sections 2 and 3).
    for digest in ["content-digest", "repr-digest", "digest", "content-md5"] {
        fields.remove(&HeaderName::from_static(digest));
    }
    Ok(())
}

/// Makes a strong tag weak: the same content in other bytes (RFC 9110 section 8.8.3.3).
fn weaken(started: &mut Started) -> Result<(), StartError> {
    let strong = started.headers().get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""));
    let weak = strong.and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()).ok());
    if let Some(weak) = weak {
        started.fields_mut().insert(ETAG, weak)?;
    }
    Ok(())
}

/// Tells whether a field lists an element.
fn lists(headers: &HeaderMap, name: &HeaderName, element: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|listed| listed.trim().eq_ignore_ascii_case(element))
}
