//! The name in a request's Basic credentials (RFC 7617), for the log: what the client says, not what anybody checked.

use rsgi_core::http::{HeaderMap, header};

/// The user's name; `None` without credentials that can be read. The password isn't looked at.
pub(super) fn named(fields: &HeaderMap) -> Option<Vec<u8>> {
    let credentials = fields.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, rest) = credentials.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let mut name = decoded(rest.trim_ascii())?;
    let end = name.iter().position(|byte| *byte == b':')?;
    name.truncate(end);
    (!name.is_empty()).then_some(name)
}

/// Decodes base64 (RFC 4648 section 4); missing padding is forgiven.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let text = &text[..text.len() - padding];
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.chunks(4) {
        if group.len() == 1 {
            return None;
        }
        let mut bits = 0_u32;
        for byte in group {
            bits = bits << 6 | u32::from(digit(*byte)?);
        }
        bits <<= 6 * (4 - group.len());
        // The first of the four bytes holds nothing.
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

/// The scheme, which is written in any case, and a space.
const SCHEME: &[u8] = b"Basic ";

#[cfg(test)]
mod tests {
    use rsgi_core::http::HeaderValue;

    use super::*;

    fn user(credentials: &str) -> Option<String> {
        let mut fields = HeaderMap::new();
        fields.insert(header::AUTHORIZATION, HeaderValue::from_str(credentials).unwrap());
        named(&fields).map(|name| String::from_utf8(name).unwrap())
    }

    #[test]
    fn the_name_stands_before_the_first_colon() {
        // RFC 7617 section 2.
        assert_eq!(user("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").as_deref(), Some("Aladdin"));
        assert_eq!(user("basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ").as_deref(), Some("Aladdin"), "no padding");
        assert_eq!(user("BASIC YTpiOmM=").as_deref(), Some("a"), "a password may have colons");
    }

    #[test]
    fn what_is_no_basic_credential_names_nobody() {
        for credentials in
            ["", "Basic", "Basic ", "Bearer QTpi", "Basic QUJD", "Basic Q", "Basic ****", "Basic OmI="]
        {
            assert_eq!(user(credentials), None, "{credentials:?}");
        }
    }

    #[test]
    fn base64_is_decoded_as_its_rfc_has_it() {
        // RFC 4648 section 10.
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decoded(text.as_bytes()).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(decoded(b"++//"), Some(vec![0xfb, 0xef, 0xff]));
        assert_eq!(decoded(b"a=bc"), None);
    }
}
