//! Answers in memory on their way out: in one write, or gathered with others while a client pipelines.
//!
//! The hot path: head and content lie in the thread's output buffer and go out under the connection's lock, so that
//! nothing gets between them. What the system doesn't take holds no thread. Not here: the head (`answer.rs`).
//!
//! Invariant: an answer is gathered only if nobody can ask when it was sent. Next: `after.rs`.

use std::time::Instant;

use bytes::Bytes;
use rsgi_core::Cause;

use crate::conn::{After, Call, Line, Upcoming};
use crate::desk::Tools;
use crate::read::Parsed;
use crate::site::Site;
use crate::wire::{Flushed, LARGE};

/// What became of an answer in memory.
#[derive(Debug)]
pub(crate) enum Sent {
    /// It lies gathered with other answers to pipelined requests, and the next one has begun.
    Gathered(Call),
    /// The system has it, and nobody asks for its outcome.
    Ended,
    /// The system has it.
    Out,
    /// Some of it is left.
    Left,
}

impl Line {
    /// Sends an answer that is in memory, or gathers it if the next request is there already.
    #[inline]
    pub(crate) fn send_whole(
        &mut self,
        tools: &mut Tools,
        site: &Site,
        mut content: Bytes,
        now: Instant,
    ) -> Result<Sent, Cause> {
        if content.len() < LARGE {
            tools.out.extend_from_slice(&content);
            content = Bytes::new();
        }
        if !self.buf.is_empty() && self.after == After::Keep && self.inbound.is_none() && content.is_empty() {
            return self.send_pipelined(tools, site, now);
        }
        self.send_now(tools, content)
    }

    #[inline]
    fn send_now(&mut self, tools: &mut Tools, content: Bytes) -> Result<Sent, Cause> {
        let mut state = self.shared.lock();
        if let Some(cause) = state.wire.gone {
            return Err(cause);
        }
        match state.wire.write_now(&tools.out, content) {
            Ok(Flushed::All) => {
                if let Some(memory) = state.wire.take_memory() {
                    tools.put_memory(memory);
                }
                Ok(if state.end_unwatched(tools) { Sent::Ended } else { Sent::Out })
            }
            Ok(_) => Ok(Sent::Left),
            Err(_) => Err(state.wire.gone.unwrap_or(Cause::Reset)),
        }
    }

    /// Gathers an answer if nobody can ask when it was sent, and sends what lies there unless the next request is whole.
    fn send_pipelined(&mut self, tools: &mut Tools, site: &Site, now: Instant) -> Result<Sent, Cause> {
        {
            let mut state = self.shared.lock();
            if state.wire.gone.is_some() || state.wire.len() > GATHERED_MOST || !state.end_unwatched(tools) {
                drop(state);
                return self.send_now(tools, Bytes::new());
            }
            state.wire.give_memory(|| tools.memory());
            state.wire.append(&tools.out);
            // The next app may take its time.
            self.shared.ask_for_tick(&mut state);
        }
        let buf = std::mem::take(&mut self.buf);
        match self.parse(tools, site, buf, now) {
            Parsed::Call(call) => return Ok(Sent::Gathered(call)),
            Parsed::Refused(reject) => self.upcoming = Some(Upcoming::Refused(reject)),
            Parsed::Over => self.upcoming = Some(Upcoming::Over),
            Parsed::More => {}
        }
        tools.out.clear();
        self.send_now(tools, Bytes::new())
    }
}

/// How much is gathered of answers to pipelined requests.
const GATHERED_MOST: usize = 64 * 1024;
