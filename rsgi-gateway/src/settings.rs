//! Settings: core's common ones, as far as a gateway has use for them.
//!
//! The numbers and their meaning stand with core's `Config`.
//!
//! Invariant: a setting that would do nothing here is refused, not passed over. Next: `site.rs`.

use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::server::{Config, Processes, ServeError, ServerField};
use rsgi_core::{App, Capabilities, Server};

/// Checks what a gateway has no use for, and what the app needs; gives what the server of this name says of itself.
pub(crate) fn facts(
    name: &'static str,
    config: &Config,
    app: &impl App,
    offered: Capabilities,
) -> Result<Server, ServeError> {
    config.check()?;
    if config.tls.is_some() {
        let problem = "this protocol has no TLS";
        return Err(ServeError::bad_setting("tls", name, problem, "give the certificate to the web server"));
    }
    if config.proxy_protocol != ProxyProtocol::Off {
        let problem = "this protocol's variables say who the client is";
        return Err(ServeError::bad_setting("proxy_protocol", name, problem, "leave it off"));
    }
    if config.server_field != ServerField::Off {
        let problem = "the web server's own field goes out";
        return Err(ServeError::bad_setting(
            "server_field",
            name,
            problem,
            "set it there, and leave it off here",
        ));
    }
    let missing = app.requires().missing_in(offered);
    if !missing.is_empty() {
        return Err(ServeError::missing_capability(missing, name));
    }
    let mut facts = Server::new(name, env!("CARGO_PKG_VERSION"));
    facts.multiprocess = config.processes == Processes::Several;
    facts.capabilities = offered;
    facts.body_limit = config.limits.body_bytes;
    facts.trust = config.trust.clone();
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use rsgi_core::http::StatusCode;
    use rsgi_core::{Environ, Error, StartResponse, Started};

    use super::*;

    async fn app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        Ok(start_response.status(StatusCode::OK).empty())
    }

    #[test]
    fn an_app_beside_others_is_told_so() {
        let says = |config: &Config| facts("test", config, &app, Capabilities::NONE).unwrap().multiprocess;
        assert!(!says(&Config::new()));
        assert!(says(&Config::new().processes(Processes::Several)));
    }
}
