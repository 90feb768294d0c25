//! Starting: where to listen, and what is refused before anything is served.

use std::fs;
use std::net::TcpListener;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rsgi_core::http::StatusCode;
use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::server::{Bind, Config, PortSharing, ServeError, ServeErrorKind, ServerField, TlsFiles};
use rsgi_core::{App, Capabilities, Endpoint, Environ, Running, StartResponse, app_fn, blocking, requiring};
use rsgi_gateway::Options;

use crate::served::{Host, Served, Threads, Tokio, names};
use crate::wire::{Client, FastCgi, Wire};

fn app() -> impl App {
    blocking(|environ: Environ, start_response: StartResponse| {
        let text = format!("{:?}", environ.peer());
        Ok(start_response.status(StatusCode::OK).body(text))
    })
}

fn refused<H: Host, W: Wire>(config: &Config, options: &Options, app: impl App) -> ServeError {
    H::start_with::<W::Codec>(config, options, app).map(drop).expect_err("it must be refused")
}

fn an_app_that_needs_what_no_gateway_has_is_refused<H: Host, W: Wire>() {
    for needs in [Capabilities::UPGRADE, Capabilities::TRAILERS, Capabilities::INFORMATIONAL] {
        let app = requiring(needs, app());
        let error = refused::<H, W>(&Config::new().bind("127.0.0.1:0").unwrap(), &Options::default(), app);
        assert_eq!(error.kind(), ServeErrorKind::MissingCapability);
        assert!(error.to_string().contains(&needs.to_string()), "{error}");
        assert!(names::<W::Codec>().iter().all(|name| error.to_string().contains(name)), "{error}");
    }
}

fn settings_that_mean_nothing_here_are_refused<H: Host, W: Wire>() {
    let files = TlsFiles::new("certificate.pem", "key.pem");
    let field = ServerField::Named("a".parse().unwrap());
    let settings = [
        ("tls", Config::new().tls(files)),
        ("proxy_protocol", Config::new().proxy_protocol(ProxyProtocol::Any)),
        ("server_field", Config::new().server_field(field)),
    ];
    for (name, config) in settings {
        let error = refused::<H, W>(&config.bind("127.0.0.1:0").unwrap(), &Options::default(), app());
        assert_eq!((error.kind(), error.setting()), (ServeErrorKind::BadSetting, Some(name)), "{error}");
        assert!(!error.remedy().is_empty());
    }
}

#[test]
fn settings_that_only_the_other_host_has_are_refused() {
    let config = Config::new().bind("127.0.0.1:0").unwrap();
    let error = refused::<Threads, FastCgi>(&config, &Options::default().reactors(2), app());
    assert_eq!(error.setting(), Some("reactors"), "{error}");
    let config = config.limits(|limits| limits.pending_requests = Some(2));
    let error = refused::<Tokio, FastCgi>(&config, &Options::default(), app());
    assert_eq!(error.setting(), Some("pending_requests"), "{error}");
}

/// A place for a socket that no other test has.
fn place(name: &str) -> PathBuf {
    let place = std::env::temp_dir().join(format!("rsgi-gateway-{}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    place.join(name)
}

fn a_unix_socket_has_its_mode_and_goes_with_the_server<H: Host, W: Wire>() {
    let path = place(&format!("{}.sock", std::any::type_name::<(H, W)>().replace(':', ".")));
    // Left behind by somebody who is gone.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let config = Config::new().listen(Bind::Unix(path.clone())).unix_mode(0o600);
    let served = Served::<H, W>::of(&config, &Options::default(), app());
    assert_eq!(served.server.addresses(), [Endpoint::unix(Some(&path), None)]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let error = refused::<H, W>(&config, &Options::default(), app());
    assert_eq!(error.kind(), ServeErrorKind::AddressInUse, "{error}");
    for _ in 0..3 {
        let mut client = Client::<W>::over(UnixStream::connect(&path).unwrap());
        let answer = client.get("/").answer();
        assert!(answer.text().contains("Unix"), "{}", answer.text());
    }
    served.end();
    assert!(!path.exists());
}

fn several_listeners_are_served_and_told<H: Host, W: Wire>() {
    let path = place(&format!("{}.several", std::any::type_name::<(H, W)>().replace(':', ".")));
    let inherited = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config::new()
        .bind("127.0.0.1:0")
        .unwrap()
        .bind("[::1]:0")
        .unwrap()
        .listen(Bind::Unix(path.clone()))
        .listen(Bind::Fd(inherited.as_raw_fd()));
    let served = Served::<H, W>::of(&config, &Options::default(), app());
    let addresses = served.server.addresses().to_vec();
    assert_eq!(addresses.len(), 4);
    assert_eq!(addresses[3], Endpoint::Tcp(inherited.local_addr().unwrap()));
    for address in addresses {
        let mut client = match address {
            Endpoint::Tcp(address) => Client::<W>::connect(address),
            _ => Client::over(UnixStream::connect(&path).unwrap()),
        };
        assert_eq!(client.get("/").answer().status, 200);
    }
    served.end();
    assert!(!path.exists());
    // It is still the test's.
    std::net::TcpStream::connect(inherited.local_addr().unwrap()).unwrap();
}

fn an_address_is_shared_where_that_is_set<H: Host, W: Wire>() {
    let config = Config::new().bind("127.0.0.1:0").unwrap().port_sharing(PortSharing::Shared);
    let first = Served::<H, W>::of(&config, &Options::default(), app());
    let same = Config::new().listen(first.address());
    let error = refused::<H, W>(&same, &Options::default(), app());
    assert_eq!(error.kind(), ServeErrorKind::AddressInUse, "{error}");
    let second = Served::<H, W>::of(&same.port_sharing(PortSharing::Shared), &Options::default(), app());
    for _ in 0..20 {
        assert_eq!(first.connect().get("/").answer().status, 200);
    }
    assert_eq!(first.load().accepted + second.load().accepted, 20);
    first.end();
    second.end();
}

/// What an app does with tokio, it may do on both.
fn a_runtime_of_tokio_is_entered<H: Host, W: Wire>() {
    let spawns = app_fn(|_: Environ, start_response: StartResponse| async {
        let text = tokio::spawn(async { "spawned" }).await?;
        Ok(start_response.status(StatusCode::OK).body(text))
    });
    let served = Served::<H, W>::new(requiring(Capabilities::TOKIO, spawns));
    assert_eq!(served.connect().get("/").answer().text(), "spawned");
    served.end();
    let blocks = blocking(|_: Environ, start_response: StartResponse| {
        let handle = tokio::runtime::Handle::current();
        let text = handle.block_on(async { tokio::task::spawn_blocking(|| "blocked").await })?;
        Ok(start_response.status(StatusCode::OK).body(text))
    });
    let served = Served::<H, W>::with(Config::new().threads(1), blocks);
    assert_eq!(served.connect().get("/").answer().text(), "blocked");
    served.end();
}

everywhere!(
    an_app_that_needs_what_no_gateway_has_is_refused,
    settings_that_mean_nothing_here_are_refused,
    a_unix_socket_has_its_mode_and_goes_with_the_server,
    several_listeners_are_served_and_told,
    an_address_is_shared_where_that_is_set,
    a_runtime_of_tokio_is_entered,
);
