//! A part of a file as a body, which an adapter may have the operating system send.
//!
//! PEP 3333's `file_wrapper`, as a kind of body: middleware that maps it gets its bytes, one that doesn't leaves
//! the fast path open. Reading it is core's only I/O.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use super::produce::{Produce, Sink, Step, read_some};
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
        Ok(Self { file, offset, left: length, positioned: false, buffer: Vec::new() })
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
        if !self.positioned {
            self.file.seek(SeekFrom::Start(self.offset))?;
            self.positioned = true;
        }
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX);
        let read = read_some(&mut self.file, &mut self.buffer, limit)?;
        if read == 0 {
            // The file was cut since: the missing bytes are reported by whoever counts.
            return Ok(Step::Done);
        }
        self.offset += read as u64;
        self.left -= read as u64;
        sink.copy(&self.buffer[..read])?;
        Ok(Step::More)
    }
}
