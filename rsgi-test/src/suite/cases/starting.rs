//! Starting: listeners of every kind, what the server says it can do, and errors that tell what to change.

use std::net::{TcpListener, TcpStream};
use std::os::fd::IntoRawFd;
use std::os::unix::fs::PermissionsExt;

use crate::suite::apps::{target, text, watching};
use crate::suite::case::Case;
use crate::suite::folder::Folder;
use crate::suite::ground::Ground;
use crate::suite::noting::noting;
use crate::wire::RawClient;
use crate::wire::bytes::get;
use rsgi_core::server::{Bind, Config, PortSharing, ServeError, ServeErrorKind, TlsFiles};
use rsgi_core::{App, Capabilities, Endpoint, Environ, Error, StartResponse, Started};

pub(super) const CASES: &[Case] = &[
    Case::hosted(
        "a_unix_socket_is_served_and_told_as_such",
        &[20, 24, 132],
        a_unix_socket_is_served_and_told_as_such,
    ),
    Case::hosted("a_unix_socket_has_the_mode_that_is_set", &[], a_unix_socket_has_the_mode_that_is_set),
    Case::hosted(
        "a_stale_unix_socket_is_taken_over_and_a_live_one_is_not",
        &[],
        a_stale_unix_socket_is_taken_over_and_a_live_one_is_not,
    ),
    Case::hosted("an_inherited_listener_is_served", &[132], an_inherited_listener_is_served),
    Case::hosted("several_inherited_listeners_are_served", &[132], several_inherited_listeners_are_served),
    Case::hosted("several_listeners_serve_one_app", &[132], several_listeners_serve_one_app),
    Case::hosted("a_host_name_may_be_listened_at", &[], a_host_name_may_be_listened_at),
    Case::hosted(
        "two_servers_may_share_a_port_if_both_say_so",
        &[],
        two_servers_may_share_a_port_if_both_say_so,
    ),
    Case::hosted("an_address_in_use_is_told", &[], an_address_in_use_is_told),
    Case::hosted("a_failed_start_leaves_nothing_open", &[], a_failed_start_leaves_nothing_open),
    Case::hosted("bad_listeners_are_told", &[], bad_listeners_are_told),
    Case::hosted("bad_settings_are_told", &[], bad_settings_are_told),
    Case::hosted("a_bad_certificate_is_told", &[], a_bad_certificate_is_told),
    Case::hosted(
        "an_app_that_needs_what_is_missing_is_refused_at_the_start",
        &[147],
        an_app_that_needs_what_is_missing_is_refused_at_the_start,
    ),
    Case::hosted("what_is_advertised_may_be_needed", &[27, 147, 148], what_is_advertised_may_be_needed),
];

fn at(bind: &str) -> Config {
    Config::new().bind(bind).unwrap().threads(2)
}

fn unix(folder: &Folder, name: &str) -> Config {
    at(&format!("unix:{}", folder.file(name).display()))
}

fn a_unix_socket_is_served_and_told_as_such(ground: &Ground) {
    let folder = Folder::new();
    let (app, seen) = noting(watching());
    let server = ground.start(unix(&folder, "a.sock"), app).unwrap();
    let path = folder.file("a.sock");
    assert_eq!(server.path(), path);
    let mut client = RawClient::unix(&path);
    assert_eq!(client.ask("GET / HTTP/1.1\r\nhost: front.test:81\r\n\r\n").status(), 200);
    let first = seen.seen();
    assert_eq!(first.local.text, format!("unix:{}", path.display()));
    let (user, _, process) = first.peer.credentials.expect("the system tells them");
    assert_eq!(user, rustix::process::getuid().as_raw());
    assert_eq!(process, i32::try_from(std::process::id()).ok());
    assert_eq!((first.server_name.as_str(), first.server_port), ("front.test", 81));
    assert_eq!((first.peer.ip, first.peer.port, first.trusted_client.as_str()), (None, None, "unix:"));
    assert_eq!(client.ask("GET / HTTP/1.1\r\nhost: front.test\r\n\r\n").status(), 200);
    assert_eq!(seen.seen().server_port, 80);
    assert_eq!(client.ask("GET / HTTP/1.0\r\n\r\n").status(), 200);
    assert!(!seen.seen().server_name.is_empty());
}

fn a_unix_socket_has_the_mode_that_is_set(ground: &Ground) {
    let folder = Folder::new();
    let server = ground.start(unix(&folder, "a.sock").unix_mode(0o640), text("x")).unwrap();
    let mode = std::fs::metadata(server.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

fn a_stale_unix_socket_is_taken_over_and_a_live_one_is_not(ground: &Ground) {
    let folder = Folder::new();
    drop(std::os::unix::net::UnixListener::bind(folder.file("a.sock")).unwrap());
    let server = ground.start(unix(&folder, "a.sock"), text("x")).unwrap();
    assert_eq!(RawClient::unix(&server.path()).ask(get("/")).text(), "x");
    let second = ground.start(unix(&folder, "a.sock"), text("y")).unwrap_err();
    assert_eq!(second.kind(), ServeErrorKind::AddressInUse);
    assert_eq!(RawClient::unix(&server.path()).ask(get("/")).text(), "x", "the first still has it");
    std::fs::write(folder.file("file"), "precious").unwrap();
    ground.start(unix(&folder, "file"), text("x")).unwrap_err();
    assert_eq!(std::fs::read(folder.file("file")).unwrap(), b"precious", "no other file is ever removed");
}

fn an_inherited_listener_is_served(ground: &Ground) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server =
        ground.start(Config::new().listen(Bind::Fd(listener.into_raw_fd())).threads(2), target()).unwrap();
    assert_eq!(server.addresses(), [Endpoint::Tcp(address)]);
    assert_eq!(server.client().ask(get("/inherited")).text(), "/inherited");
}

/// TCP and unix, one of them with a descriptor that an exec wouldn't close.
fn several_inherited_listeners_are_served(ground: &Ground) {
    let folder = Folder::new();
    let path = folder.file("a.sock");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    rustix::io::fcntl_setfd(&tcp, rustix::io::FdFlags::empty()).unwrap();
    let unix = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let config = Config::new().listen(Bind::Fd(tcp.into_raw_fd())).listen(Bind::Fd(unix.into_raw_fd()));
    let server = ground.start(config.threads(2), target()).unwrap();
    assert_eq!((server.address(), server.path()), (address, path.clone()));
    assert_eq!(RawClient::tcp(address).ask(get("/tcp")).text(), "/tcp");
    assert_eq!(RawClient::unix(&path).ask(get("/unix")).text(), "/unix");
    server.stop();
    assert!(path.exists(), "the file is its maker's");
}

fn several_listeners_serve_one_app(ground: &Ground) {
    let folder = Folder::new();
    let path = folder.file("a.sock");
    let config =
        at("127.0.0.1:0").bind("[::1]:0").unwrap().bind(&format!("unix:{}", path.display())).unwrap();
    let server = ground.start(config, target()).unwrap();
    let [Endpoint::Tcp(first), Endpoint::Tcp(second), Endpoint::Unix { .. }] = server.addresses() else {
        panic!("{:?}", server.addresses());
    };
    assert!(first.is_ipv4() && second.is_ipv6() && first.port() != 0 && second.port() != 0);
    for mut client in [RawClient::tcp(*first), RawClient::tcp(*second), RawClient::unix(&path)] {
        assert_eq!(client.ask(get("/a")).text(), "/a");
    }
}

fn a_host_name_may_be_listened_at(ground: &Ground) {
    let server = ground.start(at("localhost:0"), target()).unwrap();
    assert_eq!(server.client().ask(get("/a")).text(), "/a");
}

fn two_servers_may_share_a_port_if_both_say_so(ground: &Ground) {
    let shared = |bind: &str| at(bind).port_sharing(PortSharing::Shared);
    let first = ground.start(shared("127.0.0.1:0"), text("x")).unwrap();
    let address = first.address().to_string();
    let second = ground.start(shared(&address), text("x")).unwrap();
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

fn an_address_in_use_is_told(ground: &Ground) {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = ground.start(at(&address), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::AddressInUse, &["bind", &address, "another address"]);
}

fn a_failed_start_leaves_nothing_open(ground: &Ground) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = at(&free).bind(&taken.local_addr().unwrap().to_string()).unwrap();
    ground.start(config, text("x")).unwrap_err();
    assert!(TcpStream::connect(&free).is_err(), "the first listener was closed again");
}

fn bad_listeners_are_told(ground: &Ground) {
    let error = ground.start(at("192.0.2.1:0"), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::AddressNotAvailable, &["bind", "192.0.2.1"]);
    let error = ground.start(at("unix:/nonexistent/a.sock"), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::AddressNotAvailable, &["bind", "/nonexistent/a.sock"]);
    let error = ground.start(at("no-such-host.invalid:0"), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::AddressNotAvailable, &["bind", "no-such-host.invalid"]);
    let error = ground.start(Config::new().listen(Bind::Fd(19_999)), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::BadDescriptor, &["bind", "fd://19999"]);
    let no_listener = std::fs::File::open("/dev/null").unwrap().into_raw_fd();
    let error = ground.start(Config::new().listen(Bind::Fd(no_listener)), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::BadDescriptor, &["bind", "fd://"]);
}

fn bad_settings_are_told(ground: &Ground) {
    let error = ground.start(ground.config().limits(|limits| limits.head_bytes = 3), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::BadSetting, &["head_bytes", "3", "256"]);
    let zero = Some(std::time::Duration::ZERO);
    let error =
        ground.start(ground.config().timeouts(|timeouts| timeouts.head = zero), text("x")).unwrap_err();
    tells(&error, ServeErrorKind::BadSetting, &["head", "0ns"]);
}

fn a_bad_certificate_is_told(ground: &Ground) {
    let folder = Folder::new();
    let (certificate, key) = (folder.file("cert.pem"), folder.file("key.pem"));
    let config = || ground.config().tls(TlsFiles::new(&certificate, &key));
    let error = ground.start(config(), text("x")).unwrap_err();
    if error.kind() == ServeErrorKind::BadSetting {
        // A server without TLS: then that is said.
        return tells(&error, ServeErrorKind::BadSetting, &["tls"]);
    }
    tells(&error, ServeErrorKind::Certificate, &["cert.pem"]);
    std::fs::write(&certificate, "no certificate").unwrap();
    std::fs::write(&key, "no key").unwrap();
    let error = ground.start(config(), text("x")).unwrap_err();
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

/// Every capability that there is.
const EVERY: Capabilities = Capabilities::TRAILERS
    .union(Capabilities::INFORMATIONAL)
    .union(Capabilities::UPGRADE)
    .union(Capabilities::DUPLEX)
    .union(Capabilities::SENDFILE)
    .union(Capabilities::UNIX_PEER)
    .union(Capabilities::TLS)
    .union(Capabilities::HTTP2)
    .union(Capabilities::TOKIO);

fn an_app_that_needs_what_is_missing_is_refused_at_the_start(ground: &Ground) {
    let missing = EVERY.missing_in(ground.capabilities());
    if missing.is_empty() {
        return;
    }
    let error = ground.start(ground.config(), Needing(missing | Capabilities::UPGRADE)).unwrap_err();
    tells(&error, ServeErrorKind::MissingCapability, &[&missing.to_string()]);
    assert!(!error.to_string().contains("upgrade"), "only what is missing is named: {error}");
}

/// What both advertise here, other cases prove to work.
fn what_is_advertised_may_be_needed(ground: &Ground) {
    let server = ground.start(ground.config(), Needing(ground.capabilities())).unwrap();
    assert_eq!(server.client().ask(get("/")).text(), "served");
}
