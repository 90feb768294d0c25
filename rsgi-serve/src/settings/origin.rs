//! [`Origin`]: where a setting's value came from, to be told in every message and by `print-config`.

use std::fmt;
use std::sync::Arc;

/// Says who set a value, from the weakest to the strongest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody.
    Default,
    /// Whoever started the program with a listener as its standard input.
    Listener,
    /// The program, in its call of the launcher.
    App,
    /// A line of the TOML file.
    File {
        /// As it was asked for.
        path: Arc<str>,
        /// From 1 on.
        line: usize,
    },
    /// A variable, by its name.
    Environment(String),
    /// A flag, with its dashes.
    Flag(String),
    /// An argument without a flag, as the help calls it.
    Argument(String),
}

impl Origin {
    /// Whether somebody set it.
    pub(crate) fn is_given(&self) -> bool {
        *self != Self::Default
    }

    /// Whether this variable or flag is written so.
    pub(crate) fn is_named(&self, written: &str) -> bool {
        matches!(self, Self::Environment(name) | Self::Flag(name) if name == written)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::Listener => f.write_str("the listener on descriptor 0"),
            Self::App => f.write_str("the program"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Environment(name) => write!(f, "the variable {name}"),
            Self::Flag(flag) => write!(f, "the flag {flag}"),
            Self::Argument(name) => write!(f, "the argument {name}"),
        }
    }
}
