//! Counters for statsd, by Gunicorn's names: one datagram a request, and none that anybody waits for.
//!
//! A metric that can't be sent is lost without a word, as statsd has it: the numbers that must add up are those of the
//! shared page.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use rsgi_middleware::line::stamp;

use super::level::Level;
use super::peer::Peer;

/// Where metrics go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StatsdAddress {
    /// `HOST:PORT`.
    Udp(String, u16),
    /// `unix:PATH` or `unix://PATH`.
    Unix(PathBuf),
}

/// Sends metrics.
#[derive(Debug)]
pub(crate) struct Statsd {
    socket: OwnedFd,
    /// Before each name; ends in a dot, or is empty.
    prefix: String,
    /// Behind each metric; begins with `|#`, or is empty.
    tags: String,
}

impl StatsdAddress {
    /// Reads Gunicorn's `statsd_host`; `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return (!path.is_empty()).then(|| Self::Unix(path.into()));
        }
        let (host, port) = text.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse::<u16>().ok().filter(|port| *port != 0)?;
        (!host.is_empty()).then(|| Self::Udp(host.to_owned(), port))
    }
}

impl Statsd {
    /// Opens the way. `tags` are `DogStatsD`'s, separated by commas; either text may be empty.
    ///
    /// # Errors
    ///
    /// The host isn't known, or the socket isn't there.
    pub(crate) fn open(address: &StatsdAddress, prefix: &str, tags: &str) -> io::Result<Self> {
        let peer = match address {
            StatsdAddress::Udp(host, port) => Peer::udp(host, *port)?,
            StatsdAddress::Unix(path) => Peer::unix(path),
        };
        let socket = peer.connect()?;
        let dot = if prefix.is_empty() || prefix.ends_with('.') { "" } else { "." };
        let tags = if tags.is_empty() { String::new() } else { format!("|#{tags}") };
        Ok(Self { socket, prefix: format!("{prefix}{dot}"), tags })
    }

    /// Counts a request that was answered, or not: then its status is 0.
    pub(crate) fn request(&self, status: u16, duration: Duration) {
        self.send(|lines| {
            self.metric(lines, "gunicorn.requests", |line| line.push(b'1'), "c");
            let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
            let millis = |line: &mut Vec<u8>| {
                stamp::number(line, micros / 1000);
                line.push(b'.');
                stamp::padded(line, micros % 1000, 3);
            };
            self.metric(lines, "gunicorn.request.duration", millis, "ms");
            lines.extend_from_slice(self.prefix.as_bytes());
            lines.extend_from_slice(b"gunicorn.request.status.");
            stamp::padded(lines, u64::from(status), 3);
            lines.extend_from_slice(b":1|c");
            self.end(lines);
        });
    }

    /// Counts a line of the log; those below a warning aren't counted.
    pub(crate) fn line(&self, level: Level) {
        let name = match level {
            Level::Critical => "gunicorn.log.critical",
            Level::Error => "gunicorn.log.error",
            Level::Warning => "gunicorn.log.warning",
            Level::Info | Level::Debug => return,
        };
        self.send(|lines| self.metric(lines, name, |line| line.push(b'1'), "c"));
    }

    /// Tells how many workers there are.
    pub(crate) fn workers(&self, workers: usize) {
        let value = |line: &mut Vec<u8>| stamp::number(line, workers as u64);
        self.send(|lines| self.metric(lines, "gunicorn.workers", value, "g"));
    }

    /// Tells how many connections wait to be accepted.
    pub(crate) fn backlog(&self, connections: u64) {
        let value = |line: &mut Vec<u8>| stamp::number(line, connections);
        self.send(|lines| self.metric(lines, "gunicorn.backlog", value, "h"));
    }

    fn metric(&self, lines: &mut Vec<u8>, name: &str, value: impl FnOnce(&mut Vec<u8>), kind: &str) {
        lines.extend_from_slice(self.prefix.as_bytes());
        lines.extend_from_slice(name.as_bytes());
        lines.push(b':');
        value(lines);
        lines.push(b'|');
        lines.extend_from_slice(kind.as_bytes());
        self.end(lines);
    }

    fn end(&self, lines: &mut Vec<u8>) {
        lines.extend_from_slice(self.tags.as_bytes());
        lines.push(b'\n');
    }

    fn send(&self, fill: impl FnOnce(&mut Vec<u8>)) {
        let mut lines = LINES.try_with(Cell::take).unwrap_or_default();
        lines.clear();
        fill(&mut lines);
        // The last line's end is of no use to anybody.
        lines.pop();
        let _lost = rustix::io::write(&self.socket, &lines);
        // During a thread's end there is no place for it.
        let _ended = LINES.try_with(|kept| kept.set(lines));
    }
}

thread_local! {
    /// The memory of this thread's datagrams.
    static LINES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    fn pair(prefix: &str, tags: &str) -> (UdpSocket, Statsd) {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = StatsdAddress::parse(&server.local_addr().unwrap().to_string()).unwrap();
        (server, Statsd::open(&address, prefix, tags).unwrap())
    }

    fn received(server: &UdpSocket) -> String {
        let mut bytes = [0; 1000];
        let length = server.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_request_is_one_datagram_with_gunicorns_names() {
        let (server, statsd) = pair("", "");
        statsd.request(404, Duration::from_micros(1500));
        assert_eq!(
            received(&server),
            "gunicorn.requests:1|c\ngunicorn.request.duration:1.500|ms\ngunicorn.request.status.404:1|c"
        );
    }

    #[test]
    fn prefix_and_tags_are_put_around_each_metric() {
        let (server, statsd) = pair("shop", "env:live");
        statsd.workers(3);
        statsd.line(Level::Info);
        statsd.line(Level::Error);
        statsd.backlog(0);
        assert_eq!(received(&server), "shop.gunicorn.workers:3|g|#env:live");
        assert_eq!(received(&server), "shop.gunicorn.log.error:1|c|#env:live");
        assert_eq!(received(&server), "shop.gunicorn.backlog:0|h|#env:live");
    }

    #[test]
    fn a_server_that_is_gone_stops_nobody() {
        let (server, statsd) = pair("", "");
        drop(server);
        for _ in 0..10 {
            statsd.request(200, Duration::ZERO);
        }
    }

    #[test]
    fn addresses_are_hosts_with_a_port_or_sockets() {
        assert_eq!(StatsdAddress::parse("a:1"), Some(StatsdAddress::Udp("a".into(), 1)));
        assert_eq!(StatsdAddress::parse("[::1]:8125"), Some(StatsdAddress::Udp("::1".into(), 8125)));
        assert_eq!(StatsdAddress::parse("unix:///run/s"), Some(StatsdAddress::Unix("/run/s".into())));
        for text in ["", "a", "a:0", ":1", "unix:", "a:99999"] {
            assert_eq!(StatsdAddress::parse(text), None, "{text:?}");
        }
    }
}
