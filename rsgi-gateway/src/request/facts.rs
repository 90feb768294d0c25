//! Who asked whom over what, by the web server's word: the connection between client and web server.
//!
//! The socket to the web server tells none of this, so it steps in only for what the web server leaves out.
//!
//! Invariant: an address that can't be read is refused, since the web server's own in its place might be a trusted one.
//! Next: `mod.rs`, which makes core's `Connection` of it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;

use bytes::Bytes;
use http::HeaderMap;
use http::header::HOST;
use rsgi_core::{Endpoint, Scheme, Tls, TlsVersion, is_host_field};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::Refusal;
use super::told::Told;
use crate::codec::Variables;

/// What the web server tells of the connection that it has.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) peer: Option<Endpoint>,
    pub(super) local: Option<Endpoint>,
    pub(super) scheme: Scheme,
    pub(super) tls: Option<Box<Tls>>,
    /// The server's name and port.
    pub(super) server: Option<(String, u16)>,
}

impl Facts {
    /// Reads them.
    pub(super) fn read(told: &Told<'_>, variables: &Variables, fields: &HeaderMap) -> Result<Self, Refusal> {
        let scheme = scheme(told);
        let peer = endpoint(told.remote_addr, told.remote_port);
        if peer.is_none() && !told.remote_addr.is_empty() {
            return Err(Refusal::bad("REMOTE_ADDR is no address"));
        }
        Ok(Self {
            peer,
            local: endpoint(told.server_addr, told.server_port),
            scheme,
            tls: if told.ssl_protocol.is_empty() { None } else { tls(told, variables) },
            server: server(told, fields, scheme),
        })
    }
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

fn scheme(told: &Told<'_>) -> Scheme {
    let says = |value: &[u8], word: &str| value.eq_ignore_ascii_case(word.as_bytes());
    let is_https = match told.https {
        b"" => says(told.scheme, "https"),
        said => says(said, "on") || said == b"1" || says(said, "true"),
    };
    if is_https { Scheme::Https } else { Scheme::Http }
}

/// An address with its port; `unix:` and a path for what came over a unix socket, as nginx (1.22) has it.
fn endpoint(address: &[u8], port: &[u8]) -> Option<Endpoint> {
    let address = text(address)?;
    if let Some(path) = address.strip_prefix("unix:") {
        return Some(Endpoint::unix((!path.is_empty()).then(|| Path::new(path)), None));
    }
    // A link-local address may come with its zone.
    let ip: IpAddr = address.split_once('%').map_or(address, |(ip, _)| ip).parse().ok()?;
    Some(Endpoint::Tcp(SocketAddr::new(ip, number(port).unwrap_or(0))))
}

fn number(port: &[u8]) -> Option<u16> {
    text(port)?.parse().ok()
}

/// The server's name, the client's word where the web server has none, and its port.
fn server(told: &Told<'_>, fields: &HeaderMap, scheme: Scheme) -> Option<(String, u16)> {
    let host = fields.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    // HAProxy (2.6) sends the Host field as it is, its port included.
    let (name, _) = split_port(text(told.server_name).unwrap_or_default());
    let (host_name, host_port) = split_port(host);
    let name = [name, host_name].into_iter().find(|name| is_name(name))?;
    let name = if name.parse::<Ipv6Addr>().is_ok() { format!("[{name}]") } else { name.to_owned() };
    let port = number(told.server_port).filter(|port| *port > 0);
    let port = port.or_else(|| host_port?.parse().ok()).unwrap_or(scheme.port());
    Some((name, port))
}

/// Tells a host from what stands in its place: nginx (1.22) sends the first `server_name`, which may be empty, `_`, a
/// pattern with an asterisk or a dot at its front, or a regular expression.
fn is_name(name: &str) -> bool {
    !matches!(name.as_bytes(), [] | b"_" | [b'.', ..])
        && !name.contains('*')
        && (is_host_field(name.as_bytes()) || name.parse::<Ipv6Addr>().is_ok())
}

/// Takes the port off a host; the colons of an IPv6 address aren't one's.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if name.ends_with(']') || !name.contains(':') => (name, Some(port)),
        _ => (host, None),
    }
}

/// The facts of TLS, as Apache's `SSLOptions +StdEnvVars +ExportCertData` sends them; with nginx each is a line of its
/// own.
#[cold]
fn tls(told: &Told<'_>, variables: &Variables) -> Option<Box<Tls>> {
    let version = match told.ssl_protocol {
        b"TLSv1.3" => TlsVersion::V1_3,
        b"TLSv1.2" => TlsVersion::V1_2,
        b"TLSv1.1" => TlsVersion::Other(0x0302),
        b"TLSv1" => TlsVersion::Other(0x0301),
        b"SSLv3" => TlsVersion::Other(0x0300),
        _ => return None,
    };
    let one = |name| variables.get(name).and_then(text).filter(|value| !value.is_empty());
    let mut tls = Tls::new(version, one("SSL_CIPHER").unwrap_or_default().to_owned());
    tls.sni = one("SSL_TLS_SNI").map(str::to_owned);
    // Apache sends a certificate that it couldn't verify, too, where that is optional.
    if one("SSL_CLIENT_VERIFY") == Some("SUCCESS") {
        let chain = (0..CHAIN).map(|place| format!("SSL_CLIENT_CERT_CHAIN_{place}"));
        let names = std::iter::once("SSL_CLIENT_CERT".to_owned()).chain(chain);
        tls.client_certificates = names.map_while(|name| certificate(variables.get(&name)?)).collect();
    }
    Some(Box::new(tls))
}

/// A certificate out of its PEM form, whose lines nginx's `$ssl_client_cert` begins with tabs.
fn certificate(pem: &[u8]) -> Option<Bytes> {
    let pem: Vec<u8> = pem.iter().copied().filter(|byte| *byte != b'\t').collect();
    let der = CertificateDer::from_pem_slice(&pem).ok()?;
    Some(Bytes::copy_from_slice(&der))
}

/// Certificates of a chain that are looked for.
const CHAIN: usize = 8;
