//! Telling systemd, or who stands in for it, how the service is (`sd_notify(3)`): ready, reloading, stopping, who the master is, that it
//! lives, and which descriptors to keep for it.
//!
//! One datagram a message, to the socket that `NOTIFY_SOCKET` names. Without that variable nobody listens, and nothing is sent. A message
//! that can't be delivered within a second is given up with an error, which is the log's: the service goes on.
#![allow(dead_code, unused_imports, reason = "the master, which uses it, is written after it")]

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use rsgi_core::server::ServeError;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags,
    SocketType, sockopt,
};
use rustix::process::Pid;
use rustix::time::{ClockId, clock_gettime};

use crate::sys;

/// The way to the service manager.
#[derive(Debug)]
pub(crate) struct Notifier {
    socket: OwnedFd,
    address: SocketAddrUnix,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// It serves; also the end of a reload.
    Ready { status: &'a str },
    /// The settings are read again. The manager waits for `Ready`.
    Reloading,
    /// It begins to stop.
    Stopping,
    /// This process is the master now.
    Master(Pid),
    /// It lives.
    Watchdog,
    /// How it is, for a person.
    Status(&'a str),
    /// The manager forgets the descriptors stored under this name.
    Forget { name: &'a str },
}

impl Notifier {
    /// The manager that the environment names, if it names one. The variable is removed: what the app starts is none of its services.
    pub(crate) fn take() -> Result<Option<Self>, ServeError> {
        let Some(value) = std::env::var_os(SOCKET) else { return Ok(None) };
        sys::set_variable(SOCKET, None)
            .map_err(|error| ServeError::io(format!("remove {SOCKET} from the environment"), error))?;
        Self::new(&value).map(Some)
    }

    /// Of the variable's value: a path, or `@` and an abstract name.
    pub(crate) fn new(value: &OsStr) -> Result<Self, ServeError> {
        let refused = |problem: String| {
            let remedy = "let the service manager set it, or remove it";
            ServeError::bad_setting(SOCKET, value.display(), problem, remedy)
        };
        let address = match value.as_bytes() {
            [b'@', name @ ..] => SocketAddrUnix::new_abstract_name(name),
            [b'/', ..] => SocketAddrUnix::new(value),
            _ => return Err(refused("neither an absolute path nor an abstract name".to_owned())),
        };
        let address = address.map_err(|error| refused(error.to_string()))?;
        let open = || -> rustix::io::Result<OwnedFd> {
            let socket =
                rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
            // A manager that hangs must not hang the master.
            sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(PATIENCE))?;
            Ok(socket)
        };
        let socket =
            open().map_err(|error| ServeError::io("open a socket for the service manager", error.into()))?;
        Ok(Self { socket, address })
    }

    /// Sends a message.
    pub(crate) fn send(&self, message: &Message<'_>) -> io::Result<()> {
        self.deliver(&message.text(), &[])
    }

    /// Has the manager keep descriptors for a later start, under a name.
    pub(crate) fn store(&self, name: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut text = String::from("FDSTORE=1");
        line(&mut text, "FDNAME", &descriptor_name(name));
        // The kernel takes 253 at once (SCM_MAX_FD).
        descriptors.chunks(MOST_DESCRIPTORS).try_for_each(|part| self.deliver(&text, part))
    }

    fn deliver(&self, text: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let parts = [IoSlice::new(text.as_bytes())];
        loop {
            let sent = rustix::net::sendmsg_addr(
                &self.socket,
                &self.address,
                &parts,
                &mut control,
                SendFlags::NOSIGNAL,
            );
            match sent {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Message<'_> {
    /// The lines of the datagram.
    fn text(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Ready { status } => {
                text.push_str("READY=1");
                line(&mut text, "STATUS", status);
            }
            Self::Reloading => {
                text.push_str("RELOADING=1");
                line(&mut text, "MONOTONIC_USEC", &microseconds().to_string());
            }
            Self::Stopping => text.push_str("STOPPING=1"),
            Self::Master(pid) => line(&mut text, "MAINPID", &pid.to_string()),
            Self::Watchdog => text.push_str("WATCHDOG=1"),
            Self::Status(status) => line(&mut text, "STATUS", status),
            Self::Forget { name } => {
                text.push_str("FDSTOREREMOVE=1");
                line(&mut text, "FDNAME", &descriptor_name(name));
            }
        }
        text
    }
}

/// How often the manager wants a sign of life, at half of its limit as `sd_watchdog_enabled(3)` advises; `None` if it wants none of this
/// process. The variables are removed, as the socket's is.
pub(crate) fn take_watchdog() -> Result<Option<Duration>, ServeError> {
    let period = watchdog(|name| std::env::var_os(name), std::process::id());
    for name in [WATCHDOG_TIME, WATCHDOG_PID].into_iter().filter(|name| std::env::var_os(name).is_some()) {
        sys::set_variable(name, None)
            .map_err(|error| ServeError::io(format!("remove {name} from the environment"), error))?;
    }
    period
}

/// Whether the manager keeps descriptors for this service (`systemd.exec(5)`). The variable is removed, as the socket's is.
pub(crate) fn take_store() -> Result<bool, ServeError> {
    let Some(value) = std::env::var_os(STORE) else { return Ok(false) };
    sys::set_variable(STORE, None)
        .map_err(|error| ServeError::io(format!("remove {STORE} from the environment"), error))?;
    Ok(value.to_str().and_then(|value| value.parse::<u64>().ok()).is_some_and(|most| most > 0))
}

/// Reads the variables.
fn watchdog(variable: impl Fn(&str) -> Option<OsString>, pid: u32) -> Result<Option<Duration>, ServeError> {
    let text = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
    if text(WATCHDOG_PID).is_some_and(|value| value.parse() != Ok(pid)) {
        return Ok(None);
    }
    let Some(value) = text(WATCHDOG_TIME) else { return Ok(None) };
    match value.parse::<u64>() {
        Ok(time) if time > 1 => Ok(Some(Duration::from_micros(time / 2))),
        _ => {
            let remedy = "let the service manager set it (WatchdogSec), or remove it";
            Err(ServeError::bad_setting(WATCHDOG_TIME, value, "this is no time in microseconds", remedy))
        }
    }
}

/// Adds a line, whose value is kept on it.
fn line(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    let value = value.replace(['\n', '\r', '\0'], " ");
    // Writing to a string can't fail.
    let _ = write!(text, "{name}={value}");
}

/// A name that `sd_pid_notify_with_fds(3)` allows: printable ASCII without a colon, of at most 255 bytes.
fn descriptor_name(name: &str) -> String {
    let allowed = |it: char| if it.is_ascii_graphic() && it != ':' { it } else { '_' };
    name.chars().map(allowed).take(255).collect()
}

/// Of the clock that systemd compares with its own.
fn microseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(now.tv_sec), u64::try_from(now.tv_nsec));
    seconds.unwrap_or_default() * 1_000_000 + nanos.unwrap_or_default() / 1000
}

const SOCKET: &str = "NOTIFY_SOCKET";
const STORE: &str = "FDSTORE";
const WATCHDOG_TIME: &str = "WATCHDOG_USEC";
/// Whose signs of life the manager waits for.
pub(crate) const WATCHDOG_PID: &str = "WATCHDOG_PID";
const PATIENCE: Duration = Duration::from_secs(1);
const MOST_DESCRIPTORS: usize = 253;
