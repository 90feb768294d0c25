//! Counts requests for statsd, by what became of them.

use std::future::Future;
use std::sync::Arc;

use rsgi_core::{App, Capabilities, Environ, Error, Middleware, StartResponse, Started};

use crate::log::statsd::Statsd;

/// The middleware that tells statsd of each request.
#[derive(Clone, Debug)]
pub(crate) struct Counted(pub(crate) Arc<Statsd>);

/// An app whose requests are counted.
#[derive(Debug)]
pub(crate) struct CountedApp<A> {
    statsd: Arc<Statsd>,
    inner: A,
}

impl<A: App> Middleware<A> for Counted {
    type App = CountedApp<A>;

    fn wrap(self, inner: A) -> CountedApp<A> {
        CountedApp { statsd: self.0, inner }
    }
}

impl<A: App> App for CountedApp<A> {
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        let statsd = Arc::clone(&self.statsd);
        environ.on_outcome(move |outcome| {
            statsd.request(outcome.status.map_or(0, |status| status.as_u16()), outcome.elapsed);
        });
        self.inner.call(environ, start_response)
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}
