//! [`Connection`]: one client of the control socket, as the master sees it: reads a line, waits for the answer, sends it.
//!
//! Nothing here waits. A client that says nothing, says it byte by byte, says too much or doesn't take its answer is given up when its time is
//! over; one whose command is being carried out has all the time that takes. While an answer is due nothing more is read, so a client holds
//! a line, an answer and no more of the master's memory.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::PollFlags;

use super::protocol::{Form, Reply, Request};
use crate::clock::Millis;
use crate::fleet::ReplyId;

/// A client.
#[derive(Debug)]
pub(super) struct Connection {
    /// Never blocks.
    socket: UnixStream,
    /// What was read and isn't answered; at most [`LINE_MOST`].
    input: Vec<u8>,
    /// Whether the client has said all that it will.
    ended: bool,
    /// The answer that is being sent, and how much of it was.
    output: Vec<u8>,
    written: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is to say what it wants until then.
    Asking { until: Millis },
    /// The fleet is to answer.
    Waiting { reply: ReplyId, form: Form, began: Millis },
    /// It is to take its answer until then.
    Answering { until: Millis, next: Next },
    /// Done, broken or given up.
    Over,
}

/// What comes after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Request,
    End,
}

impl Connection {
    /// Of a client that has just come.
    pub(super) fn new(socket: UnixStream, now: Millis) -> Self {
        let state = State::Asking { until: now.plus(ASKING) };
        Self { socket, input: Vec::new(), ended: false, output: Vec::new(), written: 0, state }
    }

    /// What is worth waking up for; hanging up always is.
    pub(super) fn interest(&self) -> PollFlags {
        match self.state {
            State::Asking { .. } => PollFlags::IN,
            State::Answering { .. } => PollFlags::OUT,
            State::Waiting { .. } | State::Over => PollFlags::empty(),
        }
    }

    /// When it has to be looked at, whatever it does.
    pub(super) fn deadline(&self) -> Option<Millis> {
        match self.state {
            // Its next line is here already, so no event will tell of it.
            State::Asking { .. } if self.input.contains(&b'\n') => Some(Millis(0)),
            State::Asking { until } | State::Answering { until, .. } => Some(until),
            State::Waiting { .. } | State::Over => None,
        }
    }

    /// Whether it is to be dropped.
    pub(super) fn is_over(&self, now: Millis) -> bool {
        match self.state {
            State::Asking { until } | State::Answering { until, .. } => now >= until,
            State::Waiting { .. } => false,
            State::Over => true,
        }
    }

    /// Whose answer it waits for.
    pub(super) fn awaits(&self) -> Option<ReplyId> {
        match self.state {
            State::Waiting { reply, .. } => Some(reply),
            _ => None,
        }
    }

    /// The client has closed both directions: nobody waits for the answer.
    pub(super) fn hung_up(&mut self) {
        if let State::Waiting { .. } = self.state {
            self.state = State::Over;
        }
    }

    /// Reads and writes what can be without waiting; gives a request when there is a whole one.
    pub(super) fn advance(&mut self, now: Millis) -> Option<(Form, Result<Request, String>)> {
        if let State::Answering { next, .. } = self.state {
            self.send(next, now);
        }
        if !matches!(self.state, State::Asking { .. }) {
            return None;
        }
        if let Some(line) = self.line() {
            return Some(Request::parse(&line));
        }
        self.receive();
        let line = self.line();
        if line.is_none() && self.input.len() >= LINE_MOST {
            self.input.clear();
            // What follows is the rest of that line.
            self.ended = true;
            return Some((Form::Words, Err(format!("a request is a line of at most {LINE_MOST} bytes"))));
        }
        line.map(|line| Request::parse(&line))
    }

    /// Has it wait for the fleet.
    pub(super) fn wait(&mut self, reply: ReplyId, form: Form, now: Millis) {
        self.state = State::Waiting { reply, form, began: now };
    }

    /// Answers what the fleet was asked; `reply` is made of the time that took.
    pub(super) fn answer_waiting(&mut self, now: Millis, reply: impl FnOnce(u64) -> Reply) {
        if let State::Waiting { form, began, .. } = self.state {
            let took = u64::try_from(now.since(began).as_millis()).unwrap_or(u64::MAX);
            self.answer(&reply(took), form, now);
        }
    }

    /// Answers. After words, and to whoever has nothing more to say, that is the end.
    pub(super) fn answer(&mut self, reply: &Reply, form: Form, now: Millis) {
        let more = form == Form::Json && !(self.ended && self.input.is_empty());
        let next = if more { Next::Request } else { Next::End };
        self.output = reply.bytes(form);
        self.written = 0;
        self.state = State::Answering { until: now.plus(TAKING), next };
        self.send(next, now);
    }

    /// Takes the next line out of the input; of what ends without one, the rest is the line.
    fn line(&mut self) -> Option<Vec<u8>> {
        if let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            return Some(self.input.drain(..=end).collect());
        }
        if self.ended {
            let rest = std::mem::take(&mut self.input);
            if rest.trim_ascii().is_empty() {
                self.state = State::Over;
                return None;
            }
            return Some(rest);
        }
        None
    }

    fn receive(&mut self) {
        while self.input.len() < LINE_MOST && !self.ended && !self.input.contains(&b'\n') {
            let mut buffer = [0; 512];
            let room = buffer.len().min(LINE_MOST - self.input.len());
            match self.socket.read(&mut buffer[..room]) {
                Ok(0) => self.ended = true,
                Ok(length) => self.input.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.input.clear();
                    self.ended = true;
                }
            }
        }
    }

    fn send(&mut self, next: Next, now: Millis) {
        while self.written < self.output.len() {
            match self.socket.write(&self.output[self.written..]) {
                Ok(0) => return self.state = State::Over,
                Ok(length) => self.written += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.state = State::Over,
            }
        }
        // Its memory, too: a table of many workers isn't kept for a client that asks once.
        self.output = Vec::new();
        self.state = match next {
            Next::Request => State::Asking { until: now.plus(PAUSE) },
            Next::End => State::Over,
        };
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The longest request.
pub(super) const LINE_MOST: usize = 4096;
/// From coming until the first request is whole.
const ASKING: Duration = Duration::from_secs(10);
/// From an answer until the next request.
const PAUSE: Duration = Duration::from_mins(1);
/// From the beginning of an answer until it is taken.
const TAKING: Duration = Duration::from_secs(10);
