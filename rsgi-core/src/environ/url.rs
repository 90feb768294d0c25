//! What names the server in a request, and the URL that is rebuilt of it (PEP 3333, "URL Reconstruction").
//!
//! All by the last hop: what trusted proxies say of host and scheme is [`Environ::trusted`]'s.

use std::borrow::Cow;
use std::net::IpAddr;

use http::header;

use super::Environ;

impl Environ {
    /// The host that the client named, as sent: the target's authority, else the `Host` field.
    pub fn host(&self) -> Option<&str> {
        match self.uri().authority().map(http::uri::Authority::as_str) {
            // What stands before an `@` is no host, whatever it looks like (RFC 9110 section 4.2.4).
            Some(authority) => Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host)),
            None => self.header(header::HOST),
        }
    }

    /// The server's name for this request: never empty, an IPv6 address in brackets (PEP 3333, `SERVER_NAME`; RFC 3875
    /// section 4.1.14).
    pub fn server_name(&self) -> Cow<'_, str> {
        if let Some((name, _)) = self.extra().and_then(|extra| extra.server.as_ref()) {
            return Cow::Borrowed(name);
        }
        match self.local().ip() {
            Some(IpAddr::V4(address)) => Cow::Owned(address.to_string()),
            Some(IpAddr::V6(address)) => Cow::Owned(format!("[{address}]")),
            None => self
                .host()
                .map(|host| split_port(host).0)
                .filter(|name| !name.is_empty())
                .map_or(Cow::Borrowed("localhost"), Cow::Borrowed),
        }
    }

    /// The server's port for this request; on a unix socket the one in `Host`, else the scheme's own.
    pub fn server_port(&self) -> u16 {
        if let Some((_, port)) = self.extra().and_then(|extra| extra.server.as_ref()) {
            return *port;
        }
        let named = || split_port(self.host()?).1?.parse().ok();
        self.local().port().or_else(named).unwrap_or(self.scheme().port())
    }

    /// Sets the server's name and port as a gateway tells them; for adapters.
    pub fn set_server(&mut self, name: impl Into<String>, port: u16) {
        self.extra_mut().server = Some((name.into(), port));
    }

    /// The URL of this request by PEP 3333's reconstruction: scheme, host as sent or the server's name and port, script
    /// name, path info, query.
    pub fn url(&self) -> String {
        let mut url = format!("{}://", self.scheme());
        if let Some(host) = self.host().filter(|host| !host.is_empty()) {
            url.push_str(host);
        } else {
            url.push_str(&self.server_name());
            let port = self.server_port();
            if port != self.scheme().port() {
                url.push(':');
                url.push_str(&port.to_string());
            }
        }
        url.push_str(self.script_name());
        // `OPTIONS *` asks about the server: its URL has no path (RFC 9110 section 7.1).
        if self.path_info() != "*" {
            url.push_str(self.path_info());
        }
        if let Some(query) = self.query() {
            url.push('?');
            url.push_str(query);
        }
        url
    }
}

/// Takes the port off a host; the colons of an IPv6 address in brackets are none of it.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    }
}
