//! Colours of log lines, where a person reads them.
//!
//! Only the server's own words are coloured; what comes from outside is escaped, so it can't colour anything.

use std::env;
use std::ffi::OsString;

use super::level::Level;

/// When lines are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum When {
    /// On a terminal, unless `NO_COLOR` is set or the terminal can't.
    #[default]
    Auto,
    /// Always; a setting is stronger than `NO_COLOR`.
    Always,
    /// Never.
    Never,
}

impl When {
    /// The names that the setting has.
    pub(crate) const NAMES: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("always", Self::Always), ("never", Self::Never)];

    /// The value of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, when)| when)
    }

    /// Decides for an output, asking this process's environment.
    pub(crate) fn decide(self, place: Place) -> Colour {
        self.decided(place, |name| env::var_os(name))
    }

    fn decided(self, place: Place, variable: impl Fn(&str) -> Option<OsString>) -> Colour {
        match (self, place) {
            (Self::Always, _) => Colour::On,
            (Self::Never, _) | (Self::Auto, Place::Elsewhere) => Colour::Off,
            (Self::Auto, Place::Terminal) => {
                // By no-color.org: set, and not empty.
                let refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
                let dumb = variable("TERM").is_some_and(|value| value == "dumb");
                if refused || dumb { Colour::Off } else { Colour::On }
            }
        }
    }
}

/// Where lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Terminal,
    Elsewhere,
}

/// Whether a line is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    On,
    Off,
}

impl Colour {
    /// Begins what is less important than the message.
    pub(crate) fn dim(self, line: &mut Vec<u8>) {
        self.code(line, b"\x1b[2m");
    }

    /// Begins the name of a level.
    pub(crate) fn level(self, line: &mut Vec<u8>, level: Level) {
        self.code(
            line,
            match level {
                Level::Debug => b"\x1b[36m",
                Level::Info => b"\x1b[32m",
                Level::Warning => b"\x1b[33m",
                Level::Error => b"\x1b[31m",
                Level::Critical => b"\x1b[1;31m",
            },
        );
    }

    /// Ends either.
    pub(crate) fn end(self, line: &mut Vec<u8>) {
        self.code(line, b"\x1b[0m");
    }

    fn code(self, line: &mut Vec<u8>, code: &[u8]) {
        if self == Self::On {
            line.extend_from_slice(code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(when: When, place: Place, set: (&str, &str)) -> Colour {
        when.decided(place, |name| (name == set.0).then(|| set.1.into()))
    }

    #[test]
    fn auto_colours_a_terminal_alone() {
        assert_eq!(decided(When::Auto, Place::Terminal, ("TERM", "xterm")), Colour::On);
        assert_eq!(decided(When::Auto, Place::Elsewhere, ("TERM", "xterm")), Colour::Off);
    }

    #[test]
    fn no_color_and_a_dumb_terminal_are_honoured_by_auto() {
        assert_eq!(decided(When::Auto, Place::Terminal, ("NO_COLOR", "1")), Colour::Off);
        assert_eq!(decided(When::Auto, Place::Terminal, ("NO_COLOR", "")), Colour::On, "empty is not set");
        assert_eq!(decided(When::Auto, Place::Terminal, ("TERM", "dumb")), Colour::Off);
    }

    #[test]
    fn the_setting_is_stronger_than_the_environment() {
        assert_eq!(decided(When::Always, Place::Elsewhere, ("NO_COLOR", "1")), Colour::On);
        assert_eq!(decided(When::Never, Place::Terminal, ("TERM", "xterm")), Colour::Off);
    }

    #[test]
    fn the_names_are_found_in_any_case() {
        assert_eq!(When::named("Always"), Some(When::Always));
        assert_eq!(When::named("sometimes"), None);
    }

    #[test]
    fn a_line_without_colours_has_no_escape_in_it() {
        let mut line = Vec::new();
        Colour::Off.dim(&mut line);
        Colour::Off.level(&mut line, Level::Critical);
        Colour::Off.end(&mut line);
        assert!(line.is_empty());
    }
}
