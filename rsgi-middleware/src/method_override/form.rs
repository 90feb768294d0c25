//! One field of an urlencoded form that lies at the beginning of an input, which keeps it.

use std::borrow::Cow;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::HeaderMap;
use rsgi_core::http::header::CONTENT_TYPE;
use rsgi_core::{Input, InputError, path};

/// Tells whether the request's content is such a form, whatever the parameters of its type.
pub(super) fn is_urlencoded(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Reads a form of at most `most` bytes, puts it back, and gives the last value of a field.
///
/// # Errors
///
/// The input's: what was read can't be had whole by anybody any more.
pub(super) async fn field(input: &mut Input, name: &str, most: u64) -> Result<Option<Vec<u8>>, InputError> {
    let mut pieces: Vec<Bytes> = Vec::new();
    let (mut bytes, mut fits) = (0, true);
    while fits && let Some(piece) = input.piece().await {
        let piece = piece?;
        bytes += piece.len() as u64;
        fits = bytes <= most;
        pieces.push(piece);
    }
    let form = match pieces.len() {
        0 => return Ok(None),
        1 => pieces.swap_remove(0),
        _ => pieces.concat().into(),
    };
    let value = if fits { last(&form, name.as_bytes()) } else { None };
    input.put_back(form);
    Ok(value)
}

/// The last value, as where fields are put into a map.
fn last(form: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let pairs =
        form.split(|byte| *byte == b'&').map(|pair| match pair.iter().position(|byte| *byte == b'=') {
            Some(place) => (&pair[..place], &pair[place + 1..]),
            None => (pair, &[][..]),
        });
    let mut found = None;
    for (key, value) in pairs {
        if decoded(key).is_some_and(|key| key == name) {
            found = decoded(value).or(found);
        }
    }
    found
}

/// Without its escapes; `None` for what isn't ASCII, which an urlencoded form is.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    let spaced: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    Some(path::decode(&spaced).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_the_field_counts_and_escapes_are_undone() {
        let of = |form: &str| last(form.as_bytes(), b"_method").map(|it| String::from_utf8(it).unwrap());
        for (form, value) in [
            ("", None),
            ("a=1&b", None),
            ("_method", Some("")),
            ("_method=PUT", Some("PUT")),
            ("a=1&_method=PUT&b=2", Some("PUT")),
            ("_method=PUT&_method=DELETE", Some("DELETE")),
            ("%5Fmethod=P%55T", Some("PUT")),
            ("_method=a+b%2B", Some("a b+")),
            ("x_method=PUT&_methodx=PUT", None),
        ] {
            assert_eq!(of(form).as_deref(), value, "{form}");
        }
    }
}
