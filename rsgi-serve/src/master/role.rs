//! [`Role`]: what this image is started as: by a user, or by a master that hands something over.
//!
//! Told by one variable of the environment, which holds a word and the numbers of descriptors, and is taken out at once: nothing
//! that the app starts sees it.

use std::io::{self, IsTerminal as _};
use std::os::fd::{OwnedFd, RawFd};

use rsgi_core::server::Bind;

use super::estate::Estate;
use crate::settings::Input;
use crate::sockets::inherit;
use crate::sys;

/// What this image is.
#[derive(Debug)]
pub(crate) enum Role {
    /// What a user started.
    First,
    /// A trial of a new binary: it boots the app and ends. With the estate, and the pipe for its last words.
    Probe(OwnedFd, OwnedFd),
    /// The master from now on, in place of the image before.
    Heir(OwnedFd),
    /// A second master beside the first.
    Second(OwnedFd),
}

/// The variable.
pub(crate) const VARIABLE: &str = "RSGI_UPGRADE";

impl Role {
    /// Takes it from the environment. With one thread only.
    ///
    /// # Errors
    ///
    /// The variable says something that no master says.
    pub(crate) fn take() -> io::Result<Self> {
        let Some(value) = std::env::var_os(VARIABLE) else { return Ok(Self::First) };
        sys::set_variable(VARIABLE, None)?;
        let value = value.to_string_lossy();
        let (word, numbers) = parse(&value).ok_or_else(|| {
            let problem = format!("{VARIABLE}={value}: only a master sets this variable; remove it");
            io::Error::new(io::ErrorKind::InvalidInput, problem)
        })?;
        match (word, numbers.as_slice()) {
            ("probe", [estate, words]) => Ok(Self::Probe(sys::inherited(*estate)?, sys::inherited(*words)?)),
            ("heir", [estate]) => Ok(Self::Heir(sys::inherited(*estate)?)),
            ("second", [estate]) => Ok(Self::Second(sys::inherited(*estate)?)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{VARIABLE}={value}: unknown"))),
        }
    }

    /// What the service was started with as its standard input, by whichever image of it: once it is served, a listener stands
    /// there no more.
    pub(crate) fn input(&self) -> Input {
        let handed = match self {
            Self::First => {
                return if inherit::only_standard_input_listens() {
                    Input::Listener
                } else if io::stdin().is_terminal() {
                    Input::Terminal
                } else {
                    Input::Other
                };
            }
            // Whoever takes it over tells what is wrong with it.
            Self::Probe(estate, _) | Self::Heir(estate) | Self::Second(estate) => estate
                .try_clone()
                .ok()
                .and_then(|estate| Estate::unpack(estate).ok())
                .is_some_and(|estate| estate.handed().contains(&Bind::Fd(0))),
        };
        if handed { Input::Listener } else { Input::Other }
    }
}

fn parse(value: &str) -> Option<(&str, Vec<RawFd>)> {
    let mut parts = value.split(':');
    let word = parts.next()?;
    let numbers: Result<Vec<RawFd>, _> = parts.map(str::parse).collect();
    Some((word, numbers.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_and_numbers_are_read() {
        assert_eq!(parse("probe:5:7"), Some(("probe", vec![5, 7])));
        assert_eq!(parse("heir:9"), Some(("heir", vec![9])));
        assert_eq!(parse("heir:x"), None);
    }
}
