//! Where lines go, as a setting names it: a standard stream, a file, or the system's log.
//!
//! Only the name: `sink.rs` opens it and writes to it.

use std::fmt;
use std::path::PathBuf;

use super::syslog::Syslog;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// The standard error stream.
    Stderr,
    /// The standard output stream.
    Stdout,
    /// A file, appended to, and opened anew on USR1.
    File(PathBuf),
    /// The system's log.
    Syslog(Syslog),
}

impl Output {
    /// Reads a setting's value; `-` is `dash`: standard error for the log, standard output for the access log.
    ///
    /// # Errors
    ///
    /// The value names no output; the error says what would.
    pub(crate) fn parse(text: &str, dash: Self) -> Result<Self, OutputError> {
        match text {
            "" => Err(OutputError::new(text, "it is empty")),
            "-" => Ok(dash),
            "stderr" => Ok(Self::Stderr),
            "stdout" => Ok(Self::Stdout),
            "syslog" => Ok(Self::Syslog(Syslog::default())),
            _ => match text.strip_prefix("syslog:") {
                Some(address) => Syslog::parse(address).map(Self::Syslog),
                None if text.contains('\0') => Err(OutputError::new(text, "a path holds no zero byte")),
                None => Ok(Self::File(PathBuf::from(text))),
            },
        }
    }
}

/// Writes it as a setting has it.
impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stderr => formatter.write_str("stderr"),
            Self::Stdout => formatter.write_str("stdout"),
            Self::File(path) => path.display().fmt(formatter),
            Self::Syslog(syslog) => write!(formatter, "syslog:{syslog}"),
        }
    }
}

/// A value that names no output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputError {
    value: String,
    why: &'static str,
}

impl OutputError {
    pub(super) fn new(value: &str, why: &'static str) -> Self {
        Self { value: value.chars().take(SHOWN).collect(), why }
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} is no output: {}; {ALLOWED}", self.value, self.why)
    }
}

impl std::error::Error for OutputError {}

/// Characters of a wrong value that an error shows.
const SHOWN: usize = 100;
const ALLOWED: &str = "allowed are `-`, `stderr`, `stdout`, the path of a file, `syslog`, \
     `syslog:unix:///dev/log` and `syslog:udp://HOST:PORT`";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Output, OutputError> {
        Output::parse(text, Output::Stdout)
    }

    #[test]
    fn a_dash_is_what_the_setting_makes_of_it() {
        assert_eq!(Output::parse("-", Output::Stderr), Ok(Output::Stderr));
        assert_eq!(Output::parse("-", Output::Stdout), Ok(Output::Stdout));
    }

    #[test]
    fn the_streams_have_names_and_anything_else_is_a_file() {
        assert_eq!(parse("stderr"), Ok(Output::Stderr));
        assert_eq!(parse("stdout"), Ok(Output::Stdout));
        assert_eq!(parse("logs/a b.log"), Ok(Output::File("logs/a b.log".into())));
        assert_eq!(parse("./-"), Ok(Output::File("./-".into())));
    }

    #[test]
    fn what_is_read_is_written_the_same() {
        for text in ["stderr", "stdout", "/var/log/a.log", "syslog:unix:///dev/log", "syslog:udp://[::1]:514"]
        {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wrong_value_is_told_with_what_would_be_right() {
        let error = parse("").unwrap_err().to_string();
        assert!(error.contains("it is empty") && error.contains("`stderr`"), "{error}");
        let error = parse("a\0b").unwrap_err().to_string();
        assert!(error.contains("\"a\\0b\""), "{error}");
        let error = parse("syslog:tcp://a:1").unwrap_err().to_string();
        assert!(error.contains("tcp://a:1") && error.contains("udp://"), "{error}");
    }
}
