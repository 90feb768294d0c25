//! Client, scheme and host as trusted, and the policy that decides: the server's, or one that middleware put in its place.

use std::sync::Arc;

use super::Environ;
use crate::trust::{Trust, Trusted};

impl Environ {
    /// Client, scheme and host as far as trusted proxies vouch for them; those of the connection by default.
    pub fn trusted(&self) -> Trusted<'_> {
        self.trust().resolve(self.peer(), self.scheme(), self.host(), self.headers())
    }

    /// Whom [`trusted`](Self::trusted) believes: the server's policy, unless middleware has put another in its place.
    pub fn trust(&self) -> &Trust {
        let own = self.extra().and_then(|extra| extra.trust.as_deref());
        own.unwrap_or(&self.shared().connection().server.trust)
    }

    /// Puts a policy in place of the server's, for this request (SPEC M11). What the server decided by its own before
    /// the app was called, whose PROXY protocol it reads, stays.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use rsgi_core::Environ;
    /// use rsgi_core::http::Request;
    /// use rsgi_core::trust::{ForwardedHeaders, Trust};
    ///
    /// let request = Request::get("/").header("forwarded", "host=shop.example;proto=https").body(())?;
    /// let mut environ = Environ::for_test(request);
    /// assert_eq!(environ.trusted().host, None);
    /// environ.set_trust(Arc::new(Trust::new(ForwardedHeaders::Standard).unix_peers()));
    /// assert_eq!(environ.trusted().host.as_deref(), Some("shop.example"));
    /// # Ok::<(), rsgi_core::Error>(())
    /// ```
    pub fn set_trust(&mut self, trust: Arc<Trust>) {
        self.extra_mut().trust = Some(trust);
    }
}
