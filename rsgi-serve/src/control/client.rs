//! The other side of the control socket: what `show`, `scale`, `reload`, `drain`, `upgrade` and `stop` do.
//!
//! Each waits for the one answer that says what happened and how long it took, however long that is; interrupting it takes nothing back.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::protocol::{Form, Reply, Request};
use super::render;
use crate::command::{Client, Hurry, Scale, Shown};
use crate::exit::Exit;
use crate::fleet::Command;
use crate::observe::{Facts, top};
use crate::settings::ControlSettings;

/// A connection to a running master.
#[derive(Debug)]
pub(crate) struct Connected {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

/// What is shown of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Whether what was asked was done.
    pub(super) ok: bool,
    pub(super) text: String,
}

/// Does what a command line asked of a running master, and shows the answer: 0 if it was done, 1 if it wasn't.
pub(crate) fn tell(client: Client, shown: Shown, control: Option<&ControlSettings>) -> Exit {
    let said = match (client, control) {
        (_, None) => {
            Err("control_socket: it is switched off, or no folder for it is known; set its path".to_owned())
        }
        (Client::Top, Some(control)) => top::run(&control.path).map(|text| Said { ok: true, text }),
        (client, Some(control)) => {
            Connected::to(&control.path).and_then(|mut master| said(client, shown, &mut master))
        }
    };
    // Whoever closed the output doesn't want to know.
    match said {
        Ok(Said { ok, text }) if ok || shown == Shown::Json => {
            let _ = io::stdout().lock().write_all(text.as_bytes());
            if ok { Exit::Clean } else { Exit::Settings }
        }
        Ok(Said { text: why, .. }) | Err(why) => {
            let _ = writeln!(io::stderr().lock(), "{}", why.trim_end());
            Exit::Settings
        }
    }
}

/// Asks, and gives what to show.
pub(super) fn said(client: Client, shown: Shown, master: &mut Connected) -> Result<Said, String> {
    let request = match client {
        Client::Show => {
            let facts = master.facts()?;
            let text = match shown {
                Shown::Text => render::table(&facts),
                Shown::Json => {
                    serde_json::to_string_pretty(&facts).map_err(|error| error.to_string())? + "\n"
                }
            };
            return Ok(Said { ok: true, text });
        }
        Client::Top => return Err("top shows itself".to_owned()),
        Client::Scale(Scale::To(to)) => Request::Fleet(Command::Scale(to.into())),
        Client::Scale(Scale::By(by)) => Request::ScaleBy(by.into()),
        Client::Reload => Request::Fleet(Command::Reload),
        Client::Drain => Request::Fleet(Command::Drain),
        Client::Upgrade => Request::Fleet(Command::Upgrade),
        Client::Stop(Hurry::Graceful) => Request::Fleet(Command::Stop),
        Client::Stop(Hurry::Quick) => Request::StopQuick,
    };
    let reply = master.ask(request, None)?;
    let form = match shown {
        Shown::Text => Form::Words,
        Shown::Json => Form::Json,
    };
    let text = String::from_utf8_lossy(&reply.bytes(form)).into_owned();
    Ok(Said { ok: reply.ok, text: render::plain(&text) })
}

impl Connected {
    /// Connects.
    pub(crate) fn to(path: &Path) -> Result<Self, String> {
        let stream = UnixStream::connect(path).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    "no master answers there; is it running, under the same name (proc_name) and user?"
                        .to_owned()
                }
                io::ErrorKind::PermissionDenied => {
                    "it is another user's; ask as that user, or as root".to_owned()
                }
                _ => error.to_string(),
            };
            format!("control_socket {}: {why}", path.display())
        })?;
        Ok(Self { stream: BufReader::new(stream), path: path.to_owned() })
    }

    /// How the service is.
    pub(crate) fn facts(&mut self) -> Result<Facts, String> {
        let reply = self.ask(Request::Facts, Some(FACTS_WAIT))?;
        match reply {
            Reply { facts: Some(facts), .. } => Ok(facts),
            Reply { error, .. } => Err(format!("refused: {}", render::plain(&error.unwrap_or_default()))),
        }
    }

    /// Asks, and waits for the answer, which may be a refusal.
    pub(super) fn ask(&mut self, request: Request, limit: Option<Duration>) -> Result<Reply, String> {
        let mut line = Vec::new();
        let exchanged = self.exchange(request, limit, &mut line);
        // A master that refuses a client says why, and hangs up before it has read anything.
        if let (Err(error), true) = (&exchanged, line.is_empty()) {
            return Err(match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.strange("it doesn't answer"),
                _ => self.strange(&error.to_string()),
            });
        }
        if line.is_empty() {
            return Err(self.strange("it has gone without an answer"));
        }
        Reply::parse(&line).map_err(|error| self.strange(&error))
    }

    fn exchange(&mut self, request: Request, limit: Option<Duration>, line: &mut Vec<u8>) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(limit)?;
        let sent = self.stream.get_mut().write_all(&request.line());
        self.stream.by_ref().take(ANSWER_MOST).read_until(b'\n', line)?;
        if line.is_empty() { sent } else { Ok(()) }
    }

    fn strange(&self, what: &str) -> String {
        format!("control_socket {}: the master: {what}", self.path.display())
    }
}

/// Reading the page takes a master less than a millisecond.
const FACTS_WAIT: Duration = Duration::from_secs(5);
/// A table of thousands of workers.
const ANSWER_MOST: u64 = 64 << 20;
