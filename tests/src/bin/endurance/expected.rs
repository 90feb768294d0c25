//! What an answer must be: its status line, each of its fields once and no other, its content.
//!
//! Read next: `request.rs`, what it answers.

use std::time::{Duration, SystemTime};

use crate::fault::Fault;
use crate::inbox::{Inbox, shown};

/// How an answer's content is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By a length.
    Length,
    /// By chunks.
    Chunked,
    /// By a length, and nothing comes: the answer to HEAD.
    Head,
}

/// Whether the answer is the connection's last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It goes on.
    Open,
    /// It must say that it closes.
    Close,
}

/// One answer.
pub(crate) struct Expected<'a> {
    /// The number of its request.
    pub(crate) number: u64,
    /// How it is framed.
    pub(crate) framing: Framing,
    /// Whether it is the last.
    pub(crate) keep: Keep,
    /// Its content; the end of it if it comes in pieces is the end of this.
    pub(crate) content: &'a [u8],
}

impl Expected<'_> {
    /// Takes the answer from an inbox.
    pub(crate) fn take(&self, inbox: &mut Inbox) -> Result<(), Fault> {
        self.take_head(inbox).map_err(|fault| fault.while_doing(&format!("head of {}", self.number)))?;
        let content = match self.framing {
            Framing::Length => inbox.expect(self.content),
            Framing::Chunked => self.take_chunks(inbox),
            Framing::Head => Ok(()),
        };
        content.map_err(|fault| fault.while_doing(&format!("content of {}", self.number)))
    }

    /// Takes the head alone.
    pub(crate) fn take_head(&self, inbox: &mut Inbox) -> Result<(), Fault> {
        inbox.expect(b"HTTP/1.1 200 OK\r\n")?;
        let mut seen = 0;
        loop {
            let line = inbox.line()?;
            if line.is_empty() {
                break;
            }
            let field =
                self.judge(line).ok_or_else(|| Fault::wrong(format!("a field \"{}\"", shown(line))))?;
            if seen & field != 0 {
                return Err(Fault::wrong(format!("twice a field \"{}\"", shown(line))));
            }
            seen |= field;
        }
        let framing = if self.framing == Framing::Chunked { CODING } else { LENGTH };
        let close = if self.keep == Keep::Close { CONNECTION } else { 0 };
        if seen != framing | close | DATE | KIND | NUMBER {
            return Err(Fault::wrong(format!("a field is missing or too much: {seen:#b}")));
        }
        Ok(())
    }

    /// Which field a line is, if it says what it must.
    fn judge(&self, line: &[u8]) -> Option<u32> {
        let (name, value) = std::str::from_utf8(line).ok()?.split_once(": ")?;
        let (field, is_right) = match name {
            "content-length" => (LENGTH, value.parse() == Ok(self.content.len())),
            "x-number" => (NUMBER, value.parse() == Ok(self.number)),
            "content-type" => (KIND, value == "application/octet-stream"),
            "date" => (DATE, is_now(value)),
            "transfer-encoding" => (CODING, value == "chunked"),
            "connection" => (CONNECTION, value == "close"),
            _ => return None,
        };
        is_right.then_some(field)
    }

    fn take_chunks(&self, inbox: &mut Inbox) -> Result<(), Fault> {
        let mut left = self.content;
        loop {
            let line = inbox.line()?;
            let size = std::str::from_utf8(line).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.ok_or_else(|| Fault::wrong(format!("a chunk's size \"{}\"", shown(line))))?;
            if size > left.len() || (size == 0 && !left.is_empty()) {
                return Err(Fault::wrong(format!("a chunk of {size} where {} bytes are left", left.len())));
            }
            let (piece, rest) = left.split_at(size);
            inbox.expect(piece)?;
            inbox.expect(b"\r\n")?;
            if size == 0 {
                return Ok(());
            }
            left = rest;
        }
    }
}

/// Whether a date is of this minute. The last one is remembered, as one comes thousands of times.
fn is_now(value: &str) -> bool {
    thread_local!(static LAST: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) });
    LAST.with_borrow_mut(|last| {
        if last == value {
            return true;
        }
        let Ok(date) = httpdate::parse_http_date(value) else { return false };
        let now = SystemTime::now();
        let apart = now.duration_since(date).or_else(|_| date.duration_since(now)).unwrap_or(Duration::MAX);
        let is_now = apart < Duration::from_mins(1);
        if is_now {
            value.clone_into(last);
        }
        is_now
    })
}

const LENGTH: u32 = 1;
const NUMBER: u32 = 2;
const KIND: u32 = 4;
const DATE: u32 = 8;
const CODING: u32 = 16;
const CONNECTION: u32 = 32;
