//! The servers of web servers' own protocols, by the settings.
//!
//! Next: `adapters.rs`, which knows those of HTTP.

use std::process::ExitCode;

use rsgi_core::App;
use rsgi_core::server::{Config, ServeError};
use rsgi_gateway::Options;
use rsgi_gateway::codec::{Codec, FastCgi, Scgi, Uwsgi};

use super::adapters::{self, Started};
use crate::process::Child;
use crate::settings::{Gateway, ServerKind, Settings};

/// Starts the server of a protocol.
pub(super) fn start(
    gateway: Gateway,
    settings: &Settings,
    config: &Config,
    app: impl App,
) -> Result<Started, ServeError> {
    match gateway {
        Gateway::FastCgi => start_one::<FastCgi>(settings, config, app),
        Gateway::Scgi => start_one::<Scgi>(settings, config, app),
        Gateway::Uwsgi => start_one::<Uwsgi>(settings, config, app),
    }
}

/// Whether a web server started this process for one request (CGI).
pub(crate) fn is_called() -> bool {
    rsgi_gateway::cgi::is_called()
}

/// Answers the one request that this process was started for.
pub(super) fn answer(_: &Child, settings: &Settings, app: impl App) -> Result<ExitCode, ServeError> {
    #[cfg(feature = "hyper")]
    if settings.server == ServerKind::Hyper || app.requires().contains(rsgi_core::Capabilities::TOKIO) {
        return rsgi_gateway::cgi::run_on_tokio(&settings.config, app);
    }
    rsgi_gateway::cgi::run(&settings.config, app)
}

fn start_one<C: Codec>(settings: &Settings, config: &Config, app: impl App) -> Result<Started, ServeError> {
    let options = Options::default().allow_from(settings.allowed.iter().copied());
    match settings.server {
        #[cfg(feature = "std")]
        ServerKind::Std => {
            let server = rsgi_gateway::threads::Server::<C>::start_with(config, &options, app)?;
            Ok(adapters::started(server, |_| Ok(())))
        }
        #[cfg(feature = "hyper")]
        ServerKind::Hyper => {
            let options = options.reactors(adapters::threads(settings));
            let server = rsgi_gateway::tokio::Server::<C>::start_with(config, &options, app)?;
            Ok(adapters::started(server, |_| Ok(())))
        }
        #[cfg(not(all(feature = "std", feature = "hyper")))]
        missing => {
            drop((options, app));
            Err(adapters::missing(missing))
        }
    }
}
