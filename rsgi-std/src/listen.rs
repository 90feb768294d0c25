//! Opens the listeners that the settings name, before anything is served.
//!
//! Not here: accepting, which is the engine's.
//!
//! Invariant: whatever can't be opened is a [`ServeError`] that names the setting and the remedy. Next: `server.rs`.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex};

use rsgi_core::Endpoint;
use rsgi_core::server::{Bind, Config, PortSharing, ServeError};
use rsgi_threads::{Address, Listener};

use crate::error::{io_error, setting_of};
use crate::inherit::inherit;
use crate::open::endpoint;

/// What is known of a listener's connections before they come.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) local: Local,
    /// Whether it speaks TLS.
    pub(crate) sealed: bool,
}

/// This end's address, kept once for many connections.
#[derive(Debug)]
pub(crate) enum Local {
    /// All have it.
    One(Arc<Endpoint>),
    /// Each has its own (a wildcard); this is the last one's.
    Each(Mutex<Option<Arc<Endpoint>>>),
}

/// Opens every listener, in the order of the settings.
pub(crate) fn open(config: &Config) -> Result<(Vec<Listener>, Vec<Place>), ServeError> {
    let mut listeners = Vec::new();
    let mut places = Vec::new();
    for bind in config.listeners() {
        let listener = open_one(&bind, config)?;
        // The engine's own length is replaced by the setting's; the system may lower it.
        let backlog = i32::try_from(config.backlog.0).unwrap_or(i32::MAX);
        rustix::net::listen(listener.as_fd(), backlog)
            .map_err(|errno| ServeError::opening(&bind, errno.into()))?;
        let address = listener.address();
        let wildcard = address.ip().is_some_and(|address| address.ip().is_unspecified());
        let sealed = config.tls.is_some() && matches!(address, Address::Ip(_));
        let local =
            if wildcard { Local::Each(Mutex::default()) } else { Local::One(endpoint(address, None).into()) };
        places.push(Place { local, sealed });
        listeners.push(listener);
    }
    Ok((listeners, places))
}

fn open_one(bind: &Bind, config: &Config) -> Result<Listener, ServeError> {
    let opened = match bind {
        Bind::Tcp { .. } => {
            let text = bind.to_string();
            if let Err(error) = std::net::ToSocketAddrs::to_socket_addrs(&text) {
                return Err(ServeError::unresolved(bind, error));
            }
            match config.port_sharing {
                PortSharing::Shared => Listener::tcp_shared(text),
                _ => Listener::tcp(text),
            }
        }
        Bind::Unix(path) => Listener::unix_with_mode(path, config.unix_mode),
        Bind::Fd(number) => {
            let fd = inherit(*number).map_err(|error| ServeError::opening(bind, error))?;
            match config.port_sharing {
                // Each process has a listener of its own then, and what is queued there is for nobody else.
                PortSharing::Shared => Listener::inherited(fd),
                _ => Listener::inherited(fd).map(Listener::shared),
            }
        }
        _ => {
            return Err(ServeError::bad_setting(
                "bind",
                bind,
                "this server can't listen there",
                "write host:port",
            ));
        }
    };
    opened.map_err(|error| match io_error(&error) {
        Some(cause) => ServeError::opening(bind, cause).with_source(error),
        None if matches!(bind, Bind::Fd(_)) => {
            ServeError::opening(bind, io::ErrorKind::InvalidInput.into()).with_source(error)
        }
        None => setting_of(error),
    })
}
