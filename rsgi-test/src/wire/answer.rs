//! Reads answers of HTTP/1 off a stream, strictly and by itself.
//!
//! No parser is shared with the servers under test, so an error of theirs can't hide in ours. It accepts only what a
//! careful server sends: CRLF line ends, one framing, chunk sizes in plain hexadecimal. Whatever else comes is told
//! as [`Broken`], with all that was read before it.
//!
//! Read next: `client.rs`, which owns the socket.

use std::fmt;
use std::io::{self, Read};

/// One answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The informational answers before it.
    pub informational: Vec<Head>,
    /// Its head.
    pub head: Head,
    /// Its content, unframed.
    pub body: Vec<u8>,
    /// How the content was framed.
    pub framing: Framing,
    /// The sizes of its chunks, but the last.
    pub chunks: Vec<usize>,
    /// The fields behind a chunked content.
    pub trailers: Vec<(String, Vec<u8>)>,
}

/// A status line and its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The version as sent, such as `HTTP/1.1`.
    pub version: String,
    /// The status.
    pub status: u16,
    /// The reason phrase, perhaps empty.
    pub reason: String,
    /// Names in lower case and values, in order.
    pub fields: Vec<(String, Vec<u8>)>,
}

/// How the end of an answer's content was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none: HEAD, 204, 304, 101.
    None,
    /// By `Content-Length`.
    Length(u64),
    /// By chunks.
    Chunked,
    /// By the end of the connection.
    Close,
}

/// An answer that didn't come whole.
#[derive(Debug)]
pub struct Broken {
    /// The head, if it came.
    pub head: Option<Head>,
    /// The content up to the break.
    pub body: Vec<u8>,
    /// What broke it.
    pub cause: Break,
}

/// What broke an answer.
#[derive(Debug)]
pub enum Break {
    /// The stream ended.
    Closed,
    /// The stream was reset.
    Reset,
    /// Nothing came for too long.
    Silent,
    /// Something came that no server may send.
    Illegal(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:?} after head {:?} and {} bytes of content",
            self.cause,
            self.head,
            self.body.len()
        )
    }
}

impl Head {
    /// The one field of a name.
    pub fn field(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} is there {} times: {self:?}", all.len());
        all.first().copied()
    }

    /// All fields of a name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(found, _)| found == name);
        named.map(|(_, value)| std::str::from_utf8(value).unwrap_or("not UTF-8")).collect()
    }
}

impl Answer {
    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The one field of a name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.field(name)
    }

    /// The content as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the content is text")
    }

    /// Tells whether the server says that it closes the connection.
    pub fn says_close(&self) -> bool {
        self.head.all("connection").iter().any(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// A stream with what was read ahead of it.
pub(crate) struct Reader<'a> {
    pub(crate) stream: &'a mut dyn Read,
    pub(crate) buffer: &'a mut Vec<u8>,
}

impl Reader<'_> {
    /// Reads one final answer to a request of this method.
    pub(crate) fn answer(&mut self, method: &str) -> Result<Answer, Broken> {
        let mut informational = Vec::new();
        let head = loop {
            let head = self.head().map_err(|cause| Broken { head: None, body: Vec::new(), cause })?;
            if head.status >= 200 || head.status == 101 {
                break head;
            }
            informational.push(head);
        };
        let mut body = Vec::new();
        let mut rest = Rest { chunks: Vec::new(), trailers: Vec::new() };
        let ended = framing(&head, method).and_then(|framing| {
            self.content(framing, &mut body, &mut rest)?;
            Ok(framing)
        });
        match ended {
            Ok(framing) => {
                let Rest { chunks, trailers } = rest;
                Ok(Answer { informational, head, body, framing, chunks, trailers })
            }
            Err(cause) => Err(Broken { head: Some(head), body, cause }),
        }
    }

    /// Reads one head, final or not.
    pub(crate) fn head(&mut self) -> Result<Head, Break> {
        let line = self.line()?;
        let illegal = || Break::Illegal(format!("status line {:?}", String::from_utf8_lossy(&line)));
        let text = std::str::from_utf8(&line).map_err(|_| illegal())?;
        let mut parts = text.splitn(3, ' ');
        let (Some(version), Some(status), Some(reason)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(illegal());
        };
        let digits = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
            return Err(illegal());
        }
        let status = status.parse().map_err(|_| illegal())?;
        Ok(Head { version: version.into(), status, reason: reason.into(), fields: self.fields()? })
    }

    pub(crate) fn fields(&mut self) -> Result<Vec<(String, Vec<u8>)>, Break> {
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(fields);
            }
            let colon = line.iter().position(|byte| *byte == b':');
            let name = colon.and_then(|at| std::str::from_utf8(&line[..at]).ok());
            match (name, colon) {
                (Some(name), Some(at)) if !name.is_empty() && name.bytes().all(is_token) => {
                    fields.push((name.to_ascii_lowercase(), line[at + 1..].trim_ascii().to_vec()));
                }
                _ => return Err(Break::Illegal(format!("field {:?}", String::from_utf8_lossy(&line)))),
            }
        }
    }

    fn content(&mut self, framing: Framing, body: &mut Vec<u8>, rest: &mut Rest) -> Result<(), Break> {
        match framing {
            Framing::None => Ok(()),
            Framing::Length(length) => self.exactly(length, body),
            Framing::Close => loop {
                body.append(self.buffer);
                match self.fill() {
                    Ok(()) => {}
                    Err(Break::Closed) => return Ok(()),
                    Err(other) => return Err(other),
                }
            },
            Framing::Chunked => self.chunks(body, rest),
        }
    }

    fn chunks(&mut self, body: &mut Vec<u8>, rest: &mut Rest) -> Result<(), Break> {
        loop {
            let line = self.line()?;
            let text = String::from_utf8_lossy(&line).into_owned();
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let size = u64::from_str_radix(&text, 16).ok().filter(|_| plain);
            let size = size.ok_or_else(|| Break::Illegal(format!("chunk size {text:?}")))?;
            if size == 0 {
                rest.trailers = self.fields()?;
                return Ok(());
            }
            self.exactly(size, body)?;
            rest.chunks.push(usize::try_from(size).expect("it was just read into memory"));
            let end = self.line()?;
            if !end.is_empty() {
                return Err(Break::Illegal(format!("{end:?} behind a chunk")));
            }
        }
    }

    fn exactly(&mut self, length: u64, body: &mut Vec<u8>) -> Result<(), Break> {
        let mut left = usize::try_from(length).map_err(|_| Break::Illegal(format!("length {length}")))?;
        while left > 0 {
            if self.buffer.is_empty() {
                self.fill()?;
            }
            let take = left.min(self.buffer.len());
            body.extend(self.buffer.drain(..take));
            left -= take;
        }
        Ok(())
    }

    pub(crate) fn line(&mut self) -> Result<Vec<u8>, Break> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=searched + at).collect();
                line.pop();
                if line.pop() != Some(b'\r') || line.contains(&b'\r') {
                    return Err(Break::Illegal(format!("a bare CR or LF round {line:?}")));
                }
                return Ok(line);
            }
            searched = self.buffer.len();
            self.fill()?;
        }
    }

    /// Reads some more into the buffer.
    pub(crate) fn fill(&mut self) -> Result<(), Break> {
        let mut piece = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(Break::Closed),
                Ok(read) => {
                    self.buffer.extend_from_slice(&piece[..read]);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken_by(&error)),
            }
        }
    }
}

/// What a failed read says about the stream.
pub(crate) fn broken_by(error: &io::Error) -> Break {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Break::Silent,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            Break::Reset
        }
        io::ErrorKind::UnexpectedEof => Break::Closed,
        _ => Break::Illegal(error.to_string()),
    }
}

struct Rest {
    chunks: Vec<usize>,
    trailers: Vec<(String, Vec<u8>)>,
}

/// RFC 9112 section 6.3, from the client's side, and no leniency.
pub(crate) fn framing(head: &Head, method: &str) -> Result<Framing, Break> {
    let (codings, lengths) = (head.all("transfer-encoding"), head.all("content-length"));
    if codings.len() + lengths.len() > 1 {
        return Err(Break::Illegal(format!("framed twice: {codings:?} and {lengths:?}")));
    }
    let tunnel = method == "CONNECT" && (200..300).contains(&head.status);
    if method == "HEAD" || matches!(head.status, 101 | 204 | 304) || tunnel {
        return Ok(Framing::None);
    }
    if let Some(coding) = codings.first() {
        return if *coding == "chunked" {
            Ok(Framing::Chunked)
        } else {
            Err(Break::Illegal(format!("coding {coding}")))
        };
    }
    let Some(length) = lengths.first() else { return Ok(Framing::Close) };
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let length = length.parse().ok().filter(|_| digits).map(Framing::Length);
    length.ok_or_else(|| Break::Illegal(format!("content-length {lengths:?}")))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
