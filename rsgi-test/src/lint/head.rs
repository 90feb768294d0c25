//! What the app gives: its answer's head against its body and its request, or its error.
//!
//! Looked at when the call returns, so that the fault is reported beside the app that made it, before anything is sent.

use std::error::Error as StdError;

use rsgi_core::http::{StatusCode, header};
use rsgi_core::{Error, InputError, NotSupported, StartError, StartErrorKind, Started};

use super::checks::{self, Check};
use super::finding::Finding;
use super::record::Record;

/// Looks at a started answer; `offered` says whether the client offered an upgrade.
pub(super) fn look(record: &Record, started: &Started, offered: bool) {
    let status = started.status();
    let tunnel = started.is_upgrade() || record.is_connect() && status.is_success();
    record.state().upgraded = tunnel;
    if tunnel {
        if !offered {
            record.report(&checks::NOT_OFFERED, status.as_str());
        }
        if let Some(length) = started.headers().get(header::CONTENT_LENGTH) {
            record.report(&checks::CONTENT_LENGTH_SURPLUS, &format!("{status}, {length:?}"));
        }
        return;
    }
    if !(200..600).contains(&status.as_u16()) {
        record.report(&checks::STATUS, status.as_str());
        return;
    }
    match status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => look_without_content(record, started),
        StatusCode::RESET_CONTENT => {
            if started.body().length() != Some(0) {
                record.report(&checks::RESET_CONTENT, &content_of(started));
            }
        }
        _ => look_with_content(record, started),
    }
}

fn look_without_content(record: &Record, started: &Started) {
    let (status, fields) = (started.status(), started.headers());
    if let Some(value) = fields.get(header::CONTENT_TYPE) {
        record.report(&checks::CONTENT_TYPE_SURPLUS, &format!("{}, {value:?}", status.as_str()));
    }
    // RFC 9110 section 8.6: that of a 304 is the length of the 200 it stands for.
    if let Some(value) = fields.get(header::CONTENT_LENGTH).filter(|_| status == StatusCode::NO_CONTENT) {
        record.report(&checks::CONTENT_LENGTH_SURPLUS, &format!("204, {value:?}"));
    }
    if started.body().length() != Some(0) {
        record.report(&checks::NO_CONTENT, &format!("{} with {}", status.as_str(), content_of(started)));
    }
}

fn look_with_content(record: &Record, started: &Started) {
    let length = started.body().length();
    // A stream may turn out empty: its watcher reports it with the first piece.
    if length.is_some_and(|length| length > 0) && !started.headers().contains_key(header::CONTENT_TYPE) {
        record.report(&checks::CONTENT_TYPE_MISSING, &content_of(started));
    }
    let declared = declared_length(started);
    if let (Some(declared), Some(length)) = (declared, length)
        && declared != length
        && !(record.is_head() && length == 0)
    {
        record.report(&checks::LENGTH_CONFLICT, &format!("{declared} declared, {length} in the body"));
    }
}

/// The `Content-Length` that the app set.
pub(super) fn declared_length(started: &Started) -> Option<u64> {
    started.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn content_of(started: &Started) -> String {
    started.body().length().map_or_else(|| "a stream".to_owned(), |length| format!("{length} bytes"))
}

/// Looks at the error that a call ended in. `missing` says whether a capability is one that the app doesn't require.
pub(super) fn look_at_error(record: &Record, error: &Error, undeclared: impl Fn(&NotSupported) -> bool) {
    let error: &(dyn StdError + 'static) = &**error;
    // A strict lint's own, or what the client did: neither is the app's.
    if find::<Finding>(error).is_some() || InputError::find(error).is_some() {
        return;
    }
    if let Some(refused) = find::<StartError>(error)
        && let Some(check) = check_of(refused.kind())
    {
        return record.report(check, refused.value());
    }
    if let Some(missing) = find::<NotSupported>(error).filter(|missing| undeclared(missing)) {
        return record.report(&checks::UNDECLARED_NEED, &missing.missing().to_string());
    }
    if record.outermost {
        record.report(&checks::OWN_ERROR, &error.to_string());
    }
}

fn check_of(kind: StartErrorKind) -> Option<&'static Check> {
    Some(match kind {
        StartErrorKind::InvalidStatus => &checks::STATUS,
        StartErrorKind::InvalidName => &checks::FIELD_NAME,
        StartErrorKind::InvalidValue => &checks::FIELD_VALUE,
        StartErrorKind::InvalidLength => &checks::LENGTH_VALUE,
        StartErrorKind::HopByHop => &checks::HOP_BY_HOP,
        StartErrorKind::Upgrade => &checks::NOT_OFFERED,
        // Too many fields break no clause of their own.
        _ => return None,
    })
}

/// Finds an error of a kind along the sources, also inside an `io::Error`.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        current = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
