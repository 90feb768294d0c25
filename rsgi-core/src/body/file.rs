//! A part of a file as a body, which an adapter may have the operating system send.
//!
//! PEP 3333's `file_wrapper`, as a kind of body: middleware that maps it gets its bytes, one that doesn't leaves
//! the fast path open. Reading it is core's only I/O.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use bytes::{Bytes, BytesMut};

use super::produce::{Produce, READ, Sink, Step, read_into, read_some};
use crate::Error;

/// A part of a file: what is left of it to send.
pub struct FileBody {
    file: File,
    offset: u64,
    left: u64,
    /// Whether `file`'s own position is `offset`.
    positioned: bool,
    /// Made when the file is first read.
    buffer: Vec<u8>,
    ahead: Ahead,
}

/// Pieces that are read ahead of a client, each into memory that is the piece's own.
///
/// A piece costs two threads' waking each other, so they grow while the client waits for them, and shrink while it
/// doesn't: a slow one holds no more than of any other body.
struct Ahead {
    /// Bytes of the next piece.
    most: usize,
    /// The last pieces, whose memory serves again once they are sent.
    sent: Vec<Bytes>,
}

impl FileBody {
    pub(crate) fn new(file: File, offset: u64, length: u64) -> io::Result<Self> {
        let facts = file.metadata()?;
        if facts.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let available = facts.len().saturating_sub(offset);
        if length > available {
            let text =
                format!("file part of {length} bytes at {offset} goes beyond the end; ask its length first");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(Self {
            file,
            offset,
            left: length,
            positioned: false,
            buffer: Vec::new(),
            ahead: Ahead::default(),
        })
    }

    /// The file, for the system to send from.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where the rest begins, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How much is left, in bytes.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Goes to where the rest begins; tells how much of it there is.
    fn position(&mut self) -> io::Result<usize> {
        if !self.positioned {
            self.file.seek(SeekFrom::Start(self.offset))?;
            self.positioned = true;
        }
        Ok(usize::try_from(self.left).unwrap_or(usize::MAX))
    }

    /// So many bytes were read.
    fn took(&mut self, bytes: usize) {
        self.offset += bytes as u64;
        self.left -= bytes as u64;
    }

    pub(crate) fn advance(&mut self, bytes: u64) {
        self.offset += bytes;
        self.left = self.left.saturating_sub(bytes);
        self.positioned = false;
    }
}

impl std::fmt::Debug for FileBody {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, offset, left, .. } = self;
        let mut debug = formatter.debug_struct("FileBody");
        debug.field("file", file).field("offset", offset).field("left", left).finish_non_exhaustive()
    }
}

impl Produce for FileBody {
    fn step(&mut self, sink: &mut dyn Sink) -> Result<Step, Error> {
        if self.left == 0 {
            return Ok(Step::Done);
        }
        let limit = self.position()?;
        let read = read_some(&mut self.file, &mut self.buffer, limit)?;
        if read == 0 {
            // The file was cut since: the missing bytes are reported by whoever counts.
            return Ok(Step::Done);
        }
        self.took(read);
        sink.copy(&self.buffer[..read])?;
        Ok(Step::More)
    }

    fn step_ahead(&mut self, sink: &mut dyn Sink, is_waited_for: bool) -> Result<Step, Error> {
        if self.left == 0 {
            return Ok(Step::Done);
        }
        let limit = self.position()?;
        let mut buffer = self.ahead.buffer(limit, is_waited_for);
        let read = read_into(&mut self.file, &mut buffer)?;
        if read == 0 {
            return Ok(Step::Done);
        }
        self.took(read);
        sink.data(self.ahead.keep(buffer.freeze(), read))?;
        Ok(Step::More)
    }
}

impl Ahead {
    /// Gives memory for the next piece, of at most `limit` bytes.
    fn buffer(&mut self, limit: usize, is_waited_for: bool) -> BytesMut {
        self.most = if is_waited_for { (2 * self.most).min(AHEAD) } else { (self.most / 2).max(READ) };
        let room = limit.min(self.most);
        let fits = room..=self.most;
        self.sent.retain(|sent| fits.contains(&sent.len()));
        for _ in 0..self.sent.len() {
            match self.sent.remove(0).try_into_mut() {
                Ok(mut buffer) => {
                    buffer.truncate(room);
                    return buffer;
                }
                Err(unsent) => self.sent.push(unsent),
            }
        }
        BytesMut::zeroed(room)
    }

    /// Gives the first bytes of a buffer as a piece, and keeps its memory.
    fn keep(&mut self, buffer: Bytes, bytes: usize) -> Bytes {
        let piece = buffer.slice(..bytes);
        if self.sent.len() == KEPT {
            self.sent.remove(0);
        }
        self.sent.push(buffer);
        piece
    }
}

impl Default for Ahead {
    fn default() -> Self {
        Self { most: READ, sent: Vec::new() }
    }
}

/// The most bytes of a piece that is read ahead.
const AHEAD: usize = 256 * 1024;

/// Pieces under way at once: one waits while one is sent.
const KEPT: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_grow_while_the_client_waits_for_them_and_shrink_while_it_does_not() {
        let mut ahead = Ahead::default();
        let waits = [true, true, true, false, false, false];
        let sizes = waits.map(|is_waited_for| ahead.buffer(usize::MAX, is_waited_for).len() / READ);
        assert_eq!(sizes, [2, 4, 4, 2, 1, 1]);
        assert_eq!(ahead.buffer(10, true).len(), 10, "no more than there is");
    }

    #[test]
    fn the_memory_of_a_piece_serves_again_once_it_is_sent() {
        let mut ahead = Ahead::default();
        let mut piece = || {
            let buffer = ahead.buffer(READ, false).freeze();
            ahead.keep(buffer, 10)
        };
        let (first, second) = (piece(), piece());
        assert_ne!(first.as_ptr(), second.as_ptr(), "neither is sent");
        let memory = second.as_ptr();
        drop(second);
        let third = piece();
        assert_eq!((third.as_ptr(), third.len()), (memory, 10));
        assert_ne!(first.as_ptr(), third.as_ptr());
    }
}
