//! Which of three forms a client wants (RFC 9110 section 12.5.1).

use rsgi_core::http::HeaderMap;
use rsgi_core::http::header::ACCEPT;

/// The form of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Html,
    Json,
    Text,
}

/// The form that is named with the highest quality, the first of those; text for who names none, as tools on a command
/// line do.
pub(super) fn form(headers: &HeaderMap) -> Form {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut best = (Form::Text, 0.0);
    for range in values.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let form = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "text/html" | "application/xhtml+xml" => Form::Html,
            "text/plain" => Form::Text,
            kind if kind == "application/json" || kind.ends_with("+json") => Form::Json,
            _ => continue,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, quality);
        if quality > best.1 {
            best = (form, quality);
        }
    }
    best.0
}

/// What can't be read counts for nothing.
fn quality(text: &str) -> f32 {
    text.parse::<f32>().ok().filter(|quality| (0.0..=1.0).contains(quality)).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_form_of_the_highest_quality_is_taken() {
        for (accept, wanted) in [
            ("", Form::Text),
            ("*/*", Form::Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Form::Html),
            ("application/json, text/plain, */*", Form::Json),
            ("text/html;q=0.5, application/problem+json;q=0.7", Form::Json),
            ("text/html;q=0, */*", Form::Text),
            ("text/html;level=1;q=0.4, text/plain;q=0.3", Form::Html),
            ("text/html;q=x", Form::Text),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(form(&headers), wanted, "{accept}");
        }
        assert_eq!(form(&HeaderMap::new()), Form::Text);
    }
}
