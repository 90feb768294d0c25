//! [`TrustedProxies`]: whose word about the client counts, for the app inside it (SPEC M11).
//!
//! The policy itself is core's (`rsgi_core::trust`); here it is only put in the server's place. Not here: the PROXY
//! protocol, which the server has read by its own policy before.

use std::future::Future;
use std::sync::Arc;

use rsgi_core::trust::Trust;
use rsgi_core::{App, Capabilities, Environ, Error, Middleware, StartResponse, Started};

/// Replaces the server's trust policy for what is inside.
///
/// For an app that stands behind a proxy which the rest of the site doesn't, or for a program whose server is set up by
/// somebody else. Whoever can reach the app past that proxy must not be trusted by it: see [`Trust`].
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::trust::{ForwardedHeaders, Trust};
/// use rsgi_core::{app_fn, Environ, Stack, StartResponse};
/// use rsgi_middleware::TrustedProxies;
/// use rsgi_test::Client;
///
/// let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
///     let trusted = environ.trusted();
///     Ok(start_response.status(StatusCode::OK).body(format!("{} over {}", trusted.client, trusted.scheme)))
/// });
/// let trust = Trust::new(ForwardedHeaders::Standard).network("127.0.0.0/8".parse()?);
/// let client = Client::new(Stack::new().then(TrustedProxies::new(trust)).app(app));
/// let answer = client.get("/").header("forwarded", "for=203.0.113.9;proto=https").answer();
/// assert_eq!(answer.text(), "203.0.113.9 over https");
/// # Ok::<(), rsgi_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrustedProxies {
    trust: Arc<Trust>,
}

impl TrustedProxies {
    /// Puts this policy in the place of the server's; [`Trust::nobody`] takes trust away.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self { trust: Arc::new(trust) }
    }
}

impl<A: App> Middleware<A> for TrustedProxies {
    type App = TrustedProxiesApp<A>;

    fn wrap(self, inner: A) -> TrustedProxiesApp<A> {
        TrustedProxiesApp { trust: self.trust, inner }
    }
}

/// An app inside [`TrustedProxies`].
#[derive(Debug, Clone)]
pub struct TrustedProxiesApp<A> {
    trust: Arc<Trust>,
    inner: A,
}

impl<A: App> App for TrustedProxiesApp<A> {
    #[inline]
    fn call(
        &self,
        mut environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        environ.set_trust(Arc::clone(&self.trust));
        self.inner.call(environ, start_response)
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}

#[cfg(test)]
mod tests {
    use rsgi_core::http::StatusCode;
    use rsgi_core::trust::ForwardedHeaders;
    use rsgi_core::{Mount, app_fn};
    use rsgi_test::{Client, Memory};

    use super::*;

    fn telling() -> impl App {
        app_fn(|environ: Environ, start_response: StartResponse| async move {
            let client = environ.trusted().client.to_string();
            Ok(start_response.status(StatusCode::OK).body(client))
        })
    }

    fn everyone() -> Trust {
        Trust::new(ForwardedHeaders::Standard).danger_everyone()
    }

    fn asked(client: &Client, target: &str) -> String {
        client.get(target).header("forwarded", "for=203.0.113.9").answer().text().to_owned()
    }

    #[test]
    fn only_what_is_inside_has_the_policy() {
        let inside = TrustedProxies::new(everyone()).wrap(telling());
        let client = Client::new(Mount::new().at("/in", inside).at("/", telling()));
        assert_eq!(asked(&client, "/in"), "203.0.113.9");
        assert_ne!(asked(&client, "/out"), "203.0.113.9");
    }

    #[test]
    fn trust_can_be_taken_away_and_the_innermost_policy_counts() {
        let memory = || Memory::new().trust(everyone());
        let nobody = TrustedProxies::new(Trust::nobody()).wrap(telling());
        assert_ne!(asked(&Client::with(nobody, memory()), "/"), "203.0.113.9");
        let both = TrustedProxies::new(Trust::nobody()).wrap(TrustedProxies::new(everyone()).wrap(telling()));
        assert_eq!(asked(&Client::with(both, memory()), "/"), "203.0.113.9");
    }
}
