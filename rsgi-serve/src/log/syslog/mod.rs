//! The system's log: where it is, and what stands before each line of it.
//!
//! Datagrams only, over a unix socket or UDP, so that a line is a message and no process can break another's. By default
//! the local socket gets the form that C's `syslog` writes (RFC 3164 without a host name), and a remote one RFC 5424.

mod header;

use std::fmt;
use std::path::PathBuf;

use super::output::OutputError;

pub(super) use header::Header;

/// The system's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Syslog {
    /// Where it is.
    pub(crate) to: SyslogAddress,
    /// Which part of the system speaks.
    pub(crate) facility: Facility,
    /// Stands between the program's name and `error` or `access` in the tag; may be empty.
    pub(crate) prefix: String,
    /// What the messages look like.
    pub(crate) form: SyslogForm,
}

/// Where the system's log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SyslogAddress {
    /// A datagram socket of this machine.
    Unix(PathBuf),
    /// A host, which is looked up once, when it is opened, and its port.
    Udp(String, u16),
}

/// What messages look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyslogForm {
    Rfc3164,
    Rfc5424,
}

/// Which part of the system speaks (RFC 5424, table 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facility(u8);

impl Facility {
    /// The names, in the order of their numbers; those without a name are not for programs.
    pub(crate) const NAMES: [(&'static str, u8); 20] = [
        ("kern", 0),
        ("user", 1),
        ("mail", 2),
        ("daemon", 3),
        ("auth", 4),
        ("syslog", 5),
        ("lpr", 6),
        ("news", 7),
        ("uucp", 8),
        ("cron", 9),
        ("authpriv", 10),
        ("ftp", 11),
        ("local0", 16),
        ("local1", 17),
        ("local2", 18),
        ("local3", 19),
        ("local4", 20),
        ("local5", 21),
        ("local6", 22),
        ("local7", 23),
    ];

    /// The facility of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let known = Self::NAMES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, number)| Self(number))
    }

    fn number(self) -> u8 {
        self.0
    }
}

/// Gunicorn's: `user`.
impl Default for Facility {
    fn default() -> Self {
        Self(1)
    }
}

impl Default for Syslog {
    fn default() -> Self {
        Self::at(SyslogAddress::Unix(PathBuf::from("/dev/log")), SyslogForm::Rfc3164)
    }
}

impl Syslog {
    fn at(to: SyslogAddress, form: SyslogForm) -> Self {
        Self { to, facility: Facility::default(), prefix: String::new(), form }
    }

    /// Reads `unix:///path`, which may end in Gunicorn's `#dgram`, or `udp://host:port`; either may end in `?rfc3164` or
    /// `?rfc5424`.
    ///
    /// # Errors
    ///
    /// The address is none, or asks for what isn't supported.
    pub(crate) fn parse(text: &str) -> Result<Self, OutputError> {
        let fail = |why| OutputError::new(text, why);
        let (address, form) = match text.rsplit_once('?') {
            Some((address, "rfc3164")) => (address, Some(SyslogForm::Rfc3164)),
            Some((address, "rfc5424")) => (address, Some(SyslogForm::Rfc5424)),
            Some(_) => return Err(fail("the form of a syslog is `?rfc3164` or `?rfc5424`")),
            None => (text, None),
        };
        if let Some(path) = address.strip_prefix("unix://") {
            let path = match path.rsplit_once('#') {
                Some((path, "dgram")) => path,
                Some((_, "stream")) => return Err(fail("a syslog is spoken to by datagrams only")),
                _ => path,
            };
            if !path.starts_with('/') {
                return Err(fail("the path of a syslog's socket begins with a slash"));
            }
            return Ok(Self::at(SyslogAddress::Unix(path.into()), form.unwrap_or(SyslogForm::Rfc3164)));
        }
        let Some(host) = address.strip_prefix("udp://") else {
            return Err(fail("the address of a syslog begins with `unix://` or `udp://`"));
        };
        let (host, port) = host.rsplit_once(':').ok_or_else(|| fail("a syslog's host has a port"))?;
        let port = port.parse::<u16>().ok().filter(|port| *port != 0);
        let port = port.ok_or_else(|| fail("a port is a number between 1 and 65535"))?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(fail("a syslog's host is a name or an address"));
        }
        Ok(Self::at(SyslogAddress::Udp(host.to_owned(), port), form.unwrap_or(SyslogForm::Rfc5424)))
    }
}

impl fmt::Display for Syslog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = match &self.to {
            SyslogAddress::Unix(path) => {
                write!(formatter, "unix://{}", path.display())?;
                SyslogForm::Rfc3164
            }
            SyslogAddress::Udp(host, port) => {
                if host.contains(':') {
                    write!(formatter, "udp://[{host}]:{port}")?;
                } else {
                    write!(formatter, "udp://{host}:{port}")?;
                }
                SyslogForm::Rfc5424
            }
        };
        match self.form {
            form if form == usual => Ok(()),
            SyslogForm::Rfc3164 => formatter.write_str("?rfc3164"),
            SyslogForm::Rfc5424 => formatter.write_str("?rfc5424"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gunicorns_addresses_are_read() {
        let unix = Syslog::parse("unix:///dev/log#dgram").unwrap();
        assert_eq!(unix, Syslog::default());
        let udp = Syslog::parse("udp://localhost:514").unwrap();
        assert_eq!(udp.to, SyslogAddress::Udp("localhost".into(), 514));
        assert_eq!(udp.form, SyslogForm::Rfc5424);
        assert_eq!(Syslog::parse("udp://[::1]:514").unwrap().to, SyslogAddress::Udp("::1".into(), 514));
    }

    #[test]
    fn the_form_can_be_chosen() {
        let text = "unix:///dev/log?rfc5424";
        assert_eq!(Syslog::parse(text).unwrap().form, SyslogForm::Rfc5424);
        assert_eq!(Syslog::parse(text).unwrap().to_string(), text);
        assert_eq!(Syslog::parse("udp://h:1?rfc3164").unwrap().to_string(), "udp://h:1?rfc3164");
    }

    #[test]
    fn what_can_not_be_spoken_is_refused() {
        for text in [
            "",
            "/dev/log",
            "tcp://h:1",
            "unix:///dev/log#stream",
            "unix://log",
            "udp://h",
            "udp://h:0",
            "udp://:1",
            "udp://h:1?rfc1",
        ] {
            assert!(Syslog::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn facilities_have_the_numbers_of_the_rfc() {
        assert_eq!(Facility::named("DAEMON"), Some(Facility(3)));
        assert_eq!(Facility::named("local0"), Some(Facility(16)));
        assert_eq!(Facility::named("printer"), None);
        assert_eq!(Facility::default(), Facility(1));
    }
}
