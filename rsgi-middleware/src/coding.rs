//! [`Coding`], the content codings that are known here, and what a client says of them (RFC 9110 section 12.5.3).
//!
//! Not here: the coding itself (`compression/encoder.rs`), and files that were coded before (`files`).

use std::fmt;

use rsgi_core::http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};

/// A content coding (RFC 9110 section 8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// `br` (RFC 7932).
    Brotli,
    /// `gzip` (RFC 1952).
    Gzip,
    /// `zstd` (RFC 8878).
    Zstd,
}

impl Coding {
    /// The name in `Content-Encoding`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    pub(crate) fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.as_str())
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a client accepts, in thousandths of a weight; `None` for what it doesn't name.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wish {
    brotli: Option<u16>,
    gzip: Option<u16>,
    zstd: Option<u16>,
    identity: Option<u16>,
    /// `*`: all that it doesn't name.
    others: Option<u16>,
}

impl Wish {
    /// Reads all `Accept-Encoding` fields. An element that can't be read says nothing.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut wish = Self::default();
        let fields = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|field| field.to_str().ok());
        for element in fields.flat_map(|field| field.split(',')) {
            let (name, parameters) = element.split_once(';').unwrap_or((element, ""));
            let Some(weight) = weight(parameters) else { continue };
            let place = match name.trim().to_ascii_lowercase().as_str() {
                "br" => &mut wish.brotli,
                // RFC 9110 section 8.4.1.3: the same, by an old name.
                "gzip" | "x-gzip" => &mut wish.gzip,
                "zstd" => &mut wish.zstd,
                "identity" => &mut wish.identity,
                "*" => &mut wish.others,
                _ => continue,
            };
            *place = Some(weight);
        }
        wish
    }

    /// The best of what is offered, the first of equals; `None` if the client would rather have no coding. A client that
    /// names nothing gets none, though it may get any by the letter: most that don't ask can't decode.
    pub(crate) fn best_of(&self, offered: &[Coding]) -> Option<Coding> {
        let mut best = None;
        let mut least = self.identity.or(self.others).unwrap_or(0).max(1);
        for coding in offered {
            let weight = self.weight_of(*coding);
            if weight >= least {
                best = Some(*coding);
                least = weight + 1;
            }
        }
        best
    }

    fn weight_of(&self, coding: Coding) -> u16 {
        let named = match coding {
            Coding::Brotli => self.brotli,
            Coding::Gzip => self.gzip,
            Coding::Zstd => self.zstd,
        };
        named.or(self.others).unwrap_or(0)
    }
}

#[cfg(feature = "compression")]
impl Wish {
    /// Whether the answer may not go without a coding: `identity;q=0`, or `*;q=0` without a word of identity.
    pub(crate) fn refuses_identity(&self) -> bool {
        self.identity.or(self.others) == Some(0)
    }
}

/// Reads a weight in thousandths (RFC 9110 section 12.4.2); 1 if there is none, `None` if it is broken.
fn weight(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1000);
    }
    let (name, value) = parameters.split_once('=')?;
    if !name.trim_end().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, decimals) = value.trim_start().split_once('.').unwrap_or((value.trim_start(), ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

    fn wish(fields: &[&str]) -> Wish {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_str(field).unwrap());
        }
        Wish::read(&headers)
    }

    #[test]
    fn the_heaviest_is_chosen_and_the_first_offered_among_equals() {
        for (field, best) in [
            ("gzip", Some(Coding::Gzip)),
            ("GZIP , br", Some(Coding::Brotli)),
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("gzip;q=0.9, br;q=0.8, zstd;q=0.001", Some(Coding::Gzip)),
            ("x-gzip;q=0.5", Some(Coding::Gzip)),
            ("br ; q=1.000 , zstd;q=0.999", Some(Coding::Brotli)),
            ("*", Some(Coding::Zstd)),
            ("*, zstd;q=0", Some(Coding::Brotli)),
            ("*;q=0.1, gzip;q=0.2", Some(Coding::Gzip)),
            ("gzip;q=0", None),
            ("*;q=0", None),
            ("", None),
            ("deflate, compress", None),
            ("identity", None),
            ("identity;q=1, gzip;q=0.5", None),
            ("identity;q=0.5, gzip;q=0.5", Some(Coding::Gzip)),
            ("identity;q=0.5, gzip", Some(Coding::Gzip)),
            ("identity;q=0", None),
            ("identity;q=0, br;q=0.001", Some(Coding::Brotli)),
        ] {
            assert_eq!(wish(&[field]).best_of(&ALL), best, "{field:?}");
        }
        assert_eq!(wish(&[]).best_of(&ALL), None);
        assert_eq!(
            wish(&["gzip;q=0.1", "br;q=0.2"]).best_of(&ALL),
            Some(Coding::Brotli),
            "two fields are one"
        );
        assert_eq!(wish(&["gzip, br"]).best_of(&[Coding::Gzip]), Some(Coding::Gzip));
    }

    #[test]
    fn an_element_with_a_broken_weight_says_nothing() {
        for broken in ["2", "1.1", "0.1234", "-1", "0,5", "x", "", "0x1", "1.0001"] {
            assert_eq!(wish(&[&format!("gzip;q={broken}")]).best_of(&ALL), None, "{broken:?}");
        }
        assert_eq!(wish(&["gzip;level=9"]).best_of(&ALL), None);
    }
}
