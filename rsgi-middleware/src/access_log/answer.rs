//! The fields of an answer that a format names, seen as the app returns it and kept until the outcome is told.
//!
//! Made only for formats that name some. What the server adds later (`Date`, `Server`) isn't seen; `Content-Length`, which
//! it adds too, is known by the body.

use std::sync::{Mutex, PoisonError};

use rsgi_core::Started;
use rsgi_core::http::header::{self, HeaderName};

use super::atoms::joined;

/// The values, by their places in the format's list; empty until the app answered.
#[derive(Debug, Default)]
pub(super) struct Answer(Mutex<Vec<Option<Vec<u8>>>>);

impl Answer {
    /// Keeps the values of these fields.
    pub(super) fn see(&self, names: &[HeaderName], started: &Started) {
        let values = names.iter().map(|name| {
            let length = || if *name == header::CONTENT_LENGTH { started.body().length() } else { None };
            joined(started.headers(), name).or_else(|| length().map(|length| length.to_string().into_bytes()))
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = values.collect();
    }

    /// Shows the value of a place.
    pub(super) fn with(&self, place: usize, show: impl FnOnce(Option<&[u8]>)) {
        let values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        show(values.get(place).and_then(Option::as_deref));
    }
}
