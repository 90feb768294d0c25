//! Starting: listeners of every kind, what the server says it can do, and errors that tell what to change.

use std::net::{TcpListener, TcpStream};
use std::os::fd::IntoRawFd;
use std::os::unix::fs::PermissionsExt;

use rsgi_core::server::{Bind, Config, PortSharing, ServeError, ServeErrorKind, TlsFiles};
use rsgi_core::{App, Capabilities, Endpoint, Environ, Error, StartResponse, Started};
use rsgi_tests::bytes::get;
use rsgi_tests::probe::{target, text, watching};
use rsgi_tests::scratch::Folder;
use rsgi_tests::{Client, On, mount};

fn at(bind: &str) -> Config {
    Config::new().bind(bind).unwrap().threads(2)
}

fn unix(folder: &Folder, name: &str) -> Config {
    at(&format!("unix:{}", folder.file(name).display()))
}

/// rule(20, 24, 132)
fn a_unix_socket_is_served_and_told_as_such(on: On) {
    let folder = Folder::new();
    let (app, seen) = watching();
    let server = on.start(unix(&folder, "a.sock"), app).unwrap();
    let path = folder.file("a.sock");
    assert_eq!(server.path(), path);
    let mut client = Client::unix(&path);
    assert_eq!(client.ask("GET / HTTP/1.1\r\nhost: front.test:81\r\n\r\n").status(), 200);
    let first = seen.next("the request");
    assert_eq!(first.local.path(), Some(path.as_path()));
    let credentials = first.peer.credentials().expect("Linux tells them");
    assert_eq!(credentials.uid, rustix::process::getuid().as_raw());
    assert_eq!(credentials.pid, i32::try_from(std::process::id()).ok());
    assert_eq!((first.server_name.as_str(), first.server_port), ("front.test", 81));
    assert_eq!((first.peer.ip(), first.peer.port(), first.trusted_client.as_str()), (None, None, "unix:"));
    assert_eq!(client.ask("GET / HTTP/1.1\r\nhost: front.test\r\n\r\n").status(), 200);
    assert_eq!(seen.next("the request").server_port, 80);
    assert_eq!(client.ask("GET / HTTP/1.0\r\n\r\n").status(), 200);
    assert!(!seen.next("the request").server_name.is_empty());
}

fn a_unix_socket_has_the_mode_that_is_set(on: On) {
    let folder = Folder::new();
    let server = on.start(unix(&folder, "a.sock").unix_mode(0o640), text("x")).unwrap();
    let mode = std::fs::metadata(server.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

fn a_stale_unix_socket_is_taken_over_and_a_live_one_is_not(on: On) {
    let folder = Folder::new();
    drop(std::os::unix::net::UnixListener::bind(folder.file("a.sock")).unwrap());
    let server = on.start(unix(&folder, "a.sock"), text("x")).unwrap();
    assert_eq!(Client::unix(&server.path()).ask(get("/")).text(), "x");
    let second = on.start(unix(&folder, "a.sock"), text("y")).unwrap_err();
    assert_eq!(second.kind(), ServeErrorKind::AddressInUse);
    assert_eq!(Client::unix(&server.path()).ask(get("/")).text(), "x", "the first still has it");
    std::fs::write(folder.file("file"), "precious").unwrap();
    on.start(unix(&folder, "file"), text("x")).unwrap_err();
    assert_eq!(std::fs::read(folder.file("file")).unwrap(), b"precious", "no other file is ever removed");
}

/// rule(132)
fn an_inherited_listener_is_served(on: On) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server =
        on.start(Config::new().listen(Bind::Fd(listener.into_raw_fd())).threads(2), target()).unwrap();
    assert_eq!(server.addresses(), [Endpoint::Tcp(address)]);
    assert_eq!(server.client().ask(get("/inherited")).text(), "/inherited");
}

/// rule(132)
fn several_listeners_serve_one_app(on: On) {
    let folder = Folder::new();
    let path = folder.file("a.sock");
    let config =
        at("127.0.0.1:0").bind("[::1]:0").unwrap().bind(&format!("unix:{}", path.display())).unwrap();
    let server = on.start(config, target()).unwrap();
    let [Endpoint::Tcp(first), Endpoint::Tcp(second), Endpoint::Unix { .. }] = server.addresses() else {
        panic!("{:?}", server.addresses());
    };
    assert!(first.is_ipv4() && second.is_ipv6() && first.port() != 0 && second.port() != 0);
    for mut client in [Client::tcp(*first), Client::tcp(*second), Client::unix(&path)] {
        assert_eq!(client.ask(get("/a")).text(), "/a");
    }
}

fn a_host_name_may_be_listened_at(on: On) {
    let server = on.start(at("localhost:0"), target()).unwrap();
    assert_eq!(server.client().ask(get("/a")).text(), "/a");
}

fn two_servers_may_share_a_port_if_both_say_so(on: On) {
    let shared = |bind: &str| at(bind).port_sharing(PortSharing::Shared);
    let first = on.start(shared("127.0.0.1:0"), text("x")).unwrap();
    let address = first.address().to_string();
    let second = on.start(shared(&address), text("x")).unwrap();
    assert_eq!(second.address(), first.address());
    assert_eq!(first.client().ask(get("/")).text(), "x");
}

/// Checks that an error says which setting, which value and what to do.
fn tells(error: &ServeError, kind: ServeErrorKind, texts: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(!error.remedy().is_empty(), "{error}");
    let message = error.to_string();
    for text in texts.iter().chain(&[error.remedy()]) {
        assert!(message.contains(text), "{text:?} isn't in: {message}");
    }
    assert!(!message.contains('\n') && !message.contains("Error {"), "{message}");
}

fn an_address_in_use_is_told(on: On) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = on.start(at(&address), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::AddressInUse, &["bind", &address, "another address"]);
}

fn a_failed_start_leaves_nothing_open(on: On) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = at(&free).bind(&taken.local_addr().unwrap().to_string()).unwrap();
    on.start(config, text("x")).unwrap_err();
    assert!(TcpStream::connect(&free).is_err(), "the first listener was closed again");
}

fn bad_listeners_are_told(on: On) {
    let error = on.start(at("192.0.2.1:0"), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::AddressNotAvailable, &["bind", "192.0.2.1"]);
    let error = on.start(at("unix:/nonexistent/a.sock"), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::AddressNotAvailable, &["bind", "/nonexistent/a.sock"]);
    let error = on.start(at("no-such-host.invalid:0"), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::AddressNotAvailable, &["bind", "no-such-host.invalid"]);
    let error = on.start(Config::new().listen(Bind::Fd(19_999)), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::BadDescriptor, &["bind", "fd://19999"]);
    let no_listener = std::fs::File::open("/dev/null").unwrap().into_raw_fd();
    let error = on.start(Config::new().listen(Bind::Fd(no_listener)), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::BadDescriptor, &["bind", "fd://"]);
}

fn bad_settings_are_told(on: On) {
    let error = on.start(on.config().limits(|limits| limits.head_bytes = 3), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::BadSetting, &["head_bytes", "3", "256"]);
    let zero = Some(std::time::Duration::ZERO);
    let error = on.start(on.config().timeouts(|timeouts| timeouts.head = zero), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::BadSetting, &["head", "0ns"]);
}

fn a_bad_certificate_is_told(on: On) {
    let folder = Folder::new();
    let (certificate, key) = (folder.file("cert.pem"), folder.file("key.pem"));
    let config = || on.config().tls(TlsFiles::new(&certificate, &key));
    let error = on.start(config(), text("x")).unwrap_err();
    if error.kind() == ServeErrorKind::BadSetting {
        // Built without TLS: then that is said, with the feature's name.
        return tells(&error, ServeErrorKind::BadSetting, &["tls", "feature"]);
    }
    tells(&error, ServeErrorKind::Certificate, &["cert.pem"]);
    std::fs::write(&certificate, "no certificate").unwrap();
    std::fs::write(&key, "no key").unwrap();
    let error = on.start(config(), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::Certificate, &["cert.pem"]);
}

/// An app that needs something.
struct Needing(Capabilities);

impl App for Needing {
    async fn call(&self, _: Environ, start_response: StartResponse) -> Result<Started, Error> {
        Ok(start_response.status(rsgi_core::http::StatusCode::OK).body("served"))
    }

    fn requires(&self) -> Capabilities {
        self.0
    }
}

/// rule(147)
fn an_app_that_needs_what_is_missing_is_refused_at_the_start(on: On) {
    let missing = if on.is_std() { Capabilities::HTTP2 } else { Capabilities::SENDFILE };
    let error = on.start(on.config(), Needing(missing | Capabilities::UPGRADE)).unwrap_err();
    tells(&error, ServeErrorKind::MissingCapability, &[&missing.to_string(), on.name()]);
    assert!(!error.to_string().contains("upgrade"), "only what is missing is named: {error}");
}

/// rule(27, 147, 148): what both advertise here, other cases prove to work.
fn what_is_advertised_may_be_needed(on: On) {
    let needs = Capabilities::TRAILERS
        | Capabilities::INFORMATIONAL
        | Capabilities::UPGRADE
        | Capabilities::DUPLEX
        | Capabilities::UNIX_PEER;
    let own = if on.is_std() { Capabilities::SENDFILE } else { Capabilities::HTTP2 | Capabilities::TOKIO };
    let server = on.start(on.config(), Needing(needs | own)).unwrap();
    assert_eq!(server.client().ask(get("/")).text(), "served");
}

mount!(
    a_unix_socket_is_served_and_told_as_such,
    a_unix_socket_has_the_mode_that_is_set,
    a_stale_unix_socket_is_taken_over_and_a_live_one_is_not,
    an_inherited_listener_is_served,
    several_listeners_serve_one_app,
    a_host_name_may_be_listened_at,
    two_servers_may_share_a_port_if_both_say_so,
    an_address_in_use_is_told,
    a_failed_start_leaves_nothing_open,
    bad_listeners_are_told,
    bad_settings_are_told,
    a_bad_certificate_is_told,
    an_app_that_needs_what_is_missing_is_refused_at_the_start,
    what_is_advertised_may_be_needed,
);
