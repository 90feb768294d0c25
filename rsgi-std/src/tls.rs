//! TLS by rustls: certificates from files, read at the start and again when told to; sessions; the facts of one.
//!
//! Not here: when a handshake has taken too long (`open.rs`). What is spoken inside is HTTP/1.1 alone, and ALPN says so
//! (RFC 7301). Its twin is `no_tls.rs`.
//!
//! Invariant: a reload that fails changes nothing; connections keep the session they were made with; a session's lock is
//! never held while anybody waits.

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use rsgi_core::server::{ServeError, TlsFiles};
use rsgi_core::{Tls, TlsVersion};
use rsgi_threads::Stream;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ProtocolVersion, RootCertStore, ServerConfig, ServerConnection};

/// The certificate of a server's listeners.
#[derive(Debug)]
pub(crate) struct Certificates {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

/// One connection's session. Clones share it.
#[derive(Clone)]
pub(crate) struct Session(Arc<Mutex<ServerConnection>>);

impl Certificates {
    /// Reads the files.
    pub(crate) fn open(files: &TlsFiles) -> Result<Self, ServeError> {
        Ok(Self { files: files.clone(), current: RwLock::new(server_config(files)?) })
    }

    /// Reads the files again; new connections get what they hold now, and on an error what they held before.
    pub(crate) fn reload(&self) -> Result<(), ServeError> {
        let config = server_config(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Begins a session.
    pub(crate) fn session(&self) -> io::Result<Session> {
        let config = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
        connection.set_buffer_limit(Some(SEALED));
        Ok(Session(Arc::new(Mutex::new(connection))))
    }
}

impl Session {
    fn lock(&self) -> MutexGuard<'_, ServerConnection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with the handshake; its facts once it is over.
    pub(crate) fn shake_hands(&self, stream: &Stream) -> io::Result<Option<Tls>> {
        let mut session = self.lock();
        loop {
            let sent = send(&mut session, stream)?;
            if !session.is_handshaking() {
                return Ok(Some(facts(&session)));
            }
            if !sent || !receive(&mut session, stream)? {
                return Ok(None);
            }
        }
    }

    /// Tells whether the handshake waits for room to write.
    pub(crate) fn wants_write(&self) -> bool {
        self.lock().wants_write()
    }

    /// Takes sealed bytes that were read already.
    pub(crate) fn feed(&self, mut bytes: &[u8]) -> io::Result<()> {
        let mut session = self.lock();
        while !bytes.is_empty() {
            session.read_tls(&mut bytes)?;
            session
                .process_new_packets()
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
        Ok(())
    }

    /// Reads what there is; 0 is the peer's end, told properly.
    pub(crate) fn read(&self, stream: &Stream, buffer: &mut [u8]) -> io::Result<usize> {
        let mut session = self.lock();
        loop {
            match session.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            let received = receive(&mut session, stream)?;
            // A request for new keys is answered along the way.
            send(&mut session, stream)?;
            if !received {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }

    /// Takes bytes to be sealed, as many as its buffer has room for.
    pub(crate) fn write(&self, stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
        self.write_parts(stream, [bytes, &[], &[]])
    }

    /// Takes pieces to be sealed, as many bytes as its buffer has room for, and sends them.
    pub(crate) fn write_parts(&self, stream: &Stream, parts: [&[u8]; 3]) -> io::Result<usize> {
        let mut session = self.lock();
        let mut taken = 0;
        for part in parts {
            let mut rest = part;
            while !rest.is_empty() {
                let here = session.writer().write(rest)?;
                taken += here;
                rest = &rest[here..];
                if rest.is_empty() {
                    break;
                }
                // A full buffer takes nothing, but once the system has all of it there is room again: whoever stopped
                // there would wait for a socket that has room already, and isn't told of it a second time.
                let stuck = here == 0 && !session.wants_write();
                if !send(&mut session, stream)? || stuck {
                    return if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) };
                }
            }
        }
        send(&mut session, stream)?;
        Ok(taken)
    }

    /// Sends what is sealed; tells whether the system has all of it.
    pub(crate) fn flush(&self, stream: &Stream) -> io::Result<bool> {
        send(&mut self.lock(), stream)
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&self, stream: &Stream) -> io::Result<()> {
        let mut session = self.lock();
        session.send_close_notify();
        send(&mut session, stream).map(drop)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Session(..)")
    }
}

/// Sends sealed bytes; tells whether the system took all of them.
fn send(session: &mut ServerConnection, stream: &Stream) -> io::Result<bool> {
    let mut stream = stream;
    while session.wants_write() {
        match session.write_tls(&mut stream) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Reads sealed bytes once and opens them; tells whether there were any (an end counts).
fn receive(session: &mut ServerConnection, stream: &Stream) -> io::Result<bool> {
    let mut source = stream;
    match session.read_tls(&mut source) {
        Ok(0) if session.is_handshaking() => return Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
        Err(error) => return Err(error),
    }
    if let Err(error) = session.process_new_packets() {
        // The alert that says why.
        let _unsent = send(session, stream);
        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
    }
    Ok(true)
}

fn facts(session: &ServerConnection) -> Tls {
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
        Some(ProtocolVersion::TLSv1_2) => TlsVersion::V1_2,
        other => TlsVersion::Other(other.map_or(0, u16::from)),
    };
    let cipher = session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    let cipher = cipher.unwrap_or_default();
    // rustls says TLS13_AES_..., the registry TLS_AES_...
    let cipher =
        cipher.strip_prefix("TLS13_").map_or_else(|| cipher.to_owned(), |rest| format!("TLS_{rest}"));
    let mut tls = Tls::new(version, cipher);
    tls.sni = session.server_name().map(str::to_owned);
    tls.alpn = session.alpn_protocol().map(Bytes::copy_from_slice);
    let certificates = session.peer_certificates().unwrap_or_default();
    tls.client_certificates = certificates.iter().map(|der| Bytes::copy_from_slice(der)).collect();
    tls
}

fn server_config(files: &TlsFiles) -> Result<Arc<ServerConfig>, ServeError> {
    let provider = Arc::new(ring::default_provider());
    let resolver = Arc::new(OneCertificate(certified_key(files, &provider)?));
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&files.certificate, error))?;
    let mut config = match &files.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path, "list of client authorities")? {
                roots.add(certificate).map_err(|error| unusable(path, error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| unusable(path, error))?;
            builder.with_client_cert_verifier(verifier)
        }
    }
    .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certified_key(files: &TlsFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, ServeError> {
    let chain = certificates(&files.certificate, "certificate")?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| unreadable(&files.key, "private key", error))?;
    let key = provider.key_provider.load_private_key(key).map_err(|error| unusable(&files.key, error))?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|error| {
        let problem = format!("it doesn't belong to the key {}", files.key.display());
        ServeError::certificate(&files.certificate, problem, "give the key that the certificate was made for")
            .with_source(error)
    })?;
    Ok(Arc::new(certified))
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(path, what, error))?;
    if certificates.is_empty() {
        let problem = format!("there is no PEM certificate in this {what}");
        return Err(ServeError::certificate(path, problem, "give a file with a BEGIN CERTIFICATE line"));
    }
    Ok(certificates)
}

fn unreadable(path: &Path, what: &str, error: pem::Error) -> ServeError {
    let problem = format!("this {what} can't be read: {error}");
    ServeError::certificate(path, problem, "give a PEM file that this user may read").with_source(error)
}

fn unusable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> ServeError {
    let problem = format!("it can't be used: {error}");
    let remedy = "give a certificate and key of a kind that rustls takes";
    ServeError::certificate(path, problem, remedy).with_source(error)
}

/// Gives the same certificate to every client.
#[derive(Debug)]
struct OneCertificate(Arc<CertifiedKey>);

impl ResolvesServerCert for OneCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Whether this build speaks TLS.
pub(crate) const HERE: bool = true;

/// Bytes that a session holds unsent, at most.
const SEALED: usize = 64 * 1024;
