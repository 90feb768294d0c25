//! What stands in for TLS in a build without the feature `tls`: every stream is in the clear.
//!
//! A configuration that names certificates is refused at the start, so nothing meant to be secret goes in the clear.
//! The same names as in `tls.rs`, so that nobody else knows which of both is there.

use std::io;

use rsgi_core::Tls;
use rsgi_core::server::{Config, ServeError};

use crate::socket::Socket;

/// What a server's TCP listeners do about TLS: nothing.
#[derive(Debug)]
pub(crate) struct Security(());

/// A socket.
pub(crate) type Secured = Socket;

impl Security {
    /// Refuses a configuration with certificates.
    pub(crate) fn open(config: &Config) -> Result<Self, ServeError> {
        match &config.tls {
            None => Ok(Self(())),
            Some(files) => Err(ServeError::bad_setting(
                "tls",
                files.certificate.display(),
                "this rsgi-hyper is built without TLS",
                "build it with its feature `tls`",
            )),
        }
    }

    /// There is nothing to read again.
    #[expect(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
    pub(crate) fn reload(&self) -> Result<(), ServeError> {
        let Self(()) = self;
        Ok(())
    }

    /// Gives the socket back.
    #[expect(clippy::unused_async, reason = "with TLS it waits for the handshake")]
    pub(crate) async fn accept(&self, socket: Socket) -> io::Result<(Secured, Option<Tls>)> {
        let Self(()) = self;
        Ok((socket, None))
    }
}
