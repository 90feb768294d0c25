//! The error of an output that can't be opened: which, why, and what helps.

use std::fmt;
use std::io;

/// An output that can't be opened.
#[derive(Debug)]
pub(crate) struct OpenError {
    output: String,
    error: io::Error,
}

impl OpenError {
    pub(super) fn new(output: &impl fmt::Display, error: io::Error) -> Self {
        Self { output: output.to_string(), error }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = match self.error.kind() {
            io::ErrorKind::NotFound => "; its folder, or the syslog's socket, must be there before",
            io::ErrorKind::PermissionDenied => "; whoever runs this must be allowed to write there",
            io::ErrorKind::IsADirectory => "; name a file in it",
            _ => "",
        };
        write!(formatter, "can't open {} to write the log: {}{hint}", self.output, self.error)
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
