//! A format, taken apart once: what a line is made of, in the order in which it is written.
//!
//! The syntax is Gunicorn's, which is Python's `%`: `%(h)s`, `%({referer}i)s`, `%%`. An atom that nobody knows is a dash,
//! as there, and named at the start; what is no format is an error that says where.

use std::fmt;
use std::mem;

use rsgi_core::http::HeaderName;

use super::atoms::{Early, Late, Style};

/// The form of an access log's lines.
///
/// # Examples
///
/// ```
/// use rsgi_middleware::AccessFormat;
///
/// let format = AccessFormat::parse(r#"%(h)s "%(r)s" %(s)s %(D)s %({x-request-id}i)s %(typo)s"#)?;
/// assert_eq!(format.unknown(), ["typo"]);
/// let error = AccessFormat::parse("%(h)s %h").unwrap_err();
/// assert_eq!(error.to_string(), "at character 7: an atom is written as in `%(h)s`, a percent sign as `%%`");
/// # Ok::<(), rsgi_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessFormat {
    pub(super) pieces: Vec<Piece>,
    /// The fields of the answer that the line shows.
    pub(super) answer: Vec<HeaderName>,
    pub(super) style: Style,
    unknown: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(Box<[u8]>),
    Early(Early),
    Late(Late),
}

const COMMON: &str = r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s"#;
/// Gunicorn's default.
const COMBINED: &str = r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#;

/// What is wrong with a format, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessFormatError {
    /// In characters, from 1 on.
    position: usize,
    why: Wrong,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wrong {
    Control,
    LonePercent,
    NotClosed,
    NoConversion,
    NotANumber(String),
    Braces(String),
    FieldName(String),
}

impl AccessFormat {
    /// Apache's common form: client, user, time, request line, status, bytes.
    #[must_use]
    pub fn common() -> Self {
        Self::of_text(COMMON)
    }

    /// The common form, with referrer and user agent: the default, as it is Gunicorn's.
    #[must_use]
    pub fn combined() -> Self {
        Self::of_text(COMBINED)
    }

    /// A form of ours. It is one: a test says so. If it were none, a line would say nothing, and still do no harm.
    fn of_text(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|_| Self::empty(Style::Text))
    }

    /// Takes a format apart: Gunicorn's atoms, `%(h)s` and so on, with text between.
    ///
    /// # Errors
    ///
    /// The text is none; the error says at which character.
    pub fn parse(text: &str) -> Result<Self, AccessFormatError> {
        let mut format = Self::empty(Style::Text);
        let mut literal = String::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let fail = |why| AccessFormatError {
                position: text[..text.len() - rest.len()].chars().count() + 1,
                why,
            };
            let after = &rest[character.len_utf8()..];
            if character != '%' {
                if character.is_control() && character != '\t' {
                    return Err(fail(Wrong::Control));
                }
                literal.push(character);
                rest = after;
            } else if let Some(after) = after.strip_prefix('%') {
                literal.push('%');
                rest = after;
            } else {
                let ((name, conversion), after) = atom(after).map_err(&fail)?;
                let piece = format.piece(name).map_err(&fail)?;
                if conversion == 'd' && !is_number(&piece) {
                    return Err(fail(Wrong::NotANumber(name.to_owned())));
                }
                format.literal(&mem::take(&mut literal));
                format.pieces.push(piece);
                rest = after;
            }
        }
        format.literal(&literal);
        Ok(format)
    }

    pub(super) fn empty(style: Style) -> Self {
        Self { pieces: Vec::new(), answer: Vec::new(), style, unknown: Vec::new() }
    }

    /// The atoms that nobody knows, and that are dashes therefore.
    #[must_use]
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    pub(super) fn literal(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        // Neighbours are one: an unknown atom became text.
        if let Some(Piece::Literal(before)) = self.pieces.last_mut() {
            *before = [&before[..], text.as_bytes()].concat().into();
        } else {
            self.pieces.push(Piece::Literal(text.as_bytes().into()));
        }
    }

    fn piece(&mut self, name: &str) -> Result<Piece, Wrong> {
        if let Some(braced) = name.strip_prefix('{') {
            let (inner, kind) = braced.rsplit_once('}').ok_or_else(|| Wrong::Braces(name.to_owned()))?;
            let field =
                || HeaderName::from_bytes(inner.as_bytes()).map_err(|_| Wrong::FieldName(inner.to_owned()));
            return match kind {
                "i" => Ok(Piece::Early(Early::Field(field()?))),
                "o" => Ok(Piece::Late(Late::Field(self.answer_field(field()?)))),
                "e" if !inner.is_empty() => Ok(Piece::Early(Early::Variable(inner.into()))),
                _ => Err(Wrong::Braces(name.to_owned())),
            };
        }
        Ok(plain(name).unwrap_or_else(|| {
            self.unknown.push(name.to_owned());
            Piece::Early(Early::Identity)
        }))
    }

    fn answer_field(&mut self, name: HeaderName) -> usize {
        let known = self.answer.iter().position(|known| *known == name);
        known.unwrap_or_else(|| {
            self.answer.push(name);
            self.answer.len() - 1
        })
    }
}

impl Default for AccessFormat {
    fn default() -> Self {
        Self::combined()
    }
}

/// Reads `(name)s`, or `(name)d`: name and conversion, and what is left.
fn atom(text: &str) -> Result<((&str, char), &str), Wrong> {
    let text = text.strip_prefix('(').ok_or(Wrong::LonePercent)?;
    let (name, after) = text.split_once(')').ok_or(Wrong::NotClosed)?;
    match after.chars().next() {
        Some(conversion @ ('s' | 'd')) => Ok(((name, conversion), &after[1..])),
        _ => Err(Wrong::NoConversion),
    }
}

fn plain(name: &str) -> Option<Piece> {
    use rsgi_core::http::header::{REFERER, USER_AGENT};
    Some(match name {
        "h" => Piece::Early(Early::Client),
        "l" => Piece::Early(Early::Identity),
        "u" => Piece::Early(Early::User),
        "t" => Piece::Late(Late::Time),
        "r" => Piece::Early(Early::Line),
        "m" => Piece::Early(Early::Method),
        "U" => Piece::Early(Early::Path),
        "q" => Piece::Early(Early::Query),
        "H" => Piece::Early(Early::Protocol),
        "s" => Piece::Late(Late::Status),
        "B" => Piece::Late(Late::Bytes),
        "b" => Piece::Late(Late::SomeBytes),
        "f" => Piece::Early(Early::Field(REFERER)),
        "a" => Piece::Early(Early::Field(USER_AGENT)),
        "T" => Piece::Late(Late::Seconds),
        "D" => Piece::Late(Late::Micros),
        "M" => Piece::Late(Late::Millis),
        "L" => Piece::Late(Late::Decimal),
        "p" => Piece::Late(Late::Pid),
        _ => return None,
    })
}

fn is_number(piece: &Piece) -> bool {
    matches!(piece, Piece::Late(Late::Status | Late::Bytes | Late::Seconds | Late::Micros | Late::Millis))
}

impl fmt::Display for AccessFormatError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at character {}: {}", self.position, self.why)
    }
}

impl std::error::Error for AccessFormatError {}

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control => formatter.write_str("a line of the log holds no control character"),
            Self::LonePercent => {
                formatter.write_str("an atom is written as in `%(h)s`, a percent sign as `%%`")
            }
            Self::NotClosed => formatter.write_str("the atom's `)` is missing: write as in `%(h)s`"),
            Self::NoConversion => formatter.write_str("an atom ends in `s`: write as in `%(h)s`"),
            Self::NotANumber(name) => {
                write!(formatter, "`{name}` is no number: write `%({name})s`; numbers are s, B, T, D and M")
            }
            Self::Braces(name) => write!(
                formatter,
                "`{name}` is no atom: write `{{name}}i` for a request's field, `{{name}}o` for an answer's, \
                 `{{NAME}}e` for a variable"
            ),
            Self::FieldName(name) => write!(formatter, "{name:?} can't be the name of a header field"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        AccessFormat::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn gunicorns_default_is_understood() {
        let format = AccessFormat::default();
        assert_eq!(AccessFormat::common().pieces.len(), AccessFormat::parse(COMMON).unwrap().pieces.len());
        assert_eq!(format, AccessFormat::parse(COMBINED).unwrap());
        assert!(format.unknown().is_empty() && format.answer.is_empty());
        let atoms = format.pieces.iter().filter(|piece| !matches!(piece, Piece::Literal(_)));
        assert_eq!(atoms.count(), 9);
    }

    #[test]
    fn each_of_gunicorns_atoms_is_known() {
        for name in "hlutrmUqHsBbfaTDMLp".chars() {
            let format = AccessFormat::parse(&format!("%({name})s")).unwrap();
            assert!(format.unknown().is_empty(), "{name}");
            assert_eq!(format.pieces.len(), 1, "{name}");
        }
    }

    #[test]
    fn names_of_fields_have_no_case_and_those_of_answers_are_kept_once() {
        let format =
            AccessFormat::parse("%({Referer}i)s %({X-A}o)s %({x-b}o)s %({x-a}o)s %({REMOTE_PORT}e)s")
                .unwrap();
        assert_eq!(format.answer, ["x-a", "x-b"]);
        assert_eq!(format.pieces[0], Piece::Early(Early::Field(HeaderName::from_static("referer"))));
        assert_eq!(format.pieces[6], Piece::Late(Late::Field(0)));
        assert_eq!(format.pieces[8], Piece::Early(Early::Variable("REMOTE_PORT".into())));
    }

    #[test]
    fn what_stands_between_is_kept_and_percent_signs_are_doubled() {
        let format = AccessFormat::parse("100%% \t%(s)sö").unwrap();
        let literal = |text: &str| Piece::Literal(text.as_bytes().into());
        assert_eq!(format.pieces, [literal("100% \t"), Piece::Late(Late::Status), literal("ö")]);
        assert!(AccessFormat::parse("").unwrap().pieces.is_empty());
    }

    #[test]
    fn an_unknown_atom_is_a_dash_and_is_named() {
        let format = AccessFormat::parse("%(x)s %()s %(request)s").unwrap();
        assert_eq!(format.unknown(), ["x", "", "request"]);
        assert_eq!(format.pieces[0], Piece::Early(Early::Identity));
    }

    #[test]
    fn an_error_names_the_character_and_the_remedy() {
        assert_eq!(
            error("%(h)s %h"),
            "at character 7: an atom is written as in `%(h)s`, a percent sign as `%%`"
        );
        assert_eq!(error("ö %(h"), "at character 3: the atom's `)` is missing: write as in `%(h)s`");
        assert_eq!(error("%(h)"), "at character 1: an atom ends in `s`: write as in `%(h)s`");
        assert_eq!(error("%(h)x"), "at character 1: an atom ends in `s`: write as in `%(h)s`");
        assert!(error("%").starts_with("at character 1: an atom is written"));
        assert!(error("%(h)s\n").starts_with("at character 6: a line of the log holds no control"));
        assert!(error("%({a b}i)s").starts_with("at character 1: \"a b\" can't be the name"));
        assert!(error("%({}i)s").starts_with("at character 1: \"\" can't be the name"));
        for text in ["%({a}x)s", "%({a}s)s", "%({a)s", "%({}e)s", "%({a})s"] {
            assert!(error(text).contains("is no atom: write `{name}i`"), "{text}");
        }
    }

    #[test]
    fn only_numbers_are_written_as_numbers() {
        for name in ["B", "T", "D", "M", "s"] {
            assert!(AccessFormat::parse(&format!("%({name})d")).is_ok(), "{name}");
        }
        assert!(error(" %(r)d").starts_with("at character 2: `r` is no number: write `%(r)s`"));
    }
}
