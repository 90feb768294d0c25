//! [`Kind`]: what a setting's text may be, and the [`Value`] that it is.
//!
//! One form of text for file, environment and command line. What the values of two settings may be *together* is in
//! `rules.rs`.
//!
//! Invariant: what [`Value::toml`] writes is read back as the same value.

use std::fmt;
use std::time::Duration;

use super::units;

/// Says which texts are allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// On or off.
    Switch,
    /// A whole number.
    Number { least: u64, most: u64 },
    /// Bytes.
    Size { least: u64, most: u64 },
    /// A time, up to a year.
    Time,
    /// Permission bits in octal.
    Mode,
    /// One of some words.
    Choice(&'static [&'static str]),
    /// Anything that passes a check.
    Text(Form),
    /// Several, each of which passes a check.
    List { separator: char, form: Form },
}

/// Says which texts are allowed where neither numbers nor words are counted up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// What the help calls the value.
    pub(crate) word: &'static str,
    /// What is allowed, as the end of "allowed is …".
    pub(crate) allowed: &'static str,
    pub(crate) check: fn(&str) -> Result<(), Problem>,
}

/// What somebody set, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Switch(bool),
    Number(u64),
    Size(u64),
    Time(Duration),
    Mode(u32),
    Text(String),
    List(Vec<String>),
}

/// Why a text isn't allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is wrong: "this is no whole number".
    pub(crate) problem: String,
    /// What to write instead, where it isn't simply what is allowed.
    pub(crate) remedy: Option<String>,
}

impl Kind {
    /// Reads the texts of a setting: each one of a list, else the last one, which is the strongest. The problems come with
    /// the text that each is about.
    pub(crate) fn read(&self, texts: &[String]) -> Result<Value, Vec<(String, Problem)>> {
        if let Self::List { separator, form } = self {
            return read_list(texts, *separator, form);
        }
        let text = texts.last().map_or("", String::as_str);
        self.read_one(text).map_err(|problem| vec![(text.to_owned(), problem)])
    }

    /// What is allowed, as the end of "allowed is …".
    pub(crate) fn allowed(&self) -> String {
        match self {
            Self::Switch => "true or false".to_owned(),
            Self::Number { least, most: u64::MAX } => format!("a whole number from {least} up"),
            Self::Number { least, most } => format!("a whole number from {least} to {most}"),
            Self::Size { least, most } => {
                format!(
                    "bytes, such as 4096, 64K or 16M, from {} to {}",
                    units::size(*least),
                    units::size(*most)
                )
            }
            Self::Time => "seconds, or a number with ms, s, m, h or d, up to 366d".to_owned(),
            Self::Mode => "permission bits in octal, such as 660, up to 777".to_owned(),
            Self::Choice(words) => words.join(", "),
            Self::Text(form) | Self::List { form, .. } => form.allowed.to_owned(),
        }
    }

    /// What the help calls the value.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Switch => "BOOL",
            Self::Number { .. } => "NUMBER",
            Self::Size { .. } => "BYTES",
            Self::Time => "TIME",
            Self::Mode => "MODE",
            Self::Choice(_) => "WORD",
            Self::Text(form) | Self::List { form, .. } => form.word,
        }
    }

    fn read_one(&self, text: &str) -> Result<Value, Problem> {
        match self {
            Self::Switch => switch(text).map(Value::Switch),
            Self::Number { least, most } => {
                let number = units::number(text).ok_or_else(|| Problem::new("this is no whole number"))?;
                within(number, *least, *most, "number").map(Value::Number)
            }
            Self::Size { least, most } => {
                let bytes =
                    units::parse_size(text).ok_or_else(|| Problem::new("this is no number of bytes"))?;
                within(bytes, *least, *most, "size").map(Value::Size)
            }
            Self::Time => match units::parse_time(text) {
                Some(time) if time <= LONGEST => Ok(Value::Time(time)),
                Some(_) => Err(Problem::new("this time is too long")),
                None => Err(Problem::new("this is no time")),
            },
            Self::Mode => match units::parse_mode(text) {
                Some(mode) if mode <= 0o777 => Ok(Value::Mode(mode)),
                Some(_) => Err(Problem::new("there are more bits than 777")),
                None => Err(Problem::new("this is no octal number")),
            },
            Self::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Self::Choice(words) => Err(unknown_word(text, words)),
            Self::Text(form) => (form.check)(text).map(|()| Value::Text(text.to_owned())),
            Self::List { form, .. } => (form.check)(text).map(|()| Value::List(vec![text.to_owned()])),
        }
    }
}

impl PartialEq for Kind {
    /// Whether both are the same sort of kind, whatever their bounds.
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Problem {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: None }
    }

    pub(crate) fn with_remedy(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: Some(remedy.into()) }
    }
}

impl Value {
    /// The value as a TOML file has it.
    pub(crate) fn toml(&self) -> String {
        match self {
            Self::Switch(_) | Self::Number(_) => self.to_string(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| units::quoted(item)).collect();
                format!("[{}]", items.join(", "))
            }
            _ => units::quoted(&self.to_string()),
        }
    }
}

/// As a message shows it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(on) => on.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Size(bytes) => f.write_str(&units::size(*bytes)),
            Self::Time(time) => f.write_str(&units::time(*time)),
            Self::Mode(mode) => write!(f, "{mode:03o}"),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => f.write_str(&items.join(", ")),
        }
    }
}

fn read_list(texts: &[String], separator: char, form: &Form) -> Result<Value, Vec<(String, Problem)>> {
    let items = texts.iter().flat_map(|text| text.split(separator)).map(str::trim);
    let items: Vec<_> = items.filter(|item| !item.is_empty()).map(str::to_owned).collect();
    let wrong = items.iter().filter_map(|item| Some((item.clone(), (form.check)(item).err()?)));
    let wrong: Vec<_> = wrong.collect();
    if wrong.is_empty() { Ok(Value::List(items)) } else { Err(wrong) }
}

fn switch(text: &str) -> Result<bool, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(Problem::new("this is neither on nor off")),
    }
}

fn within(number: u64, least: u64, most: u64, what: &str) -> Result<u64, Problem> {
    if number < least {
        return Err(Problem::new(format!("this {what} is too small")));
    }
    if number > most {
        return Err(Problem::new(format!("this {what} is too large")));
    }
    Ok(number)
}

fn unknown_word(text: &str, words: &[&str]) -> Problem {
    let problem = "there is no such word here";
    match super::nearest::nearest(text, words.iter().copied()) {
        Some(near) => {
            Problem::with_remedy(problem, format!("did you mean {near}? allowed is {}", words.join(", ")))
        }
        None => Problem::new(problem),
    }
}

/// As long as rsgi-core takes: a longer time is meant to be none.
const LONGEST: Duration = Duration::from_hours(366 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, text: &str) -> Result<Value, String> {
        kind.read(&[text.to_owned()]).map_err(|problems| problems[0].1.problem.clone())
    }

    fn short(text: &str) -> Result<(), Problem> {
        if text.len() < 4 { Ok(()) } else { Err(Problem::new("long")) }
    }

    const LIST: Kind =
        Kind::List { separator: ',', form: Form { word: "ITEM", allowed: "short", check: short } };

    #[test]
    fn each_kind_reads_its_texts_and_no_others() {
        let number = Kind::Number { least: 1, most: 9 };
        for (kind, text, value) in [
            (Kind::Switch, "yes", Ok(Value::Switch(true))),
            (Kind::Switch, "OFF", Ok(Value::Switch(false))),
            (Kind::Switch, "perhaps", Err("neither")),
            (number, "9", Ok(Value::Number(9))),
            (number, "10", Err("too large")),
            (number, "0", Err("too small")),
            (number, "-1", Err("no whole number")),
            (number, "1.5", Err("no whole number")),
            (Kind::Size { least: 0, most: 1 << 20 }, "64K", Ok(Value::Size(65_536))),
            (Kind::Size { least: 0, most: 1 << 20 }, "2M", Err("too large")),
            (Kind::Time, "1.5", Ok(Value::Time(Duration::from_millis(1500)))),
            (Kind::Time, "2m", Ok(Value::Time(Duration::from_mins(2)))),
            (Kind::Time, "400d", Err("too long")),
            (Kind::Time, "soon", Err("no time")),
            (Kind::Mode, "0660", Ok(Value::Mode(0o660))),
            (Kind::Mode, "7777", Err("more bits")),
            (Kind::Mode, "rw", Err("no octal")),
            (Kind::Choice(&["std", "hyper"]), "hyper", Ok(Value::Text("hyper".to_owned()))),
            (Kind::Choice(&["std", "hyper"]), "apache", Err("no such word")),
        ] {
            match (read(kind, text), value) {
                (Ok(read), Ok(value)) => assert_eq!(read, value, "{text}"),
                (Err(read), Err(part)) => assert!(read.contains(part), "{text}: {read}"),
                (read, value) => panic!("{text}: {read:?}, not {value:?}"),
            }
        }
    }

    #[test]
    fn a_list_is_gathered_from_all_texts_and_each_wrong_item_is_named() {
        let texts = ["a, b".to_owned(), "c".to_owned()];
        assert_eq!(LIST.read(&texts), Ok(Value::List(vec!["a".into(), "b".into(), "c".into()])));
        let wrong = LIST.read(&["long1,ok,long2".to_owned()]).unwrap_err();
        assert_eq!(wrong.iter().map(|(item, _)| item.as_str()).collect::<Vec<_>>(), ["long1", "long2"]);
    }

    #[test]
    fn the_last_text_of_a_single_value_counts() {
        let kind = Kind::Number { least: 0, most: 9 };
        assert_eq!(kind.read(&["1".to_owned(), "2".to_owned()]), Ok(Value::Number(2)));
    }

    #[test]
    fn a_mistyped_word_is_answered_with_the_nearest_one() {
        let problem = Kind::Choice(&["std", "hyper"]).read(&["hypr".to_owned()]).unwrap_err().remove(0).1;
        assert!(problem.remedy.unwrap().starts_with("did you mean hyper?"));
    }
}
