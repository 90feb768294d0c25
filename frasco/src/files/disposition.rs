//! `Content-Disposition` with a file's name (RFC 6266), which may be any text.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rsgi_core::http::HeaderValue;

/// Whether a browser saves the file or shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposition {
    Inline,
    Attachment,
}

/// The field's value, with the name in ASCII for old clients, and as it is (RFC 8187) if that says less.
pub(super) fn disposition(kind: Disposition, name: Option<&str>) -> HeaderValue {
    let kind = match kind {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
    };
    let Some(name) = name else { return HeaderValue::from_static(kind) };
    // What separates is no part of a name, and '%' would be read as an escape by some (RFC 6266 appendix D).
    let plain = |it: char| match it {
        '/' | '\\' | '"' | '%' => '_',
        ' '..='~' => it,
        _ => '_',
    };
    let ascii: String = name.chars().map(plain).collect();
    let separated: String = name.chars().map(|it| if matches!(it, '/' | '\\') { '_' } else { it }).collect();
    let value = if ascii == separated {
        format!("{kind}; filename=\"{ascii}\"")
    } else {
        format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(&separated, VALUE))
    };
    // Nothing but visible ASCII and spaces is left.
    HeaderValue::try_from(value).unwrap_or_else(|_| HeaderValue::from_static(kind))
}

/// All but `attr-char` (RFC 8187 section 3.2.1).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_in_ascii_and_as_it_is() {
        for (name, expected) in [
            ("report.pdf", "attachment; filename=\"report.pdf\""),
            ("a b's.txt", "attachment; filename=\"a b's.txt\""),
            ("€ rates.txt", "attachment; filename=\"_ rates.txt\"; filename*=UTF-8''%E2%82%AC%20rates.txt"),
            ("a\"b.txt", "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt"),
            ("50%.txt", "attachment; filename=\"50_.txt\"; filename*=UTF-8''50%25.txt"),
            ("../../etc/passwd", "attachment; filename=\".._.._etc_passwd\""),
            (
                "a\r\nSet-Cookie: x",
                "attachment; filename=\"a__Set-Cookie: x\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x",
            ),
            ("", "attachment; filename=\"\""),
        ] {
            assert_eq!(disposition(Disposition::Attachment, Some(name)), expected, "{name}");
        }
        assert_eq!(disposition(Disposition::Inline, None), "inline");
    }
}
