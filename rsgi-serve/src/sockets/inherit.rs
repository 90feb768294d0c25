//! Listening sockets that another process opened: systemd's (`LISTEN_FDS`, `sd_listen_fds(3)`), any parent's by number (`fd://N`), and one
//! on descriptor 0, as supervisord's `fcgi-program` gives it.
//!
//! They are taken for good: marked to be closed on exec like all others, so that the app's children don't get them. Their files are not
//! ours to remove.

use std::ffi::OsString;
use std::io;
use std::os::fd::{OwnedFd, RawFd};

use rsgi_core::server::{Bind, ServeError};
use rustix::net::{SocketType, sockopt};
use rustix::pipe::{PipeFlags, pipe_with};

use super::Listener;
use crate::process::HANDED_OVER;
use crate::sys;

/// A descriptor that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handed {
    pub(crate) number: RawFd,
    /// The name it has in systemd's unit, or was stored under.
    pub(crate) name: Option<String>,
}

/// What the environment hands over to this process. Its variables are removed, whomever they are for: the app shall not see them.
pub(crate) fn take_environment() -> Result<Vec<Handed>, ServeError> {
    let found = handed_over(|name| std::env::var_os(name), std::process::id());
    for name in HANDED_OVER.iter().filter(|name| std::env::var_os(name).is_some()) {
        let removed = sys::set_variable(name, None);
        removed.map_err(|error| ServeError::io(format!("remove {name} from the environment"), error))?;
    }
    found
}

/// Reads the variables; none if they are for another process.
pub(crate) fn handed_over(
    variable: impl Fn(&str) -> Option<OsString>,
    pid: u32,
) -> Result<Vec<Handed>, ServeError> {
    let text = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
    if text("LISTEN_PID").and_then(|value| value.parse::<u32>().ok()) != Some(pid) {
        return Ok(Vec::new());
    }
    let Some(count) = text("LISTEN_FDS") else { return Ok(Vec::new()) };
    let Ok(many) = count.parse::<u16>() else {
        let problem = "this is no number of descriptors";
        return Err(ServeError::bad_setting(
            "LISTEN_FDS",
            count,
            problem,
            "let systemd set it, or remove it",
        ));
    };
    let names = text("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':').map(str::to_owned);
    let numbers = FIRST..FIRST + i32::from(many);
    Ok(numbers.map(|number| Handed { number, name: names.next().filter(|name| !name.is_empty()) }).collect())
}

/// Whether descriptor 0 is a listening socket.
pub(crate) fn standard_input_listens() -> bool {
    sockopt::socket_acceptconn(io::stdin()).unwrap_or(false)
}

/// Whether that is all that was handed over: sockets of the environment come before it.
pub(crate) fn only_standard_input_listens() -> bool {
    let handed = handed_over(|name| std::env::var_os(name), std::process::id());
    standard_input_listens() && handed.is_ok_and(|handed| handed.is_empty())
}

/// Takes a listening socket by its number.
pub(crate) fn adopt(number: RawFd) -> Result<Listener, ServeError> {
    let bind = Bind::Fd(number);
    let listener = sys::inherited(number).and_then(checked).and_then(|socket| {
        if number == 0 {
            leave_standard_input()?;
        }
        Listener::new(bind.clone(), vec![socket], None)
    });
    listener.map_err(|error| ServeError::opening(&bind, error))
}

/// The socket, if connections can be accepted from it.
pub(super) fn checked(socket: OwnedFd) -> io::Result<OwnedFd> {
    if sockopt::socket_acceptconn(&socket)? && sockopt::socket_type(&socket)? == SocketType::STREAM {
        return Ok(socket);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it doesn't listen for connections"))
}

/// Points standard input at an end, so that the socket is closed when the listener is, and no child reads from it.
fn leave_standard_input() -> io::Result<()> {
    let (input, _) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok(nix::unistd::dup2_stdin(input)?)
}

/// `SD_LISTEN_FDS_START`.
const FIRST: RawFd = 3;
