//! TLS at a TCP listener: what is agreed, what the app is told, and certificates that change while the server runs.

#![expect(clippy::unwrap_used, reason = "in its helpers too, a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rsgi_core::http::StatusCode;
use rsgi_core::server::{Config, ServeErrorKind, TlsFiles};
use rsgi_core::{Adapter, Endpoint, Environ, Error, Running, StartResponse, Started};
use rsgi_hyper::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Answers what it is told of the session.
async fn facts(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let tls = environ.tls().ok_or("no TLS")?;
    let alpn = tls.alpn.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    let text = format!(
        "{} {} {} {} {} {}",
        environ.scheme(),
        tls.version.as_str(),
        tls.cipher,
        tls.sni.as_deref().unwrap_or("-"),
        alpn,
        tls.client_certificates.len(),
    );
    Ok(start_response.status(StatusCode::OK).body(text))
}

/// A certificate authority, and the files of a server whose certificate it made.
struct Ground {
    folder: PathBuf,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Ground {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("rsgi-hyper-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
        let ground = Self { folder, authority };
        ground.issue("localhost");
        ground
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the server's certificate anew, for a name.
    fn issue(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.authority).unwrap();
        std::fs::write(self.path("certificate.pem"), certificate.pem()).unwrap();
        std::fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
    }

    fn files(&self) -> TlsFiles {
        TlsFiles::new(self.path("certificate.pem"), self.path("key.pem"))
    }

    /// Asks as a client that knows the authority, with ALPN and perhaps a certificate of its own.
    async fn ask(
        &self,
        running: &impl Running,
        name: &str,
        alpn: &[&str],
        with_certificate: bool,
    ) -> Result<String, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone())?;
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let mut config = if with_certificate {
            let key = KeyPair::generate()?;
            let certificate =
                CertificateParams::new(["client".to_owned()])?.signed_by(&key, &self.authority)?;
            let key = PrivateKeyDer::try_from(key.serialize_der())?;
            builder.with_client_auth_cert(vec![CertificateDer::from(certificate)], key)?
        } else {
            builder.with_no_client_auth()
        };
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let Endpoint::Tcp(address) = running.addresses()[0].clone() else {
            return Err("no TCP listener".into());
        };
        let stream = tokio::net::TcpStream::connect(address).await?;
        let name = ServerName::try_from(name.to_owned())?;
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer.rsplit("\r\n\r\n").next().unwrap_or_default().to_owned())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

fn start(files: TlsFiles) -> impl Running<Handle = rsgi_hyper::Handle> {
    Server::start(Config::new().bind("127.0.0.1:0").unwrap().tls(files), facts).unwrap()
}

#[tokio::test]
async fn the_app_is_told_the_facts_of_its_session() {
    let ground = Ground::new("facts");
    let running = start(ground.files());
    let answer = ground.ask(&running, "localhost", &["http/1.1"], false).await.unwrap();
    assert!(answer.starts_with("https TLSv1.3 TLS_"), "{answer}");
    assert!(answer.ends_with(" localhost http/1.1 0"), "{answer}");
}

#[tokio::test]
async fn client_certificates_are_required_where_authorities_are_named() {
    let ground = Ground::new("clients");
    let running = start(ground.files().with_client_authorities(ground.path("authority.pem")));
    assert!(ground.ask(&running, "localhost", &[], true).await.unwrap().ends_with(" 1"));
    assert!(ground.ask(&running, "localhost", &[], false).await.is_err());
}

#[tokio::test]
async fn certificates_are_read_again_and_a_bad_one_changes_nothing() {
    let ground = Ground::new("reload");
    let running = start(ground.files());
    let handle = running.handle();
    ground.issue("example.test");
    assert!(ground.ask(&running, "example.test", &[], false).await.is_err(), "it has the old one yet");
    handle.reload().unwrap();
    assert!(ground.ask(&running, "example.test", &[], false).await.is_ok());

    std::fs::write(ground.path("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let error = handle.reload().unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::Certificate);
    assert!(error.to_string().contains("certificate.pem"), "{error}");
    assert!(ground.ask(&running, "example.test", &[], false).await.is_ok(), "the old one stays");
}

#[test]
fn a_bad_file_is_named_at_the_start() {
    let ground = Ground::new("bad");
    let refused = |files| {
        let config = Config::new().bind("127.0.0.1:0").unwrap().tls(files);
        Server::start(config, facts).map(drop).unwrap_err()
    };
    let error = refused(TlsFiles::new(ground.path("none.pem"), ground.path("key.pem")));
    assert_eq!(error.kind(), ServeErrorKind::Certificate);
    assert!(error.to_string().contains("none.pem"), "{error}");
    let error = refused(TlsFiles::new(ground.path("certificate.pem"), Path::new("/dev/null")));
    assert!(error.to_string().contains("/dev/null"), "{error}");
}
