//! Opens the listeners that core's settings name, before anything is served.
//!
//! Not here: how one is opened (`listener.rs`), and accepting (`accept.rs`).
//!
//! Invariant: whatever can't be opened is a [`ServeError`] that names the setting and the remedy.
//! Read on in `place.rs`.

use std::io;
use std::os::fd::AsFd as _;

use rsgi_core::server::{Bind, Config, PortSharing, ServeError};

use crate::inherit::inherit;
use crate::serve_error::io_error;
use crate::{Listener, Place};

/// Opens every listener that the settings name, in their order, and tells the place of each.
///
/// # Errors
///
/// The first that can't be opened: it is named, with what to do about it.
pub fn open_listeners(config: &Config) -> Result<(Vec<Listener>, Vec<Place>), ServeError> {
    let mut listeners = Vec::new();
    let mut places = Vec::new();
    for bind in config.listeners() {
        let listener = open_one(&bind, config)?;
        // The engine's own length is replaced by the setting's; the system may lower it.
        let backlog = i32::try_from(config.backlog.0).unwrap_or(i32::MAX);
        rustix::net::listen(listener.as_fd(), backlog)
            .map_err(|errno| ServeError::opening(&bind, errno.into()))?;
        places.push(Place::of(listener.address()));
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
        None => ServeError::from(error),
    })
}
