//! Without web servers' own protocols; the settings don't let one be asked for.

use std::process::ExitCode;

use rsgi_core::App;
use rsgi_core::server::{Config, ServeError};

use super::adapters::Started;
use crate::process::Child;
use crate::settings::{Gateway, Protocol, Settings};

/// No process is started for a request.
pub(crate) fn is_called() -> bool {
    false
}

/// Never called.
pub(super) fn answer(_: &Child, _: &Settings, _: impl App) -> Result<ExitCode, ServeError> {
    let remedy = "build it with the feature gateway of rsgi-serve";
    Err(ServeError::bad_setting("protocol", "cgi", "this program was built without it", remedy))
}

/// Refuses.
pub(super) fn start(gateway: Gateway, _: &Settings, _: &Config, _: impl App) -> Result<Started, ServeError> {
    let (name, problem) = (Protocol::Gateway(gateway).name(), "this program was built without it");
    Err(ServeError::bad_setting("protocol", name, problem, "build it with the feature gateway of rsgi-serve"))
}
