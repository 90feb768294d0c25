//! Escapes for queries and forms: RFC 3986 section 2 and the URL standard's form encoding.
//!
//! Only what the client writes; nothing here decodes.

use std::fmt::Write;

/// Names and values of a query.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    joined(pairs, "%20")
}

/// Names and values of a form, where a space is a plus.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    joined(pairs, "+")
}

fn joined(pairs: &[(&str, &str)], space: &str) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        escape(&mut text, name, space);
        text.push('=');
        escape(&mut text, value, space);
    }
    text
}

fn escape(text: &mut String, value: &str, space: &str) {
    for byte in value.bytes() {
        match byte {
            b' ' => text.push_str(space),
            // Unreserved.
            _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => text.push(char::from(byte)),
            _ => {
                let _infallible = write!(text, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_unreserved_is_escaped() {
        assert_eq!(query(&[("a b", "c&d=é"), ("~", "")]), "a%20b=c%26d%3D%C3%A9&~=");
        assert_eq!(form(&[("a b", "+")]), "a+b=%2B");
    }
}
