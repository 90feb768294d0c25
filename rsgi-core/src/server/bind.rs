//! Where a server listens: the text form of a bind setting and what it means.
//!
//! Parsing resolves nothing and opens nothing. A host name stays a name until the adapter looks it up, so a
//! configuration can be checked on a machine that isn't the one it is for.
//!
//! Invariant: what [`Display`](fmt::Display) writes parses back to the same value.
//!
//! Where next: `error.rs`, whose [`ServeError::opening`] says why opening one of these failed.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::ServeError;

/// Names a place to listen at.
///
/// | text | meaning |
/// |---|---|
/// | `127.0.0.1:8000`, `[::1]:8000` | one address; port 0 lets the system choose |
/// | `localhost:8000` | a name; the adapter resolves it and listens at the first address that it can |
/// | `:8000` | every IPv4 address of the machine, as gunicorn has it; for IPv6 write `[::]:8000` |
/// | `unix:run/app.sock`, `unix:/run/app.sock`, `unix:///run/app.sock` | a unix socket's file |
/// | `fd://3` | a listening socket inherited from the parent, such as systemd |
///
/// # Examples
///
/// ```
/// use rsgi_core::server::Bind;
///
/// let bind: Bind = "[::1]:8000".parse()?;
/// assert_eq!(bind, Bind::Tcp { host: "::1".into(), port: 8000 });
/// # Ok::<(), rsgi_core::server::ServeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bind {
    /// A TCP address.
    Tcp {
        /// An IPv4 address, an IPv6 address without brackets (perhaps with `%zone`), or a host name.
        host: String,
        /// The port; 0 lets the system choose one.
        port: u16,
    },
    /// A unix socket at this file.
    Unix(PathBuf),
    /// A listening socket that the process already has, by its descriptor's number.
    Fd(i32),
}

impl FromStr for Bind {
    type Err = ServeError;

    /// Parses the forms in the table above.
    ///
    /// # Errors
    ///
    /// A `BadSetting` that names the value, the forms allowed and what to write instead.
    fn from_str(text: &str) -> Result<Self, ServeError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(text, path);
        }
        if let Some(number) = text.strip_prefix("fd://") {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            return match number.parse() {
                Ok(number) if digits => Ok(Self::Fd(number)),
                _ => Err(refused(text, "this is no descriptor's number", "write fd:// and a number: fd://3")),
            };
        }
        if text.contains("://") {
            return Err(refused(
                text,
                "a listener has no such scheme",
                "write host:port alone, unix:PATH or fd://N",
            ));
        }
        tcp(text)
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Fd(number) => write!(f, "fd://{number}"),
        }
    }
}

impl From<SocketAddr> for Bind {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
            _ => address.ip().to_string(),
        };
        Self::Tcp { host, port: address.port() }
    }
}

fn tcp(text: &str) -> Result<Bind, ServeError> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(match text.parse::<u16>() {
            Ok(port) => refused(
                text,
                "a host is missing",
                &format!("write 127.0.0.1:{port}, or :{port} for every address"),
            ),
            Err(_) => refused(text, "a port is missing", "add one, such as :8000"),
        });
    };
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = match port.parse::<u16>() {
        Ok(port) if digits => port,
        _ => {
            return Err(refused(
                text,
                "the port isn't a number from 0 to 65535",
                "write host:8000, or [address]:8000 for IPv6",
            ));
        }
    };
    let host = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) if is_ipv6(inner) => inner,
        Some(_) => return Err(refused(text, "there is no IPv6 address in the brackets", "write [::1]:8000")),
        None if host.is_empty() => "0.0.0.0",
        None if host.contains(':') => {
            return Err(refused(text, "an IPv6 address needs brackets", &format!("write [{host}]:{port}")));
        }
        None => host,
    };
    if !host.contains(':') && !is_name(host) {
        return Err(refused(
            text,
            "this is neither an address nor a host name",
            "write 127.0.0.1:8000 or localhost:8000",
        ));
    }
    Ok(Bind::Tcp { host: host.to_owned(), port })
}

fn unix(text: &str, path: &str) -> Result<Bind, ServeError> {
    let path = match path.strip_prefix("//") {
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(relative) => {
            let remedy =
                format!("write unix:{relative} for a relative path, unix:///{relative} for an absolute one");
            return Err(refused(text, "after unix:// the path must be absolute", &remedy));
        }
        None => path,
    };
    if path.is_empty() || path.ends_with('/') {
        return Err(refused(text, "the socket's file is missing", "write unix:/run/app.sock"));
    }
    if path.starts_with('@') {
        // Linux's abstract names have no owner and no mode: every local user may connect, or take the name
        // first.
        return Err(refused(
            text,
            "abstract sockets aren't served",
            "name a file, such as unix:/run/app.sock",
        ));
    }
    if path.contains('\0') {
        return Err(refused(text, "a path can't hold a zero byte", "write unix:/run/app.sock"));
    }
    if path.len() > UNIX_PATH_BYTES {
        let problem = format!("the path has {} bytes, a unix socket's at most {UNIX_PATH_BYTES}", path.len());
        return Err(refused(text, &problem, "choose a shorter path"));
    }
    Ok(Bind::Unix(Path::new(path).to_owned()))
}

fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    let good_zone =
        |zone: &str| !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_graphic() && byte != b']');
    address.parse::<Ipv6Addr>().is_ok() && zone.is_none_or(good_zone)
}

/// Tells whether this may be looked up. What looks like an IPv4 address must be one: `127.1` or `256.0.0.1`
/// would otherwise go to a resolver, which may read them as something else.
fn is_name(host: &str) -> bool {
    let looks_like_ipv4 = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if looks_like_ipv4 {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    host.len() <= 253 && !host.starts_with(['-', '.']) && host.bytes().all(allowed)
}

fn refused(value: &str, problem: &str, remedy: &str) -> ServeError {
    ServeError::bad_setting("bind", value, problem.to_owned(), remedy.to_owned())
}

/// `sun_path` has 108 bytes on Linux with the closing zero. Other systems have a few fewer and say so
/// themselves.
const UNIX_PATH_BYTES: usize = 107;
