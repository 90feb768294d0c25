//! The engine's errors as the one error type of starting a server.
//!
//! Errors of requests and connections aren't here: they are answered or logged, and end no server.
//!
//! Invariant: the text names the setting at fault. Read on in `error.rs`.

use std::error::Error as _;
use std::io;

use rsgi_core::server::ServeError;

use crate::{Error, ErrorKind};

/// An engine's error that concerns no listener of the settings.
impl From<Error> for ServeError {
    fn from(error: Error) -> Self {
        if error.kind() == ErrorKind::Setting {
            // `threads = 0: give a number from 1 to ...`
            let text = error.to_string();
            let (setting, remedy) = text.split_once(": ").unwrap_or((&text, ""));
            let (name, value) = setting.split_once(" = ").unwrap_or((setting, ""));
            let name = ENGINE_SETTINGS.into_iter().find(|known| *known == name).unwrap_or("engine");
            return Self::bad_setting(name, value.to_owned(), "this value isn't allowed", remedy.to_owned());
        }
        let cause = io_error(&error).unwrap_or_else(|| io::Error::other(error.to_string()));
        Self::io("starting the engine", cause).with_source(error)
    }
}

/// What the system said, if it was the system.
pub(crate) fn io_error(error: &Error) -> Option<io::Error> {
    let source = error.source()?.downcast_ref::<io::Error>()?;
    Some(match source.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => source.kind().into(),
    })
}

const ENGINE_SETTINGS: [&str; 4] = ["threads", "connections", "tick", "listeners"];
