//! How grave a line is, by Gunicorn's five names.
//!
//! `tracing` has no `critical`: it is an error whose target is [`CRITICAL`]. `trace` is never shown: what libraries say
//! at it is for their authors.

use std::fmt;

use tracing::Metadata;

/// How grave a line is; the setting says from where on lines are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    Debug,
    #[default]
    Info,
    Warning,
    Error,
    Critical,
}

/// The target that makes an error of `tracing` critical.
pub(crate) const CRITICAL: &str = "rsgi::critical";

impl Level {
    /// All of them, the least first.
    pub(crate) const ALL: [Self; 5] = [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// The name that the setting has.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The name in a line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }

    /// The level of that name, in any case; `warn` is a warning, too.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let same = |level: &Self| level.name().eq_ignore_ascii_case(name);
        let level = Self::ALL.into_iter().find(same);
        level.or_else(|| name.eq_ignore_ascii_case("warn").then_some(Self::Warning))
    }

    /// The level of an event; `None` for what is never shown.
    pub(crate) fn of(metadata: &Metadata<'_>) -> Option<Self> {
        match *metadata.level() {
            tracing::Level::ERROR if metadata.target() == CRITICAL => Some(Self::Critical),
            tracing::Level::ERROR => Some(Self::Error),
            tracing::Level::WARN => Some(Self::Warning),
            tracing::Level::INFO => Some(Self::Info),
            tracing::Level::DEBUG => Some(Self::Debug),
            tracing::Level::TRACE => None,
        }
    }

    /// The severity of RFC 5424, table 2.
    pub(crate) const fn severity(self) -> u8 {
        match self {
            Self::Debug => 7,
            Self::Info => 6,
            Self::Warning => 4,
            Self::Error => 3,
            Self::Critical => 2,
        }
    }

    /// As a number that grows with it, to be kept in an atomic.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// The level of a number; what is none counts as the default.
    pub(crate) fn numbered(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Says a line whose level is known only now.
pub(crate) fn say(level: Level, text: fmt::Arguments<'_>) {
    match level {
        Level::Debug => tracing::debug!(target: "rsgi", "{text}"),
        Level::Info => tracing::info!(target: "rsgi", "{text}"),
        Level::Warning => tracing::warn!(target: "rsgi", "{text}"),
        Level::Error => tracing::error!(target: "rsgi", "{text}"),
        Level::Critical => tracing::error!(target: CRITICAL, "{text}"),
    }
}

/// Says each line of a text by itself: a traceback of the app's would be hard to read in one.
pub(crate) fn say_lines(level: Level, text: &impl fmt::Display) {
    for line in text.to_string().lines() {
        say(level, format_args!("{line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_found_by_its_name_and_by_its_number() {
        for level in Level::ALL {
            assert_eq!(Level::named(level.name()), Some(level));
            assert_eq!(Level::named(level.word()), Some(level));
            assert_eq!(Level::numbered(level.number()), level);
        }
        assert_eq!(Level::named("warn"), Some(Level::Warning));
        assert_eq!(Level::named("loud"), None);
        assert_eq!(Level::numbered(200), Level::Info, "a number that is none is the default");
    }

    #[test]
    fn graver_levels_are_greater_and_have_a_smaller_severity() {
        for pair in Level::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
            assert!(pair[0].severity() > pair[1].severity());
        }
    }
}
