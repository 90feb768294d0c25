//! [`Server`]: the master's side of the control socket, a part of its one loop.
//!
//! The loop polls on what [`Server::poll_on`] names, and calls [`Server::turn`] whenever it wakes. That accepts, reads and writes what goes
//! without waiting, answers what the page can answer, and makes events of the rest. The fleet's answers come back by [`Server::reply`].
//!
//! After a fork the child drops its copy first of all: that closes the descriptors and leaves the file.

use std::io::{self, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::Connection;
use super::open::{self, File, OpenError};
use super::protocol::{Form, Reply, Request};
use crate::clock::Millis;
use crate::fleet::{Answer, Command, Event, ReplyId, Sig};
use crate::observe::Facts;
use crate::settings::ControlSettings;

/// The control socket and its clients.
#[derive(Debug)]
pub(crate) struct Server {
    listener: UnixListener,
    file: File,
    /// At most [`CLIENTS_MOST`].
    clients: Vec<Connection>,
    /// The number of the next command.
    next: u64,
    /// The users who may ask: the master's own, and root.
    allowed: Vec<u32>,
    strangers: Strangers,
    /// Nobody is accepted until then: it failed, and the socket goes on being ready.
    deaf_until: Option<Millis>,
}

/// What a turn was given.
struct Turn<'a> {
    now: Millis,
    wanted: usize,
    facts: &'a dyn Fn() -> Facts,
    events: &'a mut Vec<Event>,
}

/// Who was refused since that was logged last: a stranger can't fill the log.
#[derive(Debug, Default)]
struct Strangers {
    unsaid: u64,
    quiet_until: Millis,
}

impl Server {
    /// Opens the socket.
    pub(crate) fn open(settings: &ControlSettings) -> Result<Self, OpenError> {
        let (listener, file) = open::open(settings)?;
        let allowed = vec![rustix::process::geteuid().as_raw(), 0];
        let strangers = Strangers::default();
        Ok(Self { listener, file, clients: Vec::new(), next: 1, allowed, strangers, deaf_until: None })
    }

    /// Adds what the loop has to wait for.
    pub(crate) fn poll_on<'a>(&'a self, all: &mut Vec<PollFd<'a>>) {
        if self.deaf_until.is_none() {
            all.push(PollFd::new(&self.listener, PollFlags::IN));
        }
        all.extend(self.clients.iter().map(|client| PollFd::new(client, client.interest())));
    }

    /// When it has to be called at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.clients.iter().filter_map(Connection::deadline).chain(self.deaf_until).min()
    }

    /// Does what can be done now. `wanted` is how many workers there shall be, `facts` reads the page.
    pub(crate) fn turn(
        &mut self,
        now: Millis,
        wanted: usize,
        facts: &dyn Fn() -> Facts,
        events: &mut Vec<Event>,
    ) {
        self.drop_hung_up();
        self.accept(now);
        let mut clients = std::mem::take(&mut self.clients);
        let mut turn = Turn { now, wanted, facts, events };
        for client in &mut clients {
            for _ in 0..REQUESTS_A_TURN {
                let Some((form, request)) = client.advance(now) else { break };
                self.take(client, form, request, &mut turn);
            }
        }
        clients.retain(|client| !client.is_over(now));
        self.clients = clients;
    }

    /// Gives a command's answer to who asked, if they are still there.
    pub(crate) fn reply(&mut self, now: Millis, to: ReplyId, answer: &Answer) {
        if let Some(client) = self.clients.iter_mut().find(|client| client.awaits() == Some(to)) {
            client.answer_waiting(now, |took| Reply::of(answer, took));
        }
        // Who asked in words waits for the end of the connection, and the next turn may be far.
        self.clients.retain(|client| !client.is_over(now));
    }

    /// Before an exec or the end: sends what goes at once, and what goes within a moment.
    pub(crate) fn flush(&mut self) {
        for _ in 0..FLUSHES {
            let mut pending: Vec<_> =
                self.clients.iter_mut().filter(|client| client.interest() == PollFlags::OUT).collect();
            if pending.is_empty() {
                return;
            }
            let mut all: Vec<_> =
                pending.iter().map(|client| PollFd::new(&**client, PollFlags::OUT)).collect();
            // A poll that fails has told nothing: the sending tells.
            let _ = poll(&mut all, Some(&FLUSH_WAIT));
            drop(all);
            for client in &mut pending {
                client.advance(Millis(0));
            }
        }
    }

    /// Removes the socket's file, at the end of the service, if it is still this one's.
    pub(crate) fn remove_file(&self) -> io::Result<bool> {
        self.file.remove()
    }

    fn take(
        &mut self,
        client: &mut Connection,
        form: Form,
        request: Result<Request, String>,
        turn: &mut Turn<'_>,
    ) {
        let now = turn.now;
        let command = match request {
            Err(why) => return client.answer(&Reply::refused(why), form, now),
            Ok(Request::Facts) => return client.answer(&Reply::facts((turn.facts)()), form, now),
            Ok(Request::Fleet(command)) => command,
            Ok(Request::StopQuick) => Command::Stop,
            Ok(Request::ScaleBy(by)) => {
                let by_size = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
                let add = if by < 0 { usize::saturating_sub } else { usize::saturating_add };
                Command::Scale(add(turn.wanted, by_size))
            }
        };
        let reply = ReplyId(self.next);
        self.next += 1;
        client.wait(reply, form, now);
        turn.events.push(Event::Command { command, reply });
        if request == Ok(Request::StopQuick) {
            // What TERM began INT hurries.
            turn.events.push(Event::Signal(Sig::Int));
        }
    }

    /// Finds out who has gone while their command is carried out.
    fn drop_hung_up(&mut self) {
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        let mut all: Vec<_> =
            self.clients.iter().map(|client| PollFd::new(client, PollFlags::empty())).collect();
        if all.is_empty() || poll(&mut all, Some(&AT_ONCE)).is_err() {
            return;
        }
        let gone: Vec<_> = all.iter().map(|it| it.revents().intersects(gone)).collect();
        for (client, gone) in self.clients.iter_mut().zip(gone) {
            if gone {
                client.hung_up();
            }
        }
    }

    fn accept(&mut self, now: Millis) {
        if self.deaf_until.is_some_and(|until| now < until) {
            return;
        }
        self.deaf_until = None;
        for _ in 0..ACCEPTS_A_TURN {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    // Such as no descriptor being left: asked again at once, it would be the same, for ever.
                    tracing::debug!(target: "rsgi", %error, "Control socket: nobody can be accepted for now");
                    self.deaf_until = Some(now.plus(DEAF));
                    break;
                }
            };
            if socket.set_nonblocking(true).is_err() {
                continue;
            }
            if !self.may_ask(&socket) {
                self.strangers.unsaid += 1;
                refuse(
                    &socket,
                    "the control socket takes commands from the master's user and from root only",
                );
            } else if self.clients.len() >= CLIENTS_MOST {
                refuse(&socket, "too many clients at once; try again");
            } else {
                self.clients.push(Connection::new(socket, now));
            }
        }
        self.strangers.say(now);
    }

    /// Whether this is the master's user or root. Who it is is said by the kernel, as of the time of connecting.
    fn may_ask(&self, socket: &UnixStream) -> bool {
        match getsockopt(socket, PeerCredentials) {
            Ok(peer) if self.allowed.contains(&peer.uid()) => true,
            Ok(peer) => {
                let (uid, pid) = (peer.uid(), peer.pid());
                tracing::debug!(target: "rsgi", "Control socket: refused uid {uid} (pid {pid})");
                false
            }
            Err(_) => false,
        }
    }

    #[cfg(test)]
    pub(super) fn clients(&self) -> usize {
        self.clients.len()
    }

    #[cfg(test)]
    pub(super) fn allowed(&self) -> &[u32] {
        &self.allowed
    }

    #[cfg(test)]
    pub(super) fn allow(&mut self, users: &[u32]) {
        self.allowed = users.to_vec();
    }
}

impl Strangers {
    /// Logs them, not more often than once in [`QUIET`].
    fn say(&mut self, now: Millis) {
        if self.unsaid > 0 && now >= self.quiet_until {
            let count = self.unsaid;
            tracing::warn!(target: "rsgi", "Control socket: refused {count} of other users");
            self.unsaid = 0;
            self.quiet_until = now.plus(QUIET);
        }
    }
}

/// Tells why, as far as that goes without waiting, and hangs up.
fn refuse(mut socket: &UnixStream, why: &str) {
    // Somebody refused who doesn't take the reason needs none.
    let _ = socket.write_all(&Reply::refused(why.to_owned()).bytes(Form::Json));
}

/// Clients at once, those whose commands are carried out included.
pub(super) const CLIENTS_MOST: usize = 32;
const ACCEPTS_A_TURN: u32 = 16;
/// So one client who asks without pause doesn't hold up the loop.
const REQUESTS_A_TURN: u32 = 4;
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
/// Ten times twenty milliseconds at the most.
const FLUSHES: u32 = 10;
const FLUSH_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// After a failed accept.
const DEAF: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_secs(10);
