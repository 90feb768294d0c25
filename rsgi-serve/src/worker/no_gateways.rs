//! Without web servers' own protocols; the settings don't let one be asked for.

use rsgi_core::App;
use rsgi_core::server::{Config, ServeError};

use super::adapters::Started;
use crate::settings::{Gateway, Protocol, Settings};

/// Refuses.
pub(super) fn start(gateway: Gateway, _: &Settings, _: Config, _: impl App) -> Result<Started, ServeError> {
    let (name, problem) = (Protocol::Gateway(gateway).name(), "this program was built without it");
    Err(ServeError::bad_setting("protocol", name, problem, "build it with the feature gateway of rsgi-serve"))
}
