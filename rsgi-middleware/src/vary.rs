//! `Vary`: naming a request's field that decided something of the answer (RFC 9110 section 12.5.5).

use rsgi_core::http::header::{HeaderName, VARY};
use rsgi_core::{Fields, StartError};

/// Adds a name to `Vary`, unless it or `*` is there.
pub(crate) fn vary_by(fields: &mut Fields, name: &HeaderName) -> Result<(), StartError> {
    let named = fields.map().get_all(VARY).into_iter().filter_map(|value| value.to_str().ok());
    let mut elements = named.flat_map(|value| value.split(',')).map(str::trim);
    if elements.any(|element| element == "*" || element.eq_ignore_ascii_case(name.as_str())) {
        return Ok(());
    }
    fields.append(VARY, name.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use rsgi_core::http::header::{ACCEPT_ENCODING, COOKIE};

    use super::*;

    #[test]
    fn a_name_is_added_once_and_never_beside_a_star() {
        let after = |before: &'static str| {
            let mut fields = Fields::new();
            if !before.is_empty() {
                fields.append(VARY, before).unwrap();
            }
            vary_by(&mut fields, &ACCEPT_ENCODING).unwrap();
            vary_by(&mut fields, &ACCEPT_ENCODING).unwrap();
            let values =
                fields.map().get_all(VARY).into_iter().map(|value| value.to_str().unwrap().to_owned());
            values.collect::<Vec<_>>().join("|")
        };
        assert_eq!(after(""), "accept-encoding");
        assert_eq!(after("Origin, Accept-Encoding"), "Origin, Accept-Encoding");
        assert_eq!(after("*"), "*");
        assert_eq!(after("cookie"), "cookie|accept-encoding");
        let mut fields = Fields::new();
        vary_by(&mut fields, &ACCEPT_ENCODING).unwrap();
        vary_by(&mut fields, &COOKIE).unwrap();
        assert_eq!(fields.map().get_all(VARY).iter().count(), 2);
    }
}
