//! The form of a path in which it is matched: decoded, but for `%2F` and `%25`.
//!
//! So a slash that separates and one that is data stay apart, and every text has one form. Next: `rule.rs`.

use std::borrow::Cow;

/// The canonical form of a path as it came; `None` if it decodes to no UTF-8.
pub(super) fn of_path(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let bytes = path.as_bytes();
    let mut form = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = (*byte == b'%').then(|| bytes.get(at + 1..at + 3).and_then(hex)).flatten();
        match escaped {
            Some(b'/') => form.extend(b"%2F"),
            Some(b'%') => form.extend(b"%25"),
            Some(other) => form.push(other),
            // One that is none stays, as the character that it is.
            None if *byte == b'%' => form.extend(b"%25"),
            None => form.push(*byte),
        }
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(form).ok().map(Cow::Owned)
}

/// The canonical form of plain text.
pub(super) fn of_text(text: &str) -> Cow<'_, str> {
    if text.contains('%') { Cow::Owned(text.replace('%', "%25")) } else { Cow::Borrowed(text) }
}

/// The text of a part of a canonical form.
pub(super) fn to_text(form: &str) -> String {
    if form.contains('%') { form.replace("%2F", "/").replace("%25", "%") } else { form.to_owned() }
}

/// Whether a part of a canonical form was cut within an escape, as `<a>2<b>` would cut `%2F`: such a part has no text.
pub(super) fn ends_in_escape(part: &str) -> bool {
    part.ends_with('%') || part.ends_with("%2")
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_that_is_data_stays_escaped() {
        for (path, form, text) in [
            ("/a%2Fb", "/a%2Fb", "/a/b"),
            ("/a%252Fb", "/a%252Fb", "/a%2Fb"),
            ("/%61%2fb", "/a%2Fb", "/a/b"),
            ("/caf%C3%A9", "/café", "/café"),
            ("/100%", "/100%25", "/100%"),
            ("/%zz", "/%25zz", "/%zz"),
        ] {
            let found = of_path(path).unwrap();
            assert_eq!((&*found, to_text(&found).as_str()), (form, text), "{path}");
        }
        assert_eq!(of_path("/%FF"), None);
    }

    #[test]
    fn text_has_one_form() {
        for text in ["a", "%", "%2F", "100% /"] {
            assert_eq!(to_text(&of_text(text)), text);
        }
    }
}
