//! The servers of web servers' own protocols, by the settings.
//!
//! Next: `adapters.rs`, which knows those of HTTP.

use rsgi_core::App;
use rsgi_core::server::{Config, ServeError};
use rsgi_gateway::Options;
use rsgi_gateway::codec::{Codec, FastCgi, Scgi, Uwsgi};

use super::adapters::{self, Started};
use crate::settings::{Gateway, ServerKind, Settings};

/// Starts the server of a protocol.
pub(super) fn start(
    gateway: Gateway,
    settings: &Settings,
    config: Config,
    app: impl App,
) -> Result<Started, ServeError> {
    match gateway {
        Gateway::FastCgi => start_one::<FastCgi>(settings, config, app),
        Gateway::Scgi => start_one::<Scgi>(settings, config, app),
        Gateway::Uwsgi => start_one::<Uwsgi>(settings, config, app),
    }
}

fn start_one<C: Codec>(settings: &Settings, config: Config, app: impl App) -> Result<Started, ServeError> {
    let options = Options::default().allow_from(settings.allowed.iter().copied());
    match settings.server {
        #[cfg(feature = "std")]
        ServerKind::Std => {
            let server = rsgi_gateway::threads::Server::<C>::start_with(&config, &options, app)?;
            Ok(adapters::started(server, |_| Ok(())))
        }
        #[cfg(feature = "hyper")]
        ServerKind::Hyper => {
            let options = options.reactors(adapters::threads(settings));
            let server = rsgi_gateway::tokio::Server::<C>::start_with(&config, &options, app)?;
            Ok(adapters::started(server, |_| Ok(())))
        }
        #[cfg(not(all(feature = "std", feature = "hyper")))]
        missing => {
            drop((config, options, app));
            Err(adapters::missing(missing))
        }
    }
}
