//! TLS by rustls: certificates from files, read at the start and again when told to, and the facts of a session.
//!
//! Not here: when a handshake has taken too long (`conn.rs`). Over TLS there are HTTP/2 and HTTP/1.1, whichever the
//! client prefers of them by ALPN (RFC 7301).
//!
//! Invariant: a reload that fails changes nothing; connections keep the session they were made with.

use std::borrow::Cow;
use std::io::{self, IoSlice};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use rsgi_core::bytes::Bytes;
use rsgi_core::server::{Config, HalfClose, ServeError, TlsFiles};
use rsgi_core::{Cause, Tls, TlsVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ProtocolVersion, RootCertStore, ServerConfig, ServerConnection};
use tokio_rustls::server::TlsStream;

use crate::socket::Socket;
use crate::transport::Stream;

/// What a server's TCP listeners do about TLS.
#[derive(Debug)]
pub(crate) struct Security(Option<Certified>);

#[derive(Debug)]
struct Certified {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

/// A socket, or TLS over one.
#[derive(Debug)]
pub(crate) enum Secured {
    Clear(Socket),
    Tls(Box<TlsStream<Socket>>),
}

impl Security {
    /// Reads the files, if the configuration names some.
    pub(crate) fn open(config: &Config) -> Result<Self, ServeError> {
        let Some(files) = &config.tls else { return Ok(Self(None)) };
        Ok(Self(Some(Certified { files: files.clone(), current: RwLock::new(server_config(files)?) })))
    }

    /// Reads the files again; new connections get what they hold now, and on an error what they held before.
    pub(crate) fn reload(&self) -> Result<(), ServeError> {
        if let Some(certified) = &self.0 {
            let config = server_config(&certified.files)?;
            *certified.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        }
        Ok(())
    }

    /// Makes the handshake, if there is TLS, and tells what came of it.
    pub(crate) async fn accept(&self, socket: Socket) -> io::Result<(Secured, Option<Tls>)> {
        let Some(certified) = &self.0 else { return Ok((Secured::Clear(socket), None)) };
        let config = Arc::clone(&certified.current.read().unwrap_or_else(PoisonError::into_inner));
        let stream = TlsAcceptor::from(config).accept(socket).await?;
        let facts = facts(stream.get_ref().1);
        Ok((Secured::Tls(Box::new(stream)), Some(facts)))
    }
}

impl From<Socket> for Secured {
    fn from(socket: Socket) -> Self {
        Self::Clear(socket)
    }
}

impl Stream for Secured {
    /// Only what came in the clear can be given back.
    fn unread(&mut self, bytes: Bytes) {
        match self {
            Self::Clear(socket) => socket.unread(bytes),
            Self::Tls(_) => {}
        }
    }

    fn poll_gone(&mut self, context: &mut Context<'_>, half_close: HalfClose) -> Poll<Cause> {
        match self {
            Self::Clear(socket) => socket.poll_gone(context, half_close),
            Self::Tls(stream) => stream.get_mut().0.poll_gone(context, half_close),
        }
    }

    fn reset(self) {
        match self {
            Self::Clear(socket) => socket.reset(),
            // An end without TLS's own `close_notify` is told from an orderly one.
            Self::Tls(_) => {}
        }
    }
}

impl AsyncRead for Secured {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Secured {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(socket) => Pin::new(socket).poll_write_vectored(context, parts),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(socket) => Pin::new(socket).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

fn facts(session: &ServerConnection) -> Tls {
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
        Some(ProtocolVersion::TLSv1_2) => TlsVersion::V1_2,
        other => TlsVersion::Other(other.map_or(0, u16::from)),
    };
    let cipher =
        session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or_default();
    // rustls says TLS13_AES_..., the registry TLS_AES_...
    let cipher =
        cipher.strip_prefix("TLS13_").map_or(Cow::Borrowed(cipher), |rest| format!("TLS_{rest}").into());
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
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
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

fn unreadable(path: &Path, what: &str, error: tokio_rustls::rustls::pki_types::pem::Error) -> ServeError {
    let problem = format!("this {what} can't be read: {error}");
    ServeError::certificate(path, problem, "give a PEM file that this user may read").with_source(error)
}

fn unusable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> ServeError {
    let problem = format!("it can't be used: {error}");
    ServeError::certificate(path, problem, "give a certificate and key of a kind that rustls takes")
        .with_source(error)
}

/// Gives the same certificate to every client.
#[derive(Debug)]
struct OneCertificate(Arc<CertifiedKey>);

impl ResolvesServerCert for OneCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}
