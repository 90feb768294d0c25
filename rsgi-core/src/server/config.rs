//! The settings that every adapter takes, with a builder that reads as a sentence.
//!
//! What only one adapter has (how hyper uses the cores, say) is a setting of that adapter, not of this type.
//! Nothing here is read from files, flags or the environment: that is the launcher's part.
//!
//! Invariant: a default [`Config`] is safe on the open internet and trusts nobody.
//!
//! Where next: `check.rs`, the rules between settings.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use http::HeaderValue;

use super::bind::Bind;
use super::error::ServeError;
use super::limits::Limits;
use super::timeouts::Timeouts;
use crate::proxy_protocol::ProxyProtocol;
use crate::trust::Trust;

/// Says where and how to serve.
///
/// # Examples
///
/// ```
/// use rsgi_core::server::Config;
///
/// let config = Config::new()
///     .bind("127.0.0.1:8000")?
///     .bind("unix:run/app.sock")?
///     .threads(8)
///     .limits(|limits| limits.body_bytes = Some(1 << 30));
/// config.check()?;
/// # Ok::<(), rsgi_core::server::ServeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen. Default: nowhere named, which [`listeners`](Self::listeners) reads as
    /// `127.0.0.1:8000`.
    pub binds: Vec<Bind>,
    /// The mode of unix sockets that are made, such as `0o660`. Default: what the process's umask leaves.
    ///
    /// Set it to let a proxy of the same group in and everybody else not.
    pub unix_mode: Option<u32>,
    /// Connections that the kernel queues for each listener. Default: 1,024; the system may lower it.
    ///
    /// Raise it, with `net.core.somaxconn`, where many clients come at once.
    pub backlog: Backlog,
    /// Whether other processes may listen at the same TCP address. Default: no.
    pub port_sharing: PortSharing,
    /// How many threads run the application. Default: the adapter's choice, told in its documentation.
    ///
    /// Raise it where blocking handlers wait much (databases); lower it where they only compute.
    pub threads: Option<NonZeroUsize>,
    /// How much is taken from a client.
    pub limits: Limits,
    /// How long a client may take.
    pub timeouts: Timeouts,
    /// Whose word about the client is believed. Default: nobody's.
    pub trust: Trust,
    /// Whether trusted peers begin with a PROXY protocol header. Default: off.
    pub proxy_protocol: ProxyProtocol,
    /// What a client's end of stream means while its request is being answered. Default: it is gone.
    pub half_close: HalfClose,
    /// The `Server` field of answers. Default: none, which saves bytes and tells attackers nothing.
    pub server_field: ServerField,
    /// Certificate and key; with them every TCP listener speaks TLS. Default: none.
    pub tls: Option<TlsFiles>,
    /// Whether other processes may serve the same application meanwhile. Default: none does.
    ///
    /// Say so where they do, as under a pre-fork master: applications keep less in memory then.
    pub processes: Processes,
}

/// The length of the queue that the kernel keeps for a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Backlog(
    /// Connections, at least 1.
    pub u32,
);

/// Says whether a TCP address is shared with other listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortSharing {
    /// The address is ours alone; a second server is told that it is in use.
    #[default]
    Exclusive,
    /// `SO_REUSEPORT`: the kernel spreads connections over all who listen. Those queued for a listener that
    /// closes may be lost, and a forgotten old server goes on answering a share: choose it knowingly.
    Shared,
}

/// Says whether this process serves the application alone (PEP 3333, `wsgi.multiprocess`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Processes {
    /// No other process serves it.
    #[default]
    One,
    /// Others may, at any time.
    Several,
}

/// Says what it means when a client ends its direction of the connection while an answer is being made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HalfClose {
    /// The client is gone: the disconnect token fires and an async app's future is dropped. Nearly every
    /// client that ends its direction has closed both, and nothing tells the two apart.
    #[default]
    Gone,
    /// The answer is still sent, and only a reset counts as gone. For clients that do half-close, such as
    /// `nc -N`; work for clients that really left is then done in vain.
    Answered,
}

/// Says what the `Server` field of answers is. An application that sets its own always wins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerField {
    /// None is added.
    #[default]
    Off,
    /// This value is added where the application has none.
    Named(HeaderValue),
}

/// Names the files of a TLS listener, all PEM. Adapters read them at the start, and again when told to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The certificates, the server's own first, then those that vouch for it.
    pub certificate: PathBuf,
    /// The private key of the first certificate.
    pub key: PathBuf,
    /// The authorities whose client certificates are accepted, and then required. Default: none are asked
    /// for.
    pub client_authorities: Option<PathBuf>,
}

impl Config {
    /// Starts with every default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a listener in text form; see [`Bind`] for the forms.
    ///
    /// # Errors
    ///
    /// A `BadSetting` that names the value and what to write instead.
    pub fn bind(self, listener: &str) -> Result<Self, ServeError> {
        Ok(self.listen(listener.parse::<Bind>()?))
    }

    /// Adds a listener.
    #[must_use]
    pub fn listen(mut self, listener: impl Into<Bind>) -> Self {
        self.binds.push(listener.into());
        self
    }

    /// Sets the mode of unix sockets that are made.
    #[must_use]
    pub fn unix_mode(mut self, mode: u32) -> Self {
        self.unix_mode = Some(mode);
        self
    }

    /// Sets the length of the kernel's queue for each listener.
    #[must_use]
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = Backlog(connections);
        self
    }

    /// Sets whether other processes may listen at the same TCP address.
    #[must_use]
    pub fn port_sharing(mut self, sharing: PortSharing) -> Self {
        self.port_sharing = sharing;
        self
    }

    /// Sets how many threads run the application; 0 leaves the choice to the adapter.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = NonZeroUsize::new(threads);
        self
    }

    /// Changes limits in place.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Changes timeouts in place.
    #[must_use]
    pub fn timeouts(mut self, change: impl FnOnce(&mut Timeouts)) -> Self {
        change(&mut self.timeouts);
        self
    }

    /// Sets whose word about the client is believed.
    #[must_use]
    pub fn trust(mut self, policy: Trust) -> Self {
        self.trust = policy;
        self
    }

    /// Sets whether trusted peers begin with a PROXY protocol header.
    #[must_use]
    pub fn proxy_protocol(mut self, versions: ProxyProtocol) -> Self {
        self.proxy_protocol = versions;
        self
    }

    /// Sets what a client's end of stream means while its request is being answered.
    #[must_use]
    pub fn half_close(mut self, meaning: HalfClose) -> Self {
        self.half_close = meaning;
        self
    }

    /// Sets the `Server` field of answers.
    #[must_use]
    pub fn server_field(mut self, field: ServerField) -> Self {
        self.server_field = field;
        self
    }

    /// Serves TLS at every TCP listener.
    #[must_use]
    pub fn tls(mut self, files: TlsFiles) -> Self {
        self.tls = Some(files);
        self
    }

    /// Sets whether other processes may serve the same application meanwhile.
    #[must_use]
    pub fn processes(mut self, processes: Processes) -> Self {
        self.processes = processes;
        self
    }

    /// Returns where to listen: `binds`, or `127.0.0.1:8000` if there is none.
    pub fn listeners(&self) -> Vec<Bind> {
        if self.binds.is_empty() {
            return vec![Bind::Tcp { host: "127.0.0.1".to_owned(), port: 8000 }];
        }
        self.binds.clone()
    }
}

impl Default for Backlog {
    fn default() -> Self {
        Self(1024)
    }
}

impl TlsFiles {
    /// Names the certificate chain and its key.
    pub fn new(certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        let (certificate, key) = (certificate.as_ref().to_owned(), key.as_ref().to_owned());
        Self { certificate, key, client_authorities: None }
    }

    /// Requires client certificates signed by one of these authorities.
    #[must_use]
    pub fn with_client_authorities(mut self, authorities: impl AsRef<Path>) -> Self {
        self.client_authorities = Some(authorities.as_ref().to_owned());
        self
    }
}
