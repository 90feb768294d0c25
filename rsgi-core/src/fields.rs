//! The header fields of an answer, checked where they are set.
//!
//! PEP 3333 forbids applications the hop-by-hop fields and asks servers to check what `start_response` is given.
//! Here both happen on insertion, so that nothing downstream can meet an unchecked field: an app and a middleware
//! can reach the map only through these methods. Values are refused, never repaired.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::spare_map;
use crate::start_error::{StartError, StartErrorKind};

/// Whatever can name a header field: a [`HeaderName`], a literal (not copied), a `String`.
pub trait FieldName {
    /// Converts to the checked form.
    ///
    /// # Errors
    ///
    /// The name is no token (RFC 9110 section 5.1).
    fn into_name(self) -> Result<HeaderName, StartError>;
}

impl FieldName for HeaderName {
    #[inline]
    fn into_name(self) -> Result<HeaderName, StartError> {
        Ok(self)
    }
}

impl FieldName for &HeaderName {
    #[inline]
    fn into_name(self) -> Result<HeaderName, StartError> {
        Ok(self.clone())
    }
}

impl FieldName for &'static str {
    fn into_name(self) -> Result<HeaderName, StartError> {
        // Lower-case literals are used in place; `from_static` would panic on the others.
        let plain = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !self.is_empty() && self.len() < 1 << 15 && self.as_bytes().iter().all(plain) {
            return Ok(HeaderName::from_static(self));
        }
        HeaderName::from_bytes(self.as_bytes())
            .map_err(|_| StartError::new(StartErrorKind::InvalidName, self))
    }
}

impl FieldName for String {
    fn into_name(self) -> Result<HeaderName, StartError> {
        HeaderName::from_bytes(self.as_bytes())
            .map_err(|_| StartError::new(StartErrorKind::InvalidName, &self))
    }
}

/// Whatever can be the value of a header field: a [`HeaderValue`], a literal (not copied), a `String`, a number.
pub trait FieldValue {
    /// Converts to the checked form.
    ///
    /// # Errors
    ///
    /// The value holds a control character (RFC 9110 section 5.5); it is refused, not repaired.
    fn into_value(self) -> Result<HeaderValue, StartError>;
}

impl FieldValue for HeaderValue {
    #[inline]
    fn into_value(self) -> Result<HeaderValue, StartError> {
        Ok(self)
    }
}

impl FieldValue for &'static str {
    fn into_value(self) -> Result<HeaderValue, StartError> {
        HeaderValue::from_maybe_shared(bytes::Bytes::from_static(self.as_bytes()))
            .map_err(|_| StartError::new(StartErrorKind::InvalidValue, self))
    }
}

impl FieldValue for String {
    fn into_value(self) -> Result<HeaderValue, StartError> {
        let bytes = bytes::Bytes::from(self);
        HeaderValue::from_maybe_shared(bytes.clone())
            .map_err(|_| StartError::new(StartErrorKind::InvalidValue, &String::from_utf8_lossy(&bytes)))
    }
}

macro_rules! number_values {
    ($($number:ty),*) => {$(
        impl FieldValue for $number {
            fn into_value(self) -> Result<HeaderValue, StartError> {
                Ok(HeaderValue::from(self))
            }
        }
    )*};
}
number_values!(u16, u32, u64, usize);

/// The checked header fields of an answer.
///
/// Reading goes through [`map`](Self::map); changing through the checked methods, which refuse hop-by-hop fields
/// and an unreadable `Content-Length`.
///
/// # Examples
///
/// ```
/// use rsgi_core::Fields;
///
/// let mut fields = Fields::new();
/// fields.append("set-cookie", "a=1")?;
/// fields.append("set-cookie", "b=2")?;
/// assert_eq!(fields.map().get_all("set-cookie").iter().count(), 2);
/// assert!(fields.insert("connection", "close").is_err());
/// # Ok::<(), rsgi_core::StartError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Fields {
    /// Holds no hop-by-hop field and at most one `Content-Length`, which is then a number.
    map: Box<HeaderMap>,
    /// The number that `Content-Length` in `map` says, kept beside it to spare `respond` a search.
    length: Option<u64>,
}

impl Fields {
    /// Makes an empty set of fields; allocates nothing.
    #[inline(always)]
    pub fn new() -> Self {
        Self { map: spare_map::take(), length: None }
    }

    /// Takes a map over whole, where each of its fields may stand as it is; leaves it otherwise.
    #[inline]
    pub(crate) fn adopt(map: &mut HeaderMap) -> Option<Self> {
        let mut length = None;
        for (name, value) in &*map {
            match check(name, value) {
                Ok(None) => {}
                Ok(declared) if length.is_none() => length = declared,
                _ => return None,
            }
        }
        Some(Self { map: spare_map::boxed(std::mem::take(map)), length })
    }

    /// The fields, to be read.
    pub fn map(&self) -> &HeaderMap {
        &self.map
    }

    /// The length that the app declared by `Content-Length`, in bytes.
    pub fn content_length(&self) -> Option<u64> {
        self.length
    }

    /// Sets a field, replacing all of that name.
    ///
    /// # Errors
    ///
    /// A [`StartError`] that names the field: no token, a control character in the value, a hop-by-hop field, an
    /// unreadable `Content-Length`, or too many fields. Nothing has been changed then.
    #[inline(always)]
    pub fn insert(&mut self, name: impl FieldName, value: impl FieldValue) -> Result<(), StartError> {
        let (name, value) = (name.into_name()?, value.into_value()?);
        let length = check(&name, &value)?;
        if self.map.try_insert(name, value).is_err() {
            return Err(StartError::new(StartErrorKind::TooManyFields, ""));
        }
        if length.is_some() {
            self.length = length;
        }
        Ok(())
    }

    /// Adds a field beside those of the same name, keeping their order. A second `Content-Length` must say the
    /// same as the first and isn't sent twice.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    #[inline(always)]
    pub fn append(&mut self, name: impl FieldName, value: impl FieldValue) -> Result<(), StartError> {
        let (name, value) = (name.into_name()?, value.into_value()?);
        let length = check(&name, &value)?;
        if length.is_some() {
            if self.length.is_some() && self.length != length {
                return Err(StartError::new(
                    StartErrorKind::InvalidLength,
                    &String::from_utf8_lossy(value.as_bytes()),
                ));
            }
            return self.insert(name, value);
        }
        self.map.try_append(name, value).map_err(|_| StartError::new(StartErrorKind::TooManyFields, ""))?;
        Ok(())
    }

    /// Removes every field of that name, and tells whether there was one.
    pub fn remove(&mut self, name: &HeaderName) -> bool {
        if *name == header::CONTENT_LENGTH {
            self.length = None;
        }
        self.map.remove(name).is_some()
    }

    /// Names a trailer in `Trailer`; the server's alone.
    pub(crate) fn announce(&mut self, name: &HeaderName) {
        let appended = HeaderValue::from_str(name.as_str())
            .is_ok_and(|value| self.map.try_append(header::TRAILER, value).is_ok());
        if !appended {
            tracing::error!(target: "rsgi", trailer = name.as_str(), "too many fields: trailer not announced");
        }
    }

    /// Adds the two fields of an upgrade that is accepted or offered; the server's alone.
    pub(crate) fn name_upgrade(&mut self, protocols: HeaderValue) {
        let connection = HeaderValue::from_static("upgrade");
        let named = self.map.try_insert(header::CONNECTION, connection).is_ok()
            && self.map.try_insert(header::UPGRADE, protocols).is_ok();
        if !named {
            tracing::error!(target: "rsgi", "too many fields: upgrade not named");
        }
    }

    /// Shows the wish to close by the field that says it; the server's alone.
    pub(crate) fn name_close(&mut self) {
        if self.map.try_insert(header::CONNECTION, HeaderValue::from_static("close")).is_err() {
            tracing::error!(target: "rsgi", "too many fields: close not named");
        }
    }

    #[inline(always)]
    pub(crate) fn into_map(self) -> HeaderMap {
        spare_map::empty(self.map)
    }
}

/// Checks a field for this answer; gives the length if it is `Content-Length`.
#[inline(always)]
fn check(name: &HeaderName, value: &HeaderValue) -> Result<Option<u64>, StartError> {
    let text = name.as_str();
    // By length and first letter first: this runs for every field of every answer.
    match (text.len(), text.as_bytes()[0]) {
        (14, b'c') if text == "content-length" => match parse_length(value.as_bytes()) {
            Some(length) => return Ok(Some(length)),
            None => {
                return Err(StartError::new(
                    StartErrorKind::InvalidLength,
                    &String::from_utf8_lossy(value.as_bytes()),
                ));
            }
        },
        (6, b's') if text == "status" => return Err(StartError::new(StartErrorKind::InvalidName, text)),
        _ if is_hop_by_hop(name) => return Err(StartError::new(StartErrorKind::HopByHop, text)),
        _ => {}
    }
    Ok(None)
}

/// Tells whether a field belongs to one connection and so is the server's alone (PEP 3333, "Other HTTP Features";
/// RFC 9110 section 7.6.1). `Trailer` is among them: the server makes it of what the body announces.
///
/// `Proxy-Authenticate` and `Proxy-Authorization`, which RFC 2616 listed, are not: RFC 9110 section 11.7 has them
/// travel further, and an app that is a proxy must be able to ask for credentials.
#[inline(always)]
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    let name = name.as_str();
    match (name.len(), name.as_bytes()[0]) {
        (2, b't') => name == "te",
        (7, b'u') => name == "upgrade",
        (7, b't') => name == "trailer",
        (10, b'c') => name == "connection",
        (10, b'k') => name == "keep-alive",
        (16, b'p') => name == "proxy-connection",
        (17, b't') => name == "transfer-encoding",
        _ => false,
    }
}

/// Reads a `Content-Length`: digits only, no sign, no list (RFC 9110 section 8.6).
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    // Each digit by itself: to make text of them first costs as much again.
    value.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_fields_are_refused_by_every_way_in() {
        for name in
            ["connection", "Keep-Alive", "te", "Transfer-Encoding", "upgrade", "trailer", "proxy-connection"]
        {
            let mut fields = Fields::new();
            assert_eq!(fields.insert(name, "x").unwrap_err().kind(), StartErrorKind::HopByHop);
            assert_eq!(fields.append(name, "x").unwrap_err().kind(), StartErrorKind::HopByHop);
        }
    }

    #[test]
    fn a_value_with_a_line_break_is_refused_not_repaired() {
        let mut fields = Fields::new();
        assert_eq!(fields.insert("x-a", "1\r\nx: 2").unwrap_err().kind(), StartErrorKind::InvalidValue);
        assert_eq!(
            fields.insert("x-a", String::from("\0")).unwrap_err().kind(),
            StartErrorKind::InvalidValue
        );
        assert!(fields.map().is_empty());
    }

    #[test]
    fn a_content_length_that_is_no_number_is_refused() {
        for value in ["", "+1", "-1", "1, 1", "0x1", " 1", "99999999999999999999"] {
            let error = Fields::new().insert("content-length", value).unwrap_err();
            assert_eq!(error.kind(), StartErrorKind::InvalidLength, "{value:?}");
        }
    }

    #[test]
    fn the_remembered_length_follows_the_field() {
        let mut fields = Fields::new();
        fields.insert(header::CONTENT_LENGTH, 5_u64).unwrap();
        assert_eq!(fields.content_length(), Some(5));
        assert!(fields.append(header::CONTENT_LENGTH, 6_u64).is_err());
        fields.append(header::CONTENT_LENGTH, 5_u64).unwrap();
        assert_eq!(fields.map().get_all(header::CONTENT_LENGTH).iter().count(), 1);
        assert!(fields.remove(&header::CONTENT_LENGTH));
        assert_eq!(fields.content_length(), None);
    }

    #[test]
    fn names_are_tokens_and_status_is_none() {
        for name in ["", "a b", "a:", "x\n", "status", "Status"] {
            assert_eq!(
                Fields::new().insert(name, "x").unwrap_err().kind(),
                StartErrorKind::InvalidName,
                "{name:?}"
            );
        }
        Fields::new().insert("X-Upper!", "x").unwrap();
    }
}
