//! What the server, or the middleware outside, gives: the environ and what it promises.
//!
//! Only what the types leave open is looked at; what they rule out stands in `docs/lint.md`. RFC 9112 section 3 has the
//! forms of a target, PEP 3333 "`environ` Variables" the rest.

use rsgi_core::http::uri::Authority;
use rsgi_core::http::{Method, Uri, Version, header};
use rsgi_core::{Capabilities, ConnectProtocol, Endpoint, Environ, InputLength, Scheme, path};

use super::checks::{self, Check};
use super::record::Record;

type Breach = (&'static Check, String);

/// Looks at an environ before the app gets it.
pub(super) fn look(record: &Record, environ: &Environ) {
    let mut breaches = Vec::new();
    look_at_path(environ, &mut breaches);
    look_at_target(environ, &mut breaches);
    look_at_names(environ, &mut breaches);
    look_at_input(environ, &mut breaches);
    if record.outermost {
        look_at_split(environ, &mut breaches);
        look_at_connection(environ, &mut breaches);
        look_at_capabilities(environ, &mut breaches);
    }
    for (check, value) in breaches {
        record.report_server(check, &value);
    }
}

fn look_at_path(environ: &Environ, breaches: &mut Vec<Breach>) {
    let (script_name, path_info) = (environ.script_name(), environ.path_info());
    if !script_name.is_empty() && !script_name.starts_with('/') || script_name == "/" {
        breaches.push((&checks::SCRIPT_NAME, quoted(script_name)));
    }
    if !matches!(path_info, "" | "*") && !path_info.starts_with('/') {
        breaches.push((&checks::PATH_INFO, quoted(path_info)));
    }
    let has_path = *environ.method() != Method::CONNECT && !is_authority(environ.uri());
    if has_path && script_name.is_empty() && path_info.is_empty() {
        breaches.push((&checks::PATH_MISSING, format!("{} {}", environ.method(), environ.target())));
    }
}

/// Both parts together are the path; compared decoded, as a gateway gives them so.
fn look_at_split(environ: &Environ, breaches: &mut Vec<Breach>) {
    let parts = [path::decode(environ.script_name()), path::decode(environ.path_info())].concat();
    if !parts.is_empty() && parts[..] != path::decode(environ.uri().path())[..] {
        let (script_name, path_info) = (environ.script_name(), environ.path_info());
        let value = format!("\"{script_name}\" and \"{path_info}\" of \"{}\"", environ.uri().path());
        breaches.push((&checks::PATH_SPLIT, value));
    }
}

fn look_at_target(environ: &Environ, breaches: &mut Vec<Breach>) {
    let (method, target) = (environ.method(), environ.target());
    if environ.path_info() == "*" && method != Method::OPTIONS {
        breaches.push((&checks::ASTERISK, format!("{method} *")));
    }
    let wanted = *method == Method::CONNECT && environ.get::<ConnectProtocol>().is_none();
    if is_authority(environ.uri()) != wanted {
        // Extended CONNECT has a path (RFC 8441 section 4).
        breaches.push((&checks::AUTHORITY, format!("{method} {target}")));
    }
    if target.contains('#') {
        breaches.push((&checks::FRAGMENT, quoted(&target)));
    }
}

fn is_authority(uri: &Uri) -> bool {
    uri.scheme().is_none() && uri.authority().is_some() && uri.path_and_query().is_none()
}

fn look_at_names(environ: &Environ, breaches: &mut Vec<Breach>) {
    if environ.server_port() == 0 {
        breaches.push((&checks::SERVER_PORT, "0".to_owned()));
    }
    let hosts: Vec<_> = environ.header_all(header::HOST).collect();
    let breach = match hosts.as_slice() {
        [] => (environ.version() == Version::HTTP_11).then(|| "none".to_owned()),
        [host] => (!host.to_str().is_ok_and(is_host)).then(|| quoted(&lossy(host.as_bytes()))),
        several => Some(format!("{} fields", several.len())),
    };
    let name = environ.server_name();
    if let Some(value) = breach {
        // On a unix socket the server's name is made of it.
        breaches.push((&checks::HOST, value));
    } else if !is_host(&name) || name.is_empty() {
        breaches.push((&checks::SERVER_NAME, quoted(&name)));
    }
}

/// A host with or without a port (RFC 9110 section 7.2); empty where the target has none.
fn is_host(host: &str) -> bool {
    host.is_empty() || !host.contains('@') && host.parse::<Authority>().is_ok()
}

fn look_at_input(environ: &Environ, breaches: &mut Vec<Breach>) {
    let Some(field) = environ.headers().get(header::CONTENT_LENGTH) else { return };
    let declared: Option<u64> = field.to_str().ok().and_then(|text| text.parse().ok());
    let agrees = match (declared, environ.input_length()) {
        (None, _) => false,
        (Some(declared), InputLength::Known(length)) => declared == length,
        (Some(declared), InputLength::None) => declared == 0,
        // The framing knew more than the field, as an upgraded or decoded stream does.
        (Some(_), _) => true,
    };
    if !agrees {
        let value = format!("{} and {:?}", quoted(&lossy(field.as_bytes())), environ.input_length());
        breaches.push((&checks::INPUT_LENGTH, value));
    }
}

fn look_at_connection(environ: &Environ, breaches: &mut Vec<Breach>) {
    for (check, end) in [(&checks::PEER, environ.peer()), (&checks::LOCAL, environ.local())] {
        if matches!(end, Endpoint::Tcp(address) if address.ip().is_unspecified() || address.port() == 0) {
            breaches.push((check, end.to_string()));
        }
    }
    let tells = environ.server().capabilities.contains(Capabilities::TLS);
    match (environ.scheme(), environ.tls()) {
        (Scheme::Https, None) if tells => {
            breaches.push((&checks::TLS_FACTS, "https, and no facts".to_owned()));
        }
        (Scheme::Http, Some(tls)) => {
            breaches.push((&checks::TLS_FACTS, format!("http, and {}", tls.version.as_str())));
        }
        _ => {}
    }
    if environ.arrived() < environ.accepted() {
        let early = environ.accepted().duration_since(environ.arrived());
        breaches.push((&checks::CLOCK, format!("{early:?} before")));
    }
}

fn look_at_capabilities(environ: &Environ, breaches: &mut Vec<Breach>) {
    let has = |capability| environ.server().capabilities.contains(capability);
    let used = [
        (Capabilities::TLS, environ.tls().is_some()),
        (Capabilities::HTTP2, environ.version() == Version::HTTP_2),
    ];
    for (capability, _) in used.into_iter().filter(|(capability, used)| *used && !has(*capability)) {
        breaches.push((&checks::CAPABILITY_UNTOLD, capability.to_string()));
    }
    // Linux tells who is at the other end of every unix socket; other systems may not.
    let unnamed = matches!(environ.peer(), Endpoint::Unix { credentials: None, .. });
    let on_http_1_1 = environ.version() == Version::HTTP_11;
    let absent = [
        // A server may have it on one protocol alone: HTTP/1.1 is where every client can be sent one.
        (Capabilities::INFORMATIONAL, on_http_1_1 && environ.informational().is_err()),
        (Capabilities::UNIX_PEER, cfg!(target_os = "linux") && unnamed),
    ];
    for (capability, _) in absent.into_iter().filter(|(capability, absent)| *absent && has(*capability)) {
        breaches.push((&checks::CAPABILITY_ABSENT, capability.to_string()));
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
