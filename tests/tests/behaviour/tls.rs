//! TLS at a listener: its facts in the environ, and the same behaviour over it as in the clear.
//!
//! The client is rustls, which both adapters use as well: what is tested is how they drive it. The certificates are
//! those of rsgi-std's own tests.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::TlsFiles;
use rsgi_core::{App, Body, Cause, Delivery, Environ, Scheme, StartResponse, TlsVersion, app_fn};
use rsgi_tests::bytes::{get, noise, post, request};
use rsgi_tests::deadline::events;
use rsgi_tests::frames::{flag, headers, kind, preface, read_until, request as http2};
use rsgi_tests::probe::{OnDrop, app, tell_outcome, watching};
use rsgi_tests::{Client, On, Server, Wire, mount};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion, version};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../rsgi-std/tests/data").join(name)
}

fn files() -> TlsFiles {
    TlsFiles::new(data("first.pem"), data("first.key"))
}

fn serve(on: On, app: impl App) -> Server {
    on.serve_with(app, |config| config.tls(files()))
}

/// TLS as a client's wire. Its end isn't announced, as most clients don't.
struct Encrypted(StreamOwned<ClientConnection, TcpStream>);

impl Read for Encrypted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Encrypted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Wire for Encrypted {
    fn socket(&self) -> BorrowedFd<'_> {
        self.0.sock.as_fd()
    }
}

struct Hello {
    versions: &'static [&'static SupportedProtocolVersion],
    protocols: &'static [&'static str],
    certificate: bool,
}

const USUAL: Hello = Hello { versions: &[&version::TLS13], protocols: &["http/1.1"], certificate: false };

const OLDER: Hello = Hello { versions: &[&version::TLS12], ..USUAL };

fn connect(address: SocketAddr, hello: &Hello) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(data("authority.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_protocol_versions(hello.versions).unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = if hello.certificate {
        let chain = vec![CertificateDer::from_pem_file(data("client.pem")).unwrap()];
        builder
            .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(data("client.key")).unwrap())
            .unwrap()
    } else {
        builder.with_no_client_auth()
    };
    config.alpn_protocols = hello.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    Client::over(Encrypted(StreamOwned::new(connection, stream)))
}

/// rule(17, 26)
fn the_facts_of_tls_are_told(on: On) {
    let (app, seen) = watching();
    let server = serve(on, app);
    for (hello, expected) in [(USUAL, TlsVersion::V1_3), (OLDER, TlsVersion::V1_2)] {
        let mut client = connect(server.address(), &hello);
        assert_eq!(client.ask(get("/a")).status(), 200);
        let seen = seen.next("the request");
        let tls = seen.tls.clone().unwrap();
        assert_eq!((tls.version, tls.sni.as_deref()), (expected, Some("localhost")));
        assert_eq!(tls.alpn.as_deref(), Some(b"http/1.1".as_slice()));
        assert!(tls.cipher.starts_with("TLS_") && tls.client_certificates.is_empty(), "{tls:?}");
        assert_eq!((seen.scheme, seen.url.as_str()), (Scheme::Https, "https://test/a"));
        assert_eq!(seen.var("HTTPS"), Some("on"));
    }
}

/// rule(26)
fn the_clients_certificate_is_told_and_required(on: On) {
    let (app, seen) = watching();
    let server =
        on.serve_with(app, |config| config.tls(files().with_client_authorities(data("authority.pem"))));
    let mut client = connect(server.address(), &Hello { certificate: true, ..USUAL });
    assert_eq!(client.ask(get("/")).status(), 200);
    let shown = seen.next("the request").tls.unwrap().client_certificates;
    assert_eq!(shown[0].as_ref(), CertificateDer::from_pem_file(data("client.pem")).unwrap().as_ref());
    let mut without = connect(server.address(), &USUAL);
    let _refused_here_or_later = without.try_send(get("/"));
    assert!(without.try_answer("GET").is_err(), "no certificate, no answer");
    assert!(seen.try_next().is_none());
}

/// rule(46, 56, 98, 101): what is read and written in records of TLS is the same.
fn bodies_of_every_kind_arrive_whole(on: On) {
    let path = std::env::temp_dir().join(format!("rsgi-tls-{on:?}-{}", std::process::id()));
    let content = noise(1 << 20);
    std::fs::write(&path, &content).unwrap();
    let (file, whole) = (path.clone(), content.clone());
    let server = serve(
        on,
        app_fn(move |mut environ: Environ, start_response: StartResponse| {
            let (file, whole) = (file.clone(), whole.clone());
            async move {
                let body = match environ.path_info() {
                    "/file" => Body::file(std::fs::File::open(file)?)?,
                    "/iter" => Body::iter(whole.chunks(9_999).map(<[u8]>::to_vec).collect::<Vec<_>>()),
                    "/echo" => Body::from(environ.input_mut().collect(u64::MAX).await?),
                    _ => Body::from(whole),
                };
                Ok(start_response.status(StatusCode::OK).body(body))
            }
        }),
    );
    let mut client = connect(server.address(), &USUAL);
    for target in ["/bytes", "/iter", "/file"] {
        assert!(client.ask(get(target)).body == content, "{target}");
    }
    assert!(client.ask(post("/echo", &content)).body == content);
    std::fs::remove_file(path).unwrap();
}

/// rule(126)
fn pipelined_requests_in_one_record_are_answered(on: On) {
    let server = serve(on, rsgi_tests::probe::target());
    let mut client = connect(server.address(), &USUAL);
    client.send([get("/1"), get("/2"), get("/3")].concat());
    for target in ["/1", "/2", "/3"] {
        assert_eq!(client.answer().text(), target);
    }
}

/// rule(115)
fn a_client_that_leaves_is_seen(on: On) {
    let (teller, steps) = events();
    let (outcome_teller, outcomes) = events();
    let server = serve(
        on,
        app_fn(move |environ: Environ, _: StartResponse| {
            let (teller, outcome_teller) = (teller.clone(), outcome_teller.clone());
            async move {
                tell_outcome(&environ, &outcome_teller);
                let _held = OnDrop::new("dropped", &teller);
                teller.tell("running");
                std::future::pending().await
            }
        }),
    );
    let mut client = connect(server.address(), &USUAL);
    client.send(get("/"));
    assert_eq!(steps.next("the app"), "running");
    drop(client);
    assert_eq!(steps.next("the drop of the app's future"), "dropped");
    let delivery = outcomes.next("the outcome").delivery;
    assert!(matches!(delivery, Delivery::Aborted(Cause::Closed | Cause::Reset)), "{delivery:?}");
}

/// rule(140)
fn an_upgrade_works_over_tls(on: On) {
    let server = serve(
        on,
        app(|mut environ: Environ, start_response: StartResponse| {
            let upgrade = environ.upgrade()?.ok_or("no offer")?;
            let body = Body::duplex(environ.take_input(), async |mut input, sender| {
                while let Some(piece) = input.piece().await {
                    sender.send(piece?).await?;
                }
                Ok(())
            });
            Ok(start_response.upgrade(upgrade, "echo")?.body(body))
        }),
    );
    let mut client = connect(server.address(), &USUAL);
    client.send(request("GET", "/", &[("connection", "upgrade"), ("upgrade", "echo")], b"early"));
    assert_eq!(client.head().status, 101);
    assert_eq!(client.bytes(5), b"early");
    assert_eq!(client.send("late").bytes(4), b"late");
}

/// rule(130): who doesn't shake hands is let go, and disturbs nobody.
fn a_client_without_tls_is_let_go(on: On) {
    let soon = Some(Duration::from_millis(250));
    let server = on.serve_with(rsgi_tests::probe::target(), |config| {
        config.tls(files()).timeouts(|timeouts| timeouts.handshake = soon)
    });
    let mut silent = server.client();
    let mut plain = server.client();
    plain.send(get("/"));
    let mut good = connect(server.address(), &USUAL);
    assert_eq!(good.ask(get("/good")).text(), "/good");
    let (rest, _) = plain.rest();
    assert!(!rest.starts_with(b"HTTP/"), "an alert of TLS, or nothing");
    silent.rest();
}

/// rule(131)
fn an_idle_connection_is_closed_by_the_graceful_end(on: On) {
    let server = serve(on, rsgi_tests::probe::target());
    let mut client = connect(server.address(), &USUAL);
    assert_eq!(client.ask(get("/a")).text(), "/a");
    server.stop();
    client.expect_closed();
}

/// rule(16, 26): ALPN chooses the protocol among those that the server speaks.
fn alpn_chooses_the_protocol(on: On) {
    let (app, seen) = watching();
    let server = serve(on, app);
    let mut client = connect(server.address(), &Hello { protocols: &["h2", "http/1.1"], ..USUAL });
    if on.is_std() {
        assert_eq!(client.ask(get("/a")).status(), 200);
        assert_eq!(seen.next("the request").version, "HTTP/1.1");
        return;
    }
    let mut fields = http2("GET", "/a");
    fields[1].1 = "https";
    client.send([preface(), headers(1, flag::END_STREAM, &fields)].concat());
    read_until(&mut client, |frame| frame.stream == 1 && frame.kind == kind::HEADERS);
    let seen = seen.next("the request");
    assert_eq!((seen.version.as_str(), seen.scheme), ("HTTP/2.0", Scheme::Https));
    assert_eq!(seen.tls.unwrap().alpn.as_deref(), Some(b"h2".as_slice()));
}

mount!(
    the_facts_of_tls_are_told,
    the_clients_certificate_is_told_and_required,
    bodies_of_every_kind_arrive_whole,
    pipelined_requests_in_one_record_are_answered,
    a_client_that_leaves_is_seen,
    an_upgrade_works_over_tls,
    a_client_without_tls_is_let_go,
    an_idle_connection_is_closed_by_the_graceful_end,
    alpn_chooses_the_protocol,
);
