//! TLS as a client sees it: the handshake, its facts, large answers, certificates read again, and bad clients.
//!
//! The client is rustls itself over a plain socket. The certificates are in `data`.
#![cfg(feature = "tls")]
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Config, ServeErrorKind, TlsFiles};
use rsgi_core::{Adapter, App, Body, Endpoint, Running, TlsVersion, app_fn};
use rsgi_std::Server;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion, version};

type Client = StreamOwned<ClientConnection, TcpStream>;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn files() -> TlsFiles {
    TlsFiles::new(data("first.pem"), data("first.key"))
}

fn serve(app: impl App, files: TlsFiles) -> Server {
    let config = Config::new().bind("127.0.0.1:0").unwrap().threads(2).tls(files);
    Server::start(config.timeouts(|timeouts| timeouts.handshake = Some(Duration::from_millis(300))), app)
        .unwrap()
}

fn socket(server: &Server) -> TcpStream {
    let Endpoint::Tcp(address) = server.addresses()[0] else { panic!("it listens on TCP") };
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

fn client_config(versions: &[&'static SupportedProtocolVersion], with_certificate: bool) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(data("authority.pem")).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = if with_certificate {
        let chain = vec![CertificateDer::from_pem_file(data("client.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(data("client.key")).unwrap();
        builder.with_client_auth_cert(chain, key).unwrap()
    } else {
        builder.with_no_client_auth()
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

fn connect(server: &Server, config: ClientConfig) -> Client {
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket(server))
}

fn plain_client(server: &Server) -> Client {
    connect(server, client_config(&[&version::TLS13], false))
}

/// One answer that ends with its declared length.
fn ask(client: &mut Client, target: &str) -> Vec<u8> {
    write!(client, "GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = client.read(&mut buffer).unwrap();
        assert!(read > 0, "the connection ended after {} bytes", answer.len());
        answer.extend_from_slice(&buffer[..read]);
        let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&answer[..head]).into_owned();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if answer.len() == head + 4 + length.parse::<usize>().unwrap() {
            return answer.split_off(head + 4);
        }
    }
}

#[test]
fn the_facts_of_a_session_reach_the_app() {
    let app = app_fn(|environ, start_response| async move {
        let tls = environ.tls().unwrap();
        let alpn = tls.alpn.as_ref().map(|alpn| String::from_utf8_lossy(alpn).into_owned());
        let text = format!(
            "{} {} {:?} {:?} {} {}",
            tls.version.as_str(),
            tls.cipher,
            tls.sni,
            alpn,
            tls.client_certificates.len(),
            environ.scheme()
        );
        Ok(start_response.status(StatusCode::OK).body(text))
    });
    let server = serve(app, files());
    for (version, name, cipher) in [
        (&version::TLS13, TlsVersion::V1_3, "TLS_AES_256_GCM_SHA384"),
        (&version::TLS12, TlsVersion::V1_2, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    ] {
        let mut client = connect(&server, client_config(&[version], false));
        let expected = format!(r#"{} {cipher} Some("localhost") Some("http/1.1") 0 https"#, name.as_str());
        assert_eq!(String::from_utf8_lossy(&ask(&mut client, "/")), expected);
    }
}

#[test]
fn large_bodies_of_every_kind_arrive_whole() {
    let content: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let file = std::env::temp_dir().join(format!("rsgi-std-tls-{}", std::process::id()));
    std::fs::write(&file, &content).unwrap();
    let (held, path) = (content.clone(), file.clone());
    let app = app_fn(move |environ, start_response| {
        let (content, path) = (held.clone(), path.clone());
        async move {
            let body = match environ.path_info() {
                "/memory" => Body::from(content),
                "/file" => Body::file(std::fs::File::open(path)?)?,
                _ => {
                    let length = content.len() as u64;
                    let pieces: Vec<_> = content.chunks(10_000).map(<[u8]>::to_vec).collect();
                    Body::iter(pieces).with_length(length)
                }
            };
            Ok(start_response.status(StatusCode::OK).body(body))
        }
    });
    let server = serve(app, files());
    let mut client = plain_client(&server);
    for target in ["/memory", "/file", "/pieces"] {
        assert!(ask(&mut client, target) == content, "{target}");
    }
    std::fs::remove_file(file).unwrap();
}

/// A session holds so much sealed and no more. It took nothing while that was full, and when the system then had all of
/// it, it still said that there was no room: nobody tells of room twice, so an answer of 8 MiB got stuck half-way.
#[test]
fn an_answer_far_larger_than_every_buffer_does_not_get_stuck() {
    static CONTENT: &[u8] = &[b'b'; 16 << 20];
    let app = app_fn(|_, start_response| async move {
        Ok(start_response.status(StatusCode::OK).body(Body::from(CONTENT)))
    });
    let server = serve(app, files());
    let mut client = plain_client(&server);
    for _ in 0..4 {
        assert!(ask(&mut client, "/") == CONTENT);
    }
}

#[test]
fn a_certificate_is_read_again_and_a_bad_one_changes_nothing() {
    let folder = std::env::temp_dir().join(format!("rsgi-std-certificate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("it.pem"), folder.join("it.key"));
    let install = |name: &str| {
        std::fs::copy(data(&format!("{name}.pem")), &certificate).unwrap();
        std::fs::copy(data(&format!("{name}.key")), &key).unwrap();
    };
    install("first");
    let app = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("ok")) });
    let server = serve(app, TlsFiles::new(&certificate, &key));
    let shown = || {
        let mut client = plain_client(&server);
        assert_eq!(ask(&mut client, "/"), b"ok");
        client.conn.peer_certificates().unwrap()[0].clone()
    };
    let expected = |name: &str| CertificateDer::from_pem_file(data(name)).unwrap();
    assert_eq!(shown(), expected("first.pem"));
    install("second");
    assert_eq!(shown(), expected("first.pem"), "not before it is told to");
    server.handle().reload().unwrap();
    assert_eq!(shown(), expected("second.pem"));
    std::fs::write(&certificate, "no certificate").unwrap();
    let error = server.handle().reload().unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::Certificate);
    assert!(error.to_string().contains("it.pem"), "{error}");
    assert_eq!(shown(), expected("second.pem"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn client_certificates_are_required_where_authorities_are_named() {
    let app = app_fn(|environ, start_response| async move {
        let shown = environ.tls().unwrap().client_certificates.len();
        Ok(start_response.status(StatusCode::OK).body(shown.to_string()))
    });
    let server = serve(app, files().with_client_authorities(data("authority.pem")));
    let mut client = connect(&server, client_config(&[&version::TLS13], true));
    assert_eq!(ask(&mut client, "/"), b"1");
    let mut nobody = plain_client(&server);
    let mut rest = Vec::new();
    let refused =
        write!(nobody, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").and_then(|()| nobody.read_to_end(&mut rest));
    assert!(refused.is_err() && rest.is_empty(), "{refused:?}");
}

#[test]
fn a_client_that_speaks_no_tls_is_let_go() {
    let app = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("ok")) });
    let server = serve(app, files());
    let mut clear = socket(&server);
    clear.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    // An alert, or a reset: never an answer.
    let _end = clear.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    let mut silent = socket(&server);
    assert_eq!(silent.read(&mut [0; 8]).unwrap(), 0, "the handshake has its time");
}
