//! Native strings (PEP 3333, "A Note On String Types"): text whose characters each stand for a byte, as latin-1 has them.

use std::borrow::Cow;

use pyo3::Python;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Bytes as a native string.
#[inline]
pub(crate) fn native<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => PyString::new(py, text),
        _ => PyString::new(py, &bytes.iter().map(|byte| char::from(*byte)).collect::<String>()),
    }
}

/// The bytes that a native string stands for; `None` if it holds a character beyond them.
#[inline]
pub(crate) fn bytes<'a>(text: &'a Bound<'_, PyString>) -> Option<Cow<'a, [u8]>> {
    // A lone surrogate is no byte either.
    let text = text.to_str().ok()?;
    if text.is_ascii() {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    text.chars().map(|character| u8::try_from(character).ok()).collect::<Option<Vec<_>>>().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_of_a_native_string_is_a_byte() {
        crate::interpreter::start().unwrap();
        crate::interpreter::attach(|py| {
            let all: Vec<u8> = (0..=255).collect();
            let text = native(py, &all);
            assert_eq!(text.len().unwrap(), 256);
            assert_eq!(bytes(&text).as_deref(), Some(&all[..]));
            assert_eq!(bytes(&native(py, b"plain")).as_deref(), Some(&b"plain"[..]));
            assert_eq!(bytes(&PyString::new(py, "\u{20ac}")), None);
        });
    }
}
