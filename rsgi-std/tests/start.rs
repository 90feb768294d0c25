//! What is refused at the start is refused with the setting's name and a remedy; what starts says what it is.
//!
//! Listeners and common settings are the conformance suite's; here is what only this server can get wrong.
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Config, ServeError, ServeErrorKind};
use rsgi_core::{
    App, Body, Capabilities, Endpoint, Environ, Error, Running as _, StartResponse, Started, app_fn,
};
use rsgi_std::{Options, Server};

fn app() -> impl App {
    app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("ok")) })
}

fn config() -> Config {
    Config::new().bind("127.0.0.1:0").unwrap().threads(1)
}

fn refused(config: &Config, options: &Options) -> ServeError {
    Server::start_with(config, options, app()).unwrap_err()
}

#[test]
fn a_setting_that_the_engine_refuses_is_named_with_what_is_allowed() {
    for (error, name) in [
        (refused(&config().threads(1_000_000), &Options::default()), "threads"),
        (refused(&config(), &Options::default().tick(Duration::ZERO)), "tick"),
    ] {
        assert_eq!((error.kind(), error.setting()), (ServeErrorKind::BadSetting, Some(name)));
        assert!(error.remedy().starts_with("give a "), "{error}");
    }
}

#[test]
#[cfg(not(feature = "tls"))]
fn tls_without_its_feature_is_refused_by_name() {
    let files = rsgi_core::server::TlsFiles::new("it.pem", "it.key");
    let error = refused(&config().tls(files), &Options::default());
    assert_eq!(error.setting(), Some("tls"));
    assert!(error.to_string().contains("feature `tls`"), "{error}");
}

#[test]
fn a_server_in_its_end_says_so_and_a_reload_without_tls_does_nothing() {
    let server = Server::start_with(&config(), &Options::default(), app()).unwrap();
    let handle = server.handle();
    handle.reload().unwrap();
    assert!(!handle.is_draining());
    server.shutdown();
    assert!(handle.is_draining());
    server.wait().unwrap();
}

/// Its own source, which it wants the system to send if `wants`.
struct Sends {
    wants: Capabilities,
}

impl App for Sends {
    async fn call(&self, _: Environ, start_response: StartResponse) -> Result<Started, Error> {
        Ok(start_response.status(StatusCode::OK).body(Body::file(File::open(FILE)?)?))
    }

    fn requires(&self) -> Capabilities {
        self.wants
    }
}

#[test]
fn without_sendfile_files_are_copied_and_who_requires_it_is_refused() {
    let options = Options::default().sendfile(false);
    let wants = Sends { wants: Capabilities::SENDFILE };
    let error = Server::start_with(&config(), &options, wants).unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::MissingCapability);
    for options in [options, Options::default()] {
        let server = Server::start_with(&config(), &options, Sends { wants: Capabilities::NONE }).unwrap();
        let Endpoint::Tcp(address) = server.addresses()[0] else { panic!() };
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with(&std::fs::read_to_string(FILE).unwrap()));
        server.shutdown();
        server.wait().unwrap();
    }
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/start.rs");
