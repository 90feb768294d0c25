//! Converters: what `<int:id>` in a rule matches, and how a value is written into a URL.
//!
//! The names and arguments are Flask's. A converter says what it matches as a regular expression, so that a rule is one, and
//! two rules that differ in their converters alone are told apart. Next: `rule.rs`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::canonical;

/// What a variable of a rule matches.
///
/// # Examples
///
/// A converter of the app's own:
///
/// ```
/// use frasco::{App, BuildError, Converter, Path};
///
/// #[derive(Debug)]
/// struct Year;
///
/// impl Converter for Year {
///     fn pattern(&self) -> String {
///         "[12][0-9]{3}".to_owned()
///     }
///
///     fn sample(&self) -> String {
///         "1999".to_owned()
///     }
/// }
///
/// async fn archive(Path(year): Path<u16>) -> String {
///     format!("posts of {year}")
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("blog")
///     .converter("year", |_arguments| Ok(Year))
///     .get("/archive/<year:year>", archive)
///     .build()?;
/// let client = rsgi_test::Client::new(app);
/// assert_eq!(client.get("/archive/1999").answer().text(), "posts of 1999");
/// assert_eq!(client.get("/archive/3999").answer().status(), 404);
/// # Ok(())
/// # }
/// ```
pub trait Converter: fmt::Debug + Send + Sync + 'static {
    /// The regular expression of what it matches, in the syntax of the crate `regex`: without anchors or capture groups. What
    /// is matched is the path with its escapes decoded but those of `/` and `%`.
    fn pattern(&self) -> String;

    /// A text that it matches: tried at boot on the handlers that want a value of this variable.
    fn sample(&self) -> String;

    /// Tells whether a text that the pattern matches is one, where a pattern can't tell: bounds of a number, say. Default: it is.
    fn accepts(&self, text: &str) -> bool {
        let _ = text;
        true
    }

    /// Writes a value as a URL has it, before it is escaped: by [`UrlFor`](crate::UrlFor), which looks whether it matches then.
    /// Default: as it is. A `float` gets its point, an `int(fixed_digits=4)` its zeros.
    fn to_url<'a>(&self, value: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(value)
    }

    /// How late its rules are tried, behind those of a lower weight. Default: 100, as that of `string`; a number's is 50, a path's 200.
    fn weight(&self) -> u32 {
        100
    }
}

/// The arguments of a converter in a rule: `<string(length=2):code>` has one with a name, `<any(a, b):x>` two without.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Converter, Path};
///
/// /// `<hex(digits=8):id>`.
/// #[derive(Debug)]
/// struct Hex(usize);
///
/// impl Converter for Hex {
///     fn pattern(&self) -> String {
///         format!("[0-9a-f]{{{}}}", self.0)
///     }
///
///     fn sample(&self) -> String {
///         "0".repeat(self.0)
///     }
/// }
///
/// async fn show(Path(id): Path<String>) -> String {
///     id
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("app")
///     .converter("hex", |arguments| {
///         let digits = arguments.named("digits").ok_or("hex wants digits=...")?;
///         Ok(Hex(digits.parse().map_err(|_| format!("digits={digits} is no number"))?))
///     })
///     .get("/<hex(digits=4):id>", show)
///     .build()?;
/// let client = rsgi_test::Client::new(app);
/// assert_eq!(client.get("/c0de").answer().text(), "c0de");
/// assert_eq!(client.get("/c0ffee").answer().status(), 404);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    pub(super) plain: Vec<String>,
    pub(super) named: Vec<(String, String)>,
}

impl Arguments {
    /// Those without a name, in order.
    #[must_use]
    pub fn plain(&self) -> &[String] {
        &self.plain
    }

    /// The one of a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&str> {
        self.named.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let Some(text) = self.named(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("{name}={text} is no number"))
    }

    /// Refuses arguments that the converter doesn't know.
    fn only(&self, converter: &str, names: &[&str]) -> Result<(), String> {
        if let Some((name, _)) = self.named.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            return Err(format!("{converter} has no argument {name}: it takes {}", names.join(", ")));
        }
        match self.plain.first() {
            Some(value) => Err(format!("{converter} takes its arguments by name, not {value:?} alone")),
            None => Ok(()),
        }
    }
}

type Make = dyn Fn(&Arguments) -> Result<Arc<dyn Converter>, String> + Send + Sync;

/// The converters of an app, by name.
#[derive(Clone)]
pub(crate) struct Converters(HashMap<String, Arc<Make>>);

impl Converters {
    pub(crate) fn add<C: Converter>(
        &mut self,
        name: &str,
        make: impl Fn(&Arguments) -> Result<C, String> + Send + Sync + 'static,
    ) {
        let make: Arc<Make> = Arc::new(move |arguments| make(arguments).map(|made| Arc::new(made) as _));
        self.0.insert(name.to_owned(), make);
    }

    pub(super) fn make(&self, name: &str, arguments: &Arguments) -> Result<Arc<dyn Converter>, String> {
        let make = self.0.get(name).ok_or_else(|| {
            let mut names: Vec<&str> = self.0.keys().map(String::as_str).collect();
            names.sort_unstable();
            format!("there is no converter {name:?}: there are {}", names.join(", "))
        })?;
        make(arguments)
    }
}

impl fmt::Debug for Converters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Default for Converters {
    fn default() -> Self {
        let mut all = Self(HashMap::new());
        for name in ["string", "default"] {
            all.add(name, Text::new);
        }
        all.add("int", |arguments| Number::new("int", false, arguments));
        all.add("float", |arguments| Number::new("float", true, arguments));
        all.add("path", |arguments| arguments.only("path", &[]).map(|()| Whole));
        all.add("uuid", |arguments| arguments.only("uuid", &[]).map(|()| Uuid));
        all.add("any", |arguments| {
            if arguments.plain.is_empty() || !arguments.named.is_empty() {
                return Err("any takes what may stand there: any(a, b)".to_owned());
            }
            Ok(Any(arguments.plain.clone()))
        });
        all
    }
}

/// `string`: anything but a slash.
#[derive(Debug)]
struct Text {
    least: usize,
    most: Option<usize>,
}

impl Text {
    fn new(arguments: &Arguments) -> Result<Self, String> {
        arguments.only("string", &["length", "minlength", "maxlength"])?;
        let exact = arguments.number("length")?;
        let least = exact.or(arguments.number("minlength")?).unwrap_or(1);
        let most = exact.or(arguments.number("maxlength")?);
        if most.is_some_and(|most| most < least) {
            return Err(format!(
                "string can't be of {least} characters or more and of {} or fewer",
                most.unwrap_or(0)
            ));
        }
        Ok(Self { least, most })
    }
}

impl Converter for Text {
    fn pattern(&self) -> String {
        // An escape that is still there is one character.
        "(?:[^/%]|%2[5F])+".to_owned()
    }

    fn sample(&self) -> String {
        "a".repeat(self.least)
    }

    fn accepts(&self, text: &str) -> bool {
        let length = text.chars().count() - 2 * text.matches('%').count();
        length >= self.least && self.most.is_none_or(|most| length <= most)
    }

    fn weight(&self) -> u32 {
        if self.most.is_some() || self.least > 1 { 90 } else { 100 }
    }
}

/// `int` and `float`.
#[derive(Debug)]
struct Number {
    has_point: bool,
    fixed_digits: Option<usize>,
    min: Option<f64>,
    max: Option<f64>,
    signed: bool,
}

impl Number {
    fn new(name: &str, has_point: bool, arguments: &Arguments) -> Result<Self, String> {
        let known: &[&str] =
            if has_point { &["min", "max", "signed"] } else { &["fixed_digits", "min", "max", "signed"] };
        arguments.only(name, known)?;
        let signed = match arguments.named("signed") {
            None | Some("False" | "false") => false,
            Some("True" | "true") => true,
            Some(other) => return Err(format!("signed={other} is neither true nor false")),
        };
        Ok(Self {
            has_point,
            fixed_digits: arguments.number("fixed_digits")?,
            min: arguments.number("min")?,
            max: arguments.number("max")?,
            signed,
        })
    }
}

impl Converter for Number {
    fn pattern(&self) -> String {
        let sign = if self.signed { "-?" } else { "" };
        match (self.has_point, self.fixed_digits) {
            (true, _) => format!(r"{sign}[0-9]+\.[0-9]+"),
            (false, Some(digits)) => format!("{sign}[0-9]{{{digits}}}"),
            (false, None) => format!("{sign}[0-9]+"),
        }
    }

    fn sample(&self) -> String {
        let number = self.min.unwrap_or(0.0).max(self.max.unwrap_or(0.0).min(0.0));
        match (self.has_point, self.fixed_digits) {
            (true, _) => format!("{number:?}"),
            (false, digits) => format!("{number:0>width$}", width = digits.unwrap_or(1)),
        }
    }

    fn accepts(&self, text: &str) -> bool {
        let Ok(number) = text.parse::<f64>() else { return false };
        self.min.is_none_or(|min| number >= min) && self.max.is_none_or(|max| number <= max)
    }

    fn to_url<'a>(&self, value: &'a str) -> Cow<'a, str> {
        let (sign, digits) = value.strip_prefix('-').map_or(("", value), |digits| ("-", digits));
        if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
            return Cow::Borrowed(value);
        }
        match (self.has_point, self.fixed_digits) {
            (true, _) => Cow::Owned(format!("{value}.0")),
            (false, Some(width)) => Cow::Owned(format!("{sign}{digits:0>width$}")),
            (false, None) => Cow::Borrowed(value),
        }
    }

    fn weight(&self) -> u32 {
        // What takes less is asked first.
        let is_bound = self.fixed_digits.is_some() || self.min.is_some() || self.max.is_some();
        if is_bound { 40 } else { 50 }
    }
}

/// `path`: anything, with slashes.
#[derive(Debug)]
struct Whole;

impl Converter for Whole {
    fn pattern(&self) -> String {
        r"(?:[^/%]|%2[5F])(?:[^%\n]|%2[5F])*?".to_owned()
    }

    fn sample(&self) -> String {
        "a/b".to_owned()
    }

    fn weight(&self) -> u32 {
        200
    }
}

/// `uuid`, as RFC 9562 writes one.
#[derive(Debug)]
struct Uuid;

impl Converter for Uuid {
    fn pattern(&self) -> String {
        "[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}".to_owned()
    }

    fn sample(&self) -> String {
        "00000000-0000-0000-0000-000000000000".to_owned()
    }
}

/// `any`: one of several texts.
#[derive(Debug)]
struct Any(Vec<String>);

impl Converter for Any {
    fn pattern(&self) -> String {
        let all: Vec<String> = self.0.iter().map(|text| regex::escape(&canonical::of_text(text))).collect();
        format!("(?:{})", all.join("|"))
    }

    fn sample(&self) -> String {
        self.0.first().cloned().unwrap_or_default()
    }
}
