//! The cookies a client keeps, if it was told to: which go back to which request is RFC 6265's, by `cookie_store`.
//!
//! Not here: what a cookie means, or its text; both are the app's.

use std::sync::{Mutex, PoisonError};

use cookie_store::{CookieStore, RawCookie};
use rsgi_core::http::header::{self, HeaderMap, HeaderValue};
use url::Url;

/// The cookies of one client.
#[derive(Debug, Default)]
pub(crate) struct Jar(Mutex<CookieStore>);

impl Jar {
    /// The field that goes with a request to `url`.
    pub(crate) fn field(&self, url: &Url) -> Option<HeaderValue> {
        let store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs: Vec<String> =
            store.get_request_values(url).map(|(name, value)| format!("{name}={value}")).collect();
        // A cookie came in a field, so it fits into one.
        (!pairs.is_empty()).then(|| HeaderValue::from_str(&pairs.join("; ")).ok()).flatten()
    }

    /// Keeps what an answer from `url` sets.
    pub(crate) fn keep(&self, url: &Url, headers: &HeaderMap) {
        let values = headers.get_all(header::SET_COOKIE).into_iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        let cookies = texts.filter_map(|text| RawCookie::parse(text.to_owned()).ok());
        let mut store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        store.store_response_cookies(cookies, url);
    }
}
