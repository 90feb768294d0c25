//! What middleware that keeps something in a cookie shares: finding it, and keeping the answer from caches.

use rsgi_core::http::header::{CACHE_CONTROL, COOKIE, HeaderMap};
use rsgi_core::{Fields, StartError};

/// The values of all cookies of a name, in order (RFC 6265 section 5.4).
pub(crate) fn named<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let fields = headers.get_all(COOKIE).into_iter().filter_map(|field| field.to_str().ok());
    let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(found, _)| *found == name).map(|(_, value)| value)
}

/// What an answer has to do with cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookies {
    /// It was made by one.
    Read,
    /// It sets one.
    Set,
}

/// Keeps an answer for one client from caches, unless the app said what they may do; one that sets a cookie must not be kept
/// for others whatever the app said (RFC 9111 section 7.3).
pub(crate) fn keep_from_caches(fields: &mut Fields, cookies: Cookies) -> Result<(), StartError> {
    let said = fields.map().get_all(CACHE_CONTROL);
    let mut values = said.into_iter().filter_map(|value| value.to_str().ok());
    let is_private = values.any(|value| {
        let mut directives = value.split(',').map(str::trim);
        directives.any(|it| it.eq_ignore_ascii_case("no-store") || it.eq_ignore_ascii_case("private"))
    });
    let is_said = fields.map().contains_key(CACHE_CONTROL);
    if is_private || is_said && cookies == Cookies::Read {
        return Ok(());
    }
    if is_said {
        tracing::warn!(target: "rsgi", "cache-control of an answer that sets a cookie replaced by no-store");
    }
    fields.insert(CACHE_CONTROL, "no-store")
}

#[cfg(test)]
mod tests {
    use rsgi_core::http::HeaderValue;

    use super::*;

    #[test]
    fn all_cookies_of_a_name_are_found() {
        let mut headers = HeaderMap::new();
        for value in ["a=1; b=2;a=3", "xa=4; a=; a", "a=5=6"] {
            headers.append(COOKIE, HeaderValue::from_static(value));
        }
        assert_eq!(named(&headers, "a").collect::<Vec<_>>(), ["1", "3", "", "5=6"]);
        assert_eq!(named(&headers, "A").count(), 0);
    }

    #[test]
    fn what_the_app_said_of_caches_stays_if_it_keeps_a_cookie_from_others() {
        for (said, read, set) in [
            ("", "no-store", "no-store"),
            ("public, max-age=60", "public, max-age=60", "no-store"),
            ("max-age=60", "max-age=60", "no-store"),
            ("Private, max-age=60", "Private, max-age=60", "Private, max-age=60"),
            ("no-store", "no-store", "no-store"),
        ] {
            for (cookies, expected) in [(Cookies::Read, read), (Cookies::Set, set)] {
                let mut fields = Fields::new();
                if !said.is_empty() {
                    fields.insert(CACHE_CONTROL, said).unwrap();
                }
                keep_from_caches(&mut fields, cookies).unwrap();
                assert_eq!(fields.map()[CACHE_CONTROL], expected, "{said:?} {cookies:?}");
            }
        }
    }
}
