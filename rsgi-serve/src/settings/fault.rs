//! [`Fault`]: one thing that is wrong with the settings, and [`Faults`]: all of them, told at once.
//!
//! A message is one line: `workers "many" from the flag --workers: this is no whole number; allowed is a whole number from
//! 0 to 4096`.
//!
//! Invariant: each names the setting, the value, where it came from, what is wrong and what to do.

use std::error::Error;
use std::fmt;

use super::elsewhere;
use super::kind::Problem;
use super::nearest::nearest;
use super::origin::Origin;
use super::setting::Setting;

/// One wrong setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    name: String,
    value: Option<String>,
    origin: Option<Origin>,
    problem: String,
    remedy: String,
}

/// All that is wrong with the settings; a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Fault {
    /// Refuses a value for a reason of its own.
    pub(crate) fn value(setting: &Setting, value: &str, origin: &Origin, problem: Problem) -> Self {
        let remedy = problem.remedy.unwrap_or_else(|| format!("allowed is {}", setting.kind.allowed()));
        Self::new(setting.name, problem.problem, remedy).with_value(value).said_by(origin)
    }

    /// Refuses a name that no setting has. `written` is the name as it stands there; the candidates are the known names in
    /// the same form.
    pub(crate) fn unknown<'a>(
        written: &str,
        origin: &Origin,
        candidates: impl IntoIterator<Item = &'a str>,
        remedy: &str,
    ) -> Self {
        if let Some(why) = elsewhere::why(written) {
            return Self::new(written, "Gunicorn has this setting, this server hasn't", why).said_by(origin);
        }
        let remedy = match nearest(written, candidates) {
            Some(near) => format!("did you mean {near}?"),
            None => remedy.to_owned(),
        };
        Self::new(written, "there is no such setting", remedy).said_by(origin)
    }

    /// Anything else that is wrong.
    pub(crate) fn new(name: &str, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (problem, remedy) = (problem.into(), remedy.into());
        Self { name: name.to_owned(), value: None, origin: None, problem, remedy }
    }

    /// Adds the value.
    #[must_use]
    pub(crate) fn with_value(mut self, value: &str) -> Self {
        self.value = Some(value.to_owned());
        self
    }

    /// Adds where it came from.
    #[must_use]
    pub(crate) fn said_by(mut self, origin: &Origin) -> Self {
        self.origin = Some(origin.clone());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = self.origin.as_ref().filter(|origin| origin.is_named(&self.name)) {
            return write!(f, "{origin}: {}; {}", self.problem, self.remedy);
        }
        f.write_str(&self.name)?;
        if let Some(value) = &self.value {
            // Escaped and cut, so that a message stays a line.
            let cut: String = value.chars().take(SHOWN_CHARACTERS).collect();
            let more = if cut.len() < value.len() { "..." } else { "" };
            write!(f, " \"{}{more}\"", cut.escape_debug())?;
        }
        if let Some(origin) = &self.origin {
            write!(f, " from {origin}")?;
        }
        write!(f, ": {}", self.problem)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl Error for Faults {}

/// How much of a wrong value a message shows.
const SHOWN_CHARACTERS: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::kind::Kind;

    #[test]
    fn a_message_names_setting_value_source_problem_and_what_is_allowed() {
        let setting = Setting::new("workers", Kind::Number { least: 0, most: 4096 }, "");
        let origin = Origin::Flag("--workers".to_owned());
        let fault = Fault::value(&setting, "many", &origin, Problem::new("this is no whole number"));
        assert_eq!(
            fault.to_string(),
            "workers \"many\" from the flag --workers: this is no whole number; allowed is a whole number from 0 to 4096"
        );
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_known_one_or_the_way_to_the_list() {
        let origin = Origin::File { path: "rsgi.toml".into(), line: 3 };
        let fault = Fault::unknown("wokers", &origin, ["bind", "workers"], "");
        assert_eq!(
            fault.to_string(),
            "wokers from rsgi.toml:3: there is no such setting; did you mean workers?"
        );
        let fault = Fault::unknown("zzz", &origin, ["bind"], "print-config shows all");
        assert!(fault.to_string().ends_with("no such setting; print-config shows all"));
    }

    #[test]
    fn a_setting_of_gunicorn_that_makes_no_sense_here_is_told_as_such() {
        let fault = Fault::unknown("worker_tmp_dir", &Origin::App, ["bind"], "").to_string();
        assert!(fault.contains("Gunicorn has") && fault.contains("shared memory"), "{fault}");
    }

    #[test]
    fn a_hostile_value_stays_one_short_line() {
        let fault = Fault::new("bind", "bad", "").with_value(&"a\n\u{1b}".repeat(500)).to_string();
        assert!(!fault.contains(['\n', '\u{1b}']) && fault.len() < 600 && fault.contains("..."), "{fault}");
    }
}
