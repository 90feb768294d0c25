//! A rule, such as `/user/<int:id>`: read, made a regular expression, and built into a URL again.
//!
//! Text between variables is plain, not escaped; so is what it is matched with (`canonical.rs`). Next: `mod.rs`.

use std::fmt::Write as _;
use std::sync::Arc;

use percent_encoding::utf8_percent_encode;
use regex::Regex;

use super::canonical;
use super::converter::{Arguments, Converter, Converters};
use super::escape::{PATH, SEGMENT};

/// A rule, read.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) text: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    Text(String),
    Variable {
        name: String,
        converter: Arc<dyn Converter>,
        /// What it matches, from end to end.
        whole: Regex,
    },
}

impl Rule {
    /// Reads a rule.
    pub(crate) fn read(text: &str, converters: &Converters) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err("a rule begins with a slash".to_owned());
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('<') {
            push_text(&mut parts, &rest[..open])?;
            let inner = &rest[open + 1..];
            let close = inner.find('>').ok_or("a variable has no end: a '>' is missing")?;
            let variable = variable(&inner[..close], converters)?;
            if let Part::Variable { name, .. } = &variable
                && names(&parts).any(|found| found == name)
            {
                return Err(format!("the variable {name:?} is there twice"));
            }
            parts.push(variable);
            rest = &inner[close + 1..];
        }
        push_text(&mut parts, rest)?;
        Ok(Self { text: text.to_owned(), parts })
    }

    /// Whether it has no variables: then the text is the path.
    pub(super) fn is_static(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The names of its variables, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        names(&self.parts)
    }

    /// The converter of a variable.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &dyn Converter)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable { name, converter, .. } => Some((name.as_str(), &**converter)),
            Part::Text(_) => None,
        })
    }

    /// Whether it is one of a folder: with a slash at its end.
    pub(super) fn ends_with_slash(&self) -> bool {
        self.text.len() > 1 && self.text.ends_with('/')
    }

    /// The expression that matches it, in which each variable is a group; behind a last slash an empty group tells whether it was there.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::from("^");
        for part in &self.parts {
            match part {
                Part::Text(text) => pattern.push_str(&regex::escape(&canonical::of_text(text))),
                Part::Variable { converter, .. } => {
                    let _ = write!(pattern, "({})", converter.pattern());
                }
            }
        }
        if self.ends_with_slash() {
            pattern.pop();
            pattern.push_str("(/?)");
        }
        pattern.push('$');
        pattern
    }

    /// What paths below it begin with, if it is a prefix.
    pub(crate) fn prefix_pattern(&self) -> Result<Regex, String> {
        let mut pattern = self.pattern();
        pattern.pop();
        pattern.push_str("(?:/|$)");
        Regex::new(&pattern).map_err(|error| error.to_string())
    }

    /// The rule without its variables' names: two of one shape match the same paths.
    pub(crate) fn shape(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.replace('<', "<<"),
            Part::Variable { converter, .. } => format!("<{converter:?}>"),
        };
        self.parts.iter().map(part).collect()
    }

    /// By what rules are sorted, the most specific first: plain text before variables, light converters before heavy ones, long
    /// rules before short ones.
    pub(super) fn order(&self) -> Vec<(u32, std::cmp::Reverse<usize>)> {
        let mut order = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => {
                    order.extend(
                        text.split('/')
                            .filter(|it| !it.is_empty())
                            .map(|it| (0, std::cmp::Reverse(it.len()))),
                    );
                }
                Part::Variable { converter, .. } => order.push((converter.weight(), std::cmp::Reverse(0))),
            }
        }
        // What is shorter would come first, and swallow by a path what a longer one says more of.
        order.push((u32::MAX, std::cmp::Reverse(0)));
        order
    }

    /// Writes a path of it; takes the values that it uses out of `values`.
    pub(super) fn build(&self, values: &mut Vec<(String, String)>) -> Result<String, String> {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path.extend(utf8_percent_encode(text, PATH)),
                Part::Variable { name, converter, whole } => {
                    let at = values.iter().position(|(found, _)| found == name);
                    let (_, value) =
                        values.remove(at.ok_or_else(|| format!("a value for {name:?} is missing"))?);
                    let value = converter.to_url(&value);
                    let form = canonical::of_text(&value);
                    let fits = |form: &str| whole.is_match(form) && converter.accepts(form);
                    // Slashes separate where the converter lets them, else they are data.
                    let set = if fits(&form) {
                        PATH
                    } else if fits(&form.replace('/', "%2F")) {
                        SEGMENT
                    } else {
                        return Err(format!("{value:?} is no value for {name:?} of the rule {}", self.text));
                    };
                    path.extend(utf8_percent_encode(&value, set));
                }
            }
        }
        Ok(path)
    }
}

fn names(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        Part::Variable { name, .. } => Some(name.as_str()),
        Part::Text(_) => None,
    })
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), String> {
    if text.contains('>') {
        return Err("a '>' stands alone: a variable is <name> or <converter:name>".to_owned());
    }
    if text.contains(['?', '#']) {
        return Err(
            "a rule has no query and no fragment: ask for the query's values in the handler".to_owned()
        );
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
    Ok(())
}

/// Reads `name`, `converter:name` or `converter(arguments):name`.
fn variable(text: &str, converters: &Converters) -> Result<Part, String> {
    let (converter, name) = text.rsplit_once(':').unwrap_or(("string", text));
    let is_name = name.chars().all(|it| it.is_alphanumeric() || it == '_') && !name.is_empty();
    if !is_name || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(format!("{name:?} is no variable's name: letters, digits and '_', and no digit first"));
    }
    let (converter, given) = match converter.split_once('(') {
        Some((converter, rest)) => {
            let inner =
                rest.strip_suffix(')').ok_or_else(|| format!("{converter}'s arguments have no ')'"))?;
            (converter, arguments(inner))
        }
        None => (converter, Arguments::default()),
    };
    let converter = converters.make(converter, &given)?;
    let whole = Regex::new(&format!("^(?:{})$", converter.pattern()))
        .map_err(|error| format!("the converter's pattern is no regular expression: {error}"))?;
    if whole.captures_len() > 1 {
        return Err("the converter's pattern has a capture group: write (?:...)".to_owned());
    }
    Ok(Part::Variable { name: name.to_owned(), converter, whole })
}

fn arguments(text: &str) -> Arguments {
    let mut arguments = Arguments::default();
    for argument in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        match argument.split_once('=') {
            Some((name, value)) => {
                arguments.named.push((name.trim().to_owned(), unquoted(value.trim()).to_owned()));
            }
            None => arguments.plain.push(unquoted(argument).to_owned()),
        }
    }
    arguments
}

fn unquoted(text: &str) -> &str {
    let inner = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(text)
}
