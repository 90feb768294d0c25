//! Where a server listens, and what a client of another process asks the probe there.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;

use rsgi_core::Capabilities;

use super::ground::Difference;
use super::probe::{FIELD, Facts};
use crate::wire::{RawClient, bytes};

/// Where a server listens.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "the two kinds of stream socket")]
pub enum Reach {
    /// On TCP.
    Tcp(SocketAddr),
    /// On a unix socket.
    Unix(PathBuf),
}

/// A server of another process that hosts the probe.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever knows where the server is")]
pub struct Endpoint {
    /// Where it listens.
    pub reach: Reach,
    /// Where the probe is mounted; empty for the root.
    pub prefix: String,
}

/// An endpoint as a subject of the suite, with what is known of whatever stands in front of it.
///
/// # Examples
///
/// ```
/// use rsgi_core::Capabilities;
/// use rsgi_test::suite::{Difference, Remote, Subject};
///
/// let marked = Difference {
///     case: "a_sentence_that_names_a_case",
///     instead: "answers itself",
///     reason: "it parses requests, too",
/// };
/// let remote = Remote::of("http://127.0.0.1:8000".parse()?).named("nginx").differs([marked]);
/// assert_eq!(Subject::Endpoint(remote.without(Capabilities::HTTP2)).name(), "nginx");
/// # Ok::<(), rsgi_test::suite::BadUrl>(())
/// ```
#[derive(Debug, Clone)]
pub struct Remote {
    pub(super) endpoint: Endpoint,
    pub(super) name: &'static str,
    pub(super) differences: Vec<Difference>,
    pub(super) without: Capabilities,
}

impl Remote {
    /// A server that clients reach by itself.
    pub fn of(endpoint: Endpoint) -> Self {
        Self { endpoint, name: "endpoint", differences: Vec::new(), without: Capabilities::NONE }
    }

    /// Gives it a name in tables. Default: `endpoint`.
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Its name in tables.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Marks the cases that fail there for a reason, such as a web server's own decisions.
    #[must_use]
    pub fn differs(mut self, differences: impl IntoIterator<Item = Difference>) -> Self {
        self.differences.extend(differences);
        self
    }

    /// Takes away capabilities that the server has and its clients there can't have: a protocol that the web server in
    /// front doesn't speak with them.
    #[must_use]
    pub fn without(mut self, capabilities: Capabilities) -> Self {
        self.without = self.without.union(capabilities);
        self
    }
}

/// Why a text names no server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadUrl(String);

impl Reach {
    /// Connects.
    pub fn connect(&self) -> RawClient {
        match self {
            Self::Tcp(address) => RawClient::tcp(*address),
            Self::Unix(path) => RawClient::unix(path),
        }
    }

    /// As the test client takes it.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Tcp(address) => format!("http://{address}"),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    /// Tries to connect, and hangs up.
    ///
    /// # Errors
    ///
    /// Those of the system, such as a refused connection.
    pub fn try_connect(&self) -> io::Result<()> {
        match self {
            Self::Tcp(address) => TcpStream::connect(address).map(drop),
            Self::Unix(path) => UnixStream::connect(path).map(drop),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// Reads `http://HOST:PORT/PREFIX` and `unix:PATH`.
impl FromStr for Endpoint {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self { reach: Reach::Unix(path.into()), prefix: String::new() });
        }
        let Some(rest) = text.strip_prefix("http://") else {
            return Err(BadUrl(format!("{text:?} begins with neither http:// nor unix:")));
        };
        let (authority, prefix) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let named = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let mut addresses = format!("{authority}{}", if named { "" } else { ":80" })
            .to_socket_addrs()
            .map_err(|error| BadUrl(format!("{authority:?} has no address: {error}")))?;
        let address = addresses.next().ok_or_else(|| BadUrl(format!("{authority:?} has no address")))?;
        Ok(Self { reach: Reach::Tcp(address), prefix: prefix.trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for BadUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for BadUrl {}

impl Endpoint {
    /// Finds out whether the probe is hosted there, and what its server says of itself.
    ///
    /// # Errors
    ///
    /// Nobody listens, or something else answers.
    pub fn facts(&self) -> Result<Facts, NoProbe> {
        let unreachable =
            |error| NoProbe(format!("can't connect to {}: {error}; is the server running?", self.reach));
        self.reach.try_connect().map_err(unreachable)?;
        let mut client = self.reach.connect();
        let sent = client.try_send(self.question("*server"));
        let answer = sent.map_err(unreachable).and_then(|()| {
            client
                .try_answer("GET")
                .map_err(|broken| NoProbe(format!("no answer of {}: {broken}", self.reach)))
        })?;
        let at = format!("{} at {:?}", self.reach, if self.prefix.is_empty() { "/" } else { &self.prefix });
        let facts = (answer.status() == 200).then(|| serde_json::from_slice(&answer.body).ok()).flatten();
        facts.ok_or_else(|| {
            NoProbe(format!(
                "{at} answers {}, and isn't the probe; host rsgi_test::suite::Probe there",
                answer.status()
            ))
        })
    }

    fn question(&self, question: &str) -> Vec<u8> {
        let target = format!("{}/", self.prefix);
        bytes::request("GET", &target, &[(FIELD, question), ("connection", "close")], b"")
    }
}

/// Why there is no probe to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoProbe(String);

impl fmt::Display for NoProbe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for NoProbe {}

/// Asks the probe a question, on a connection of its own.
pub(super) fn ask(endpoint: &Endpoint, question: &str) -> Option<String> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        let answer = endpoint.reach.connect().ask(endpoint.question(question));
        match answer.status() {
            200 => return Some(answer.text().to_owned()),
            204 => return None,
            // Of a web server in between, whose kept connection ended as it took it: the probe wasn't asked.
            502 | 503 if tries > 0 => {}
            status => panic!("the probe answers {status} to {question:?}: is it hosted there?"),
        }
    }
}

/// How often a question is asked that a web server in between answers.
const TRIES: u32 = 5;

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};

    use super::*;

    #[test]
    fn a_url_names_an_address_and_a_prefix() {
        let told = |text: &str| text.parse::<Endpoint>().map(|it| (it.reach.to_string(), it.prefix));
        let is = |reach: &str, prefix: &str| Ok((reach.to_owned(), prefix.to_owned()));
        assert_eq!(told("http://127.0.0.1:8000"), is("127.0.0.1:8000", ""));
        assert_eq!(told("http://127.0.0.1/"), is("127.0.0.1:80", ""));
        assert_eq!(told("http://[::1]:81/pre/fix/"), is("[::1]:81", "/pre/fix"));
        assert_eq!(told("unix:/run/s.sock"), is("unix:/run/s.sock", ""));
        assert!(told("https://127.0.0.1").is_err());
        assert!(told("http://").is_err());
    }

    #[test]
    fn what_is_not_the_probe_is_told_as_such() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint { reach: Reach::Tcp(listener.local_addr().unwrap()), prefix: String::new() };
        let server = std::thread::spawn(move || {
            // The first only looks whether somebody listens.
            drop(listener.accept().unwrap());
            let (mut stream, _) = listener.accept().unwrap();
            // All of it, as a close with bytes unread is a reset.
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").unwrap();
        });
        let error = endpoint.facts().unwrap_err().to_string();
        assert!(error.contains("answers 200, and isn't the probe"), "{error}");
        server.join().unwrap();
        assert!(endpoint.facts().unwrap_err().to_string().contains("is the server running?"));
    }
}
