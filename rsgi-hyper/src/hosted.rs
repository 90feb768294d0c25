//! An app hosted without listeners: for programs that accept for themselves, or speak over something else.
//!
//! Everything from the first byte of a request on is as in a server that accepts for itself. Not here: TLS and the
//! PROXY protocol, which come before that, and bounds on how many connections there are.

use std::sync::Arc;

use rsgi_core::{App, Connection, Endpoint};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::conn::{self, Host};
use crate::control::{Control, Handle};
use crate::foreign::Foreign;
use crate::offload::Threads;

/// An app that is ready to serve connections; made by [`Builder::host`](crate::Builder::host).
///
/// Dropping it, and all that serve by it, ends the threads for blocking work.
#[derive(Debug)]
pub struct Hosted<A> {
    pub(crate) host: Arc<Host<A>>,
    pub(crate) control: Arc<Control>,
    pub(crate) threads: Arc<Threads>,
}

impl<A> Clone for Hosted<A> {
    fn clone(&self) -> Self {
        Self {
            host: Arc::clone(&self.host),
            control: Arc::clone(&self.control),
            threads: Arc::clone(&self.threads),
        }
    }
}

impl<A: App> Hosted<A> {
    /// Serves HTTP/1.1, or HTTP/2 if the client begins with its preface, over `stream` until it ends.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(app: impl rsgi_core::App, stream: tokio::io::DuplexStream) -> Result<(), Box<dyn std::error::Error>> {
    /// use rsgi_core::Endpoint;
    /// use rsgi_core::server::Config;
    ///
    /// let hosted = rsgi_hyper::Builder::new(Config::new()).host(app)?;
    /// hosted.serve(stream, Endpoint::unix(None, None), Endpoint::unix(None, None)).await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve<S>(&self, stream: S, peer: Endpoint, local: Endpoint)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connection = Connection::new(Arc::clone(&self.host.server), self.control.number(), peer, local);
        let member = self.control.stages.join();
        conn::serve_stream(&self.host, Foreign::new(stream), connection, &member).await;
    }

    /// A handle that ends all connections, gracefully.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { control: Arc::clone(&self.control) }
    }

    /// Waits for the graceful end's order, until every connection has ended, and for the app's `stop`.
    pub async fn ended(&self) {
        self.control.ended().await;
        crate::server::stop(Arc::clone(&self.host.app), &self.control).await;
    }
}
