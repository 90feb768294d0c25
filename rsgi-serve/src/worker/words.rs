//! What a worker says to its master on a pipe: that it is ready, that it should be looked at, or its last words.
//!
//! The slot of the shared page says the first, too; the pipe wakes the master up. Each worker has its own pipe, so that a
//! worker that dies in the middle of a word spoils no other's.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

/// The worker's end.
#[derive(Debug)]
pub(crate) struct Mouth(File);

/// The master's end.
#[derive(Debug)]
pub(crate) struct StatusPipe {
    pipe: File,
    /// What was read of the last words.
    words: Vec<u8>,
    speaking: bool,
    over: bool,
}

/// What was heard, beside last words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// It accepts.
    pub(crate) ready: bool,
    /// Its slot says something that shouldn't wait until the next look.
    pub(crate) look: bool,
}

impl Mouth {
    /// Says that the worker accepts. A master that is being replaced may not hear it; it reads the slot.
    pub(crate) fn say_ready(&mut self) {
        let _ = self.0.write_all(&[READY]);
    }

    /// Has the master look at the slot now.
    pub(crate) fn say_look(&mut self) {
        let _ = self.0.write_all(&[LOOK]);
    }

    /// Says why it ends.
    pub(crate) fn say_why(&mut self, reason: &str) {
        let mut kept = reason.len().min(MOST_WORDS);
        while !reason.is_char_boundary(kept) {
            kept -= 1;
        }
        let mut bytes = vec![WORDS];
        bytes.extend_from_slice(&reason.as_bytes()[..kept]);
        let _ = self.0.write_all(&bytes);
    }
}

impl From<OwnedFd> for Mouth {
    fn from(pipe: OwnedFd) -> Self {
        Self(pipe.into())
    }
}

impl StatusPipe {
    /// A pipe: both its ends.
    pub(crate) fn new() -> io::Result<(Self, Mouth)> {
        let (reading, writing) = pipe_with(PipeFlags::CLOEXEC)?;
        // The worker's words may wait for room; the master never waits for a worker.
        fcntl_setfl(&reading, fcntl_getfl(&reading)? | OFlags::NONBLOCK)?;
        let pipe = Self { pipe: reading.into(), words: Vec::new(), speaking: false, over: false };
        Ok((pipe, Mouth(writing.into())))
    }

    /// Reads what there is.
    pub(crate) fn hear(&mut self) -> Heard {
        let mut heard = Heard::default();
        let mut bytes = [0; 512];
        loop {
            match self.pipe.read(&mut bytes) {
                Ok(0) => {
                    self.over = true;
                    return heard;
                }
                Ok(count) => {
                    for byte in &bytes[..count] {
                        if self.speaking {
                            self.words.push(*byte);
                        } else if *byte == READY {
                            heard.ready = true;
                        } else if *byte == LOOK {
                            heard.look = true;
                        } else {
                            self.speaking = true;
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.over |= error.kind() != io::ErrorKind::WouldBlock;
                    return heard;
                }
            }
        }
    }

    /// Whether there is nothing more to come.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Its last words, if it said any.
    pub(crate) fn last_words(self) -> Option<String> {
        self.speaking.then(|| String::from_utf8_lossy(&self.words).into_owned())
    }
}

impl AsFd for StatusPipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

const READY: u8 = 1;
const WORDS: u8 = 2;
const LOOK: u8 = 3;
/// What fits into a pipe at once.
const MOST_WORDS: usize = 4000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_and_last_words_are_heard() {
        let (mut pipe, mut mouth) = StatusPipe::new().unwrap();
        assert_eq!(pipe.hear(), Heard::default());
        mouth.say_ready();
        assert_eq!(pipe.hear(), Heard { ready: true, look: false });
        mouth.say_look();
        assert_eq!(pipe.hear(), Heard { ready: false, look: true });
        mouth.say_why("no database");
        drop(mouth);
        assert_eq!(pipe.hear(), Heard::default());
        assert!(pipe.is_over());
        assert_eq!(pipe.last_words().as_deref(), Some("no database"));
    }

    #[test]
    fn who_says_nothing_has_no_last_words() {
        let (mut pipe, mouth) = StatusPipe::new().unwrap();
        drop(mouth);
        assert_eq!(pipe.hear(), Heard::default());
        assert_eq!(pipe.last_words(), None);
    }
}
