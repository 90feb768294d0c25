//! TLS as a client's wire, and the certificates of both sides, made anew for each process.
//!
//! The client is rustls, which a server may use as well: what is tested is how it is driven. Its end isn't announced, as
//! most clients don't.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rsgi_core::server::TlsFiles;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion, version};

use super::{RawClient, Wire};
use crate::suite::folder::Folder;

/// What a client offers.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "cases write it down")]
pub struct Hello {
    /// The versions.
    pub versions: &'static [&'static SupportedProtocolVersion],
    /// The application protocols (RFC 7301).
    pub protocols: &'static [&'static str],
    /// Whether it shows a certificate.
    pub certificate: bool,
}

/// TLS 1.3 and HTTP/1.1, as most clients of today do.
pub const USUAL: Hello = Hello { versions: &[&version::TLS13], protocols: &["http/1.1"], certificate: false };

/// TLS 1.2.
pub const OLDER: Hello = Hello { versions: &[&version::TLS12], ..USUAL };

/// The files of both sides, signed by one authority.
#[derive(Debug)]
pub struct Certificates(Folder);

/// TLS over a socket.
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

/// The certificates of this process.
pub fn certificates() -> &'static Certificates {
    static MADE: OnceLock<Certificates> = OnceLock::new();
    MADE.get_or_init(Certificates::make)
}

impl Certificates {
    fn make() -> Self {
        let folder = Folder::new();
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let write = |name: &str, text: String| std::fs::write(folder.file(name), text).expect("a file");
        write("authority.pem", authority.pem());
        for name in ["server", "client"] {
            let key = KeyPair::generate().expect("a key");
            let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
            write(&format!("{name}.pem"), params.signed_by(&key, &authority).expect("signed").pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Self(folder)
    }

    /// What the server is given.
    pub fn server(&self) -> TlsFiles {
        TlsFiles::new(self.0.file("server.pem"), self.0.file("server.key"))
    }

    /// The authority, as a file.
    pub fn authority(&self) -> PathBuf {
        self.0.file("authority.pem")
    }

    /// The client's certificate.
    pub fn client(&self) -> CertificateDer<'static> {
        certificate(&self.0.file("client.pem"))
    }
}

/// Connects.
pub fn connect(address: SocketAddr, hello: &Hello) -> RawClient {
    let certificates = certificates();
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&certificates.authority())).expect("a good authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(hello.versions);
    let builder = builder.expect("versions that the provider has").with_root_certificates(roots);
    let mut config = if hello.certificate {
        let key = PrivateKeyDer::from_pem_file(certificates.0.file("client.key")).expect("a key");
        builder.with_client_auth_cert(vec![certificates.client()], key).expect("a pair")
    } else {
        builder.with_no_client_auth()
    };
    config.alpn_protocols = hello.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a session");
    let stream = TcpStream::connect(address).expect("connects");
    stream.set_nodelay(true).expect("a TCP socket");
    RawClient::over(Encrypted(StreamOwned::new(connection, stream)))
}

fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).expect("a certificate")
}
