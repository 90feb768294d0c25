//! Wrong servers about what an app is told of the request line and both ends: rules 1 to 28.

use std::sync::Arc;

use rsgi_core::http::{Method, StatusCode, Uri, Version, header};
use rsgi_core::trust::{ForwardedHeaders, Trust};
use rsgi_core::{
    BoxApp, Endpoint, Environ, Middleware, Next, Scheme, StartResponse, Tls, TlsVersion, around,
};

use crate::Wrong;
use crate::bytes::replacing;
use crate::tamper::{Pass, Tamper};

pub(crate) const WRONG: &[Wrong] = &[
    Wrong::environ(1, "puts methods in upper case", |environ| {
        let upper = environ.method().as_str().to_ascii_uppercase();
        environ.set_method(Method::from_bytes(upper.as_bytes()).unwrap());
    }),
    Wrong::app(2, "answers 501 to methods that it doesn't know", only_known_methods),
    Wrong::environ(3, "keeps the target decoded", |environ| {
        let target = environ.target().replace("%7e", "~").replace("%41", "A");
        environ.set_target(target);
    }),
    Wrong::environ(4, "decodes paths twice", |environ| path(environ, |path| path.replace("%25", "%"))),
    Wrong::environ(5, "replaces bytes of a path that are no text", |environ| {
        path(environ, |path| path.replace("%ff", "%EF%BF%BD"));
    }),
    Wrong::environ(6, "makes one slash of two", |environ| path(environ, |path| path.replace("//", "/"))),
    Wrong::environ(6, "takes a slash off the end", |environ| {
        path(environ, |path| path.strip_suffix("b/").map_or(path.to_owned(), |start| format!("{start}b")));
    }),
    Wrong::request(7, "takes an empty query for none", |request| {
        if request.uri().query() == Some("") {
            *request.uri_mut() = request.uri().path().parse().unwrap();
        }
    }),
    Wrong::inbound(8, "takes a fragment for part of the path", || replacing(b"#", b"%23")),
    Wrong::inbound(9, "takes the asterisk for a path", || replacing(b"OPTIONS * ", b"OPTIONS /* ")),
    Wrong::inbound(9, "lets any method have the asterisk", || replacing(b"GET * ", b"OPTIONS * ")),
    Wrong::environ(10, "takes CONNECT for a request of its root", |environ| {
        if environ.method() == Method::CONNECT {
            environ.set_target("/");
            path(environ, |_| "/".to_owned());
        }
    }),
    Wrong::request(11, "believes the Host field and not the target", |request| {
        if let Some(path) = request.uri().path_and_query().filter(|_| request.uri().authority().is_some()) {
            *request.uri_mut() = Uri::from(path.clone());
        }
        request.headers_mut().insert(header::HOST, "other.test".parse().unwrap());
    }),
    Wrong::environ(12, "has a slash for the empty prefix", |environ| {
        let path_info = environ.path_info().to_owned();
        environ.set_split("/", path_info);
    }),
    Wrong::environ(13, "counts the first slash of the rest to the prefix as well", |environ| {
        path(environ, |path| path.strip_prefix('/').unwrap_or(path).to_owned());
    }),
    Wrong::request(14, "loses the query under a prefix", |request| {
        if request.uri().path().starts_with("/pre/fix") {
            *request.uri_mut() = request.uri().path().parse().unwrap();
        }
    }),
    Wrong::environ(15, "takes a mount's prefix off the target as well", |environ| {
        let target = environ.target().replace("/admin", "");
        environ.set_target(target);
    }),
    Wrong::request(16, "says HTTP/1.1 of HTTP/1.0", |request| *request.version_mut() = Version::HTTP_11),
    Wrong::connection(17, "says https in the clear", |connection| connection.scheme = Scheme::Https),
    Wrong::config(18, "believes whoever forwards", |config| {
        config.trust(Trust::new(ForwardedHeaders::Standard).danger_everyone())
    }),
    Wrong::config(19, "goes on behind the first stranger", |config| {
        config.trust(Trust::new(ForwardedHeaders::Standard).danger_everyone())
    }),
    Wrong::environ(20, "has no name", |environ| {
        let port = environ.server_port();
        environ.set_server("", port);
    }),
    Wrong::environ(20, "says port 0", |environ| {
        let name = environ.server_name().into_owned();
        environ.set_server(name, 0);
    }),
    Wrong::environ(21, "takes the port off the Host field", |environ| {
        let host = environ.header(header::HOST).unwrap_or_default();
        let name = host.split(':').next().unwrap_or_default().parse().unwrap();
        environ.headers_mut().insert(header::HOST, name);
    }),
    Wrong::inbound(22, "does without a Host field", with_host),
    Wrong::inbound(22, "takes the first of two Host fields", || {
        replacing(b"host: a\r\nhost: a\r\n", b"host: a\r\n")
    }),
    Wrong::inbound(22, "drops a space from the Host field", || {
        replacing(b"\r\nhost: a b\r\n", b"\r\nhost: ab\r\n")
    }),
    // By the length of the literal field in HPACK: nothing else of the frame changes.
    Wrong::inbound(23, "overlooks a Host that isn't the authority", || {
        replacing(b"\x04host\x05other", b"\x04tsoh\x05other")
    })
    .on_hyper(),
    Wrong::connection(24, "tells no port of the client", |connection| {
        if let Endpoint::Tcp(peer) = &mut connection.peer {
            peer.set_port(0);
        }
    }),
    Wrong::connection(24, "makes up an address for a client on a unix socket", |connection| {
        if connection.peer.ip().is_none() {
            connection.peer = Endpoint::Tcp(([127, 0, 0, 1], 1).into());
        }
    }),
    Wrong::connection(25, "tells the address that it was bound to", |connection| {
        if let Endpoint::Tcp(local) = Arc::make_mut(&mut connection.local) {
            local.set_ip([0, 0, 0, 0].into());
        }
    }),
    Wrong::connection(26, "tells of TLS in the clear", |connection| {
        connection.tls = Some(Tls::new(TlsVersion::V1_3, "TLS13_AES_128_GCM_SHA256").into());
    }),
    #[cfg(feature = "tls")]
    Wrong::connection(26, "keeps to itself which name a client asked for", |connection| {
        if let Some(tls) = &mut connection.tls {
            tls.sni = None;
        }
    }),
    #[cfg(feature = "tls")]
    Wrong::connection(26, "overlooks the client's certificates", |connection| {
        if let Some(tls) = &mut connection.tls {
            tls.client_certificates.clear();
        }
    }),
    Wrong::connection(27, "says that it ends after one request", |connection| {
        let mut server = (*connection.server).clone();
        server.run_once = true;
        connection.server = Arc::new(server);
    }),
    Wrong::connection(28, "knows no client where the test client has one", |connection| {
        connection.peer = Endpoint::unix(None, None);
    }),
];

/// Changes the path info, with the prefix left as it is.
fn path(environ: &mut Environ, change: impl FnOnce(&str) -> String) {
    let (script_name, path_info) = (environ.script_name().to_owned(), change(environ.path_info()));
    environ.set_split(script_name, path_info);
}

fn only_known_methods(app: BoxApp) -> BoxApp {
    let middleware =
        around(async |environ: Environ, start_response: StartResponse, next: Next| {
            match environ.method().as_str() {
                "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH" => {
                    next.call(environ, start_response).await
                }
                _ => Ok(start_response.status(StatusCode::NOT_IMPLEMENTED).empty()),
            }
        });
    BoxApp::new(middleware.wrap(app))
}

/// Gives each head that has no Host field one.
fn with_host() -> Tamper {
    Box::new(|piece| {
        let text = String::from_utf8_lossy(piece).to_ascii_lowercase();
        match text.split_once("\r\n") {
            Some((line, _)) if !text.contains("\r\nhost:") => {
                let (line, rest) = piece.split_at(line.len());
                Pass::On([line, b"\r\nhost: test", rest].concat())
            }
            _ => Pass::On(piece.to_vec()),
        }
    })
}
