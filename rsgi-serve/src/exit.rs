//! Exit codes: what a supervisor learns of how it ended. They are Gunicorn's.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was as asked.
    Clean,
    /// A setting is wrong, or an address can't be had.
    Settings,
    /// A worker died before it was ready, at the first start.
    WorkerFailed,
    /// The app's factory failed, at the first start.
    AppFailed,
}

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Settings => 1,
            Self::WorkerFailed => 3,
            Self::AppFailed => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
