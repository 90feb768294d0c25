//! The chunked coding by the grammar of RFC 9112 7.1, from a whole buffer, as plainly as it can be written.
//!
//! It works on positions in a slice, line by line, and keeps no state between calls: nothing of the server's decoder,
//! which keeps a state for each byte, is here. Next: `connection_model.rs`.
//!
//! Invariant: content is only what a size line before it announced.

use rsgi_std::h1::{BodyErrorKind, BodyLimits};

use crate::head_model::is_token;

/// What a buffer's front decodes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// The content before the end or the fault.
    pub content: Vec<u8>,
    /// How it ended.
    pub end: ChunksEnd,
}

/// How a chunked body ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunksEnd {
    /// Whole: so many bytes of the buffer are the body's, with these trailer fields.
    Whole(usize, Vec<(Vec<u8>, Vec<u8>)>),
    /// The buffer ended first.
    Truncated,
    /// The grammar or a limit is broken.
    Broken(BodyErrorKind),
}

/// Decodes a buffer that holds all that will ever come.
pub fn decode(bytes: &[u8], limits: &BodyLimits) -> Chunks {
    let mut content = Vec::new();
    let end = match walk(bytes, limits, &mut content) {
        Ok((length, fields)) => ChunksEnd::Whole(length, fields),
        Err(end) => end,
    };
    Chunks { content, end }
}

type Whole = (usize, Vec<(Vec<u8>, Vec<u8>)>);

const MALFORMED: ChunksEnd = ChunksEnd::Broken(BodyErrorKind::Malformed);
const LIMIT: ChunksEnd = ChunksEnd::Broken(BodyErrorKind::Limit);

fn walk(bytes: &[u8], limits: &BodyLimits, content: &mut Vec<u8>) -> Result<Whole, ChunksEnd> {
    let mut at = 0;
    let mut extensions = 0;
    loop {
        let size = read_size(bytes, &mut at)?;
        read_extension(bytes, &mut at, &mut extensions, limits)?;
        expect(bytes, &mut at, b"\r\n")?;
        if size == 0 {
            break;
        }
        if size > limits.body_bytes.saturating_sub(content.len() as u64) {
            return Err(LIMIT);
        }
        let there = usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len() - at);
        content.extend_from_slice(&bytes[at..at + there]);
        at += there;
        if there as u64 != size {
            return Err(ChunksEnd::Truncated);
        }
        expect(bytes, &mut at, b"\r\n")?;
    }
    let (length, fields) = read_trailers(&bytes[at..], limits)?;
    Ok((at + length, fields))
}

/// `1*HEXDIG`, at most 16 of them.
fn read_size(bytes: &[u8], at: &mut usize) -> Result<u64, ChunksEnd> {
    let digits = bytes[*at..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits > 16 {
        return Err(LIMIT);
    }
    let text = String::from_utf8_lossy(&bytes[*at..*at + digits]);
    *at += digits;
    match bytes.get(*at) {
        None => Err(ChunksEnd::Truncated),
        Some(_) => u64::from_str_radix(&text, 16).map_err(|_| MALFORMED),
    }
}

/// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`, but for blanks right behind the size.
fn read_extension(
    bytes: &[u8],
    at: &mut usize,
    total: &mut usize,
    limits: &BodyLimits,
) -> Result<(), ChunksEnd> {
    let mut line = Extension { bytes, at: *at, length: 0, total: *total, limits };
    while line.peek() == Some(b';') {
        line.take()?;
        line.skip(is_blank)?;
        line.word()?;
        let mut has_blanks = line.skip(is_blank)? > 0;
        if line.peek() == Some(b'=') {
            line.take()?;
            line.skip(is_blank)?;
            if line.peek() == Some(b'"') {
                line.quoted()?;
            } else {
                line.word()?;
            }
            has_blanks = line.skip(is_blank)? > 0;
        }
        // Blanks lead to a next extension, never to the line's end.
        match line.peek() {
            None => return Err(ChunksEnd::Truncated),
            Some(b';') => {}
            Some(_) if has_blanks => return Err(MALFORMED),
            Some(_) => break,
        }
    }
    (*at, *total) = (line.at, line.total);
    Ok(())
}

/// A place in a size line, behind the size; counts what the limits are about.
struct Extension<'a> {
    bytes: &'a [u8],
    at: usize,
    length: usize,
    total: usize,
    limits: &'a BodyLimits,
}

impl Extension<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self) -> Result<(), ChunksEnd> {
        self.at += 1;
        self.length += 1;
        self.total += 1;
        let is_over = self.length > self.limits.extension_bytes || self.total > self.limits.extensions_total;
        if is_over { Err(LIMIT) } else { Ok(()) }
    }

    fn skip(&mut self, accepts: impl Fn(u8) -> bool) -> Result<usize, ChunksEnd> {
        let start = self.at;
        while self.peek().is_some_and(&accepts) {
            self.take()?;
        }
        Ok(self.at - start)
    }

    /// A token.
    fn word(&mut self) -> Result<(), ChunksEnd> {
        match (self.skip(is_token)?, self.peek()) {
            (0, Some(_)) => Err(MALFORMED),
            (_, None) => Err(ChunksEnd::Truncated),
            _ => Ok(()),
        }
    }

    /// A quoted-string.
    fn quoted(&mut self) -> Result<(), ChunksEnd> {
        self.take()?;
        loop {
            match self.peek() {
                None => return Err(ChunksEnd::Truncated),
                Some(b'"') => return self.take(),
                Some(b'\\') => {
                    self.take()?;
                    match self.peek() {
                        None => return Err(ChunksEnd::Truncated),
                        Some(byte) if is_text(byte) => self.take()?,
                        Some(_) => return Err(MALFORMED),
                    }
                }
                Some(byte) if is_text(byte) => self.take()?,
                Some(_) => return Err(MALFORMED),
            }
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

fn expect(bytes: &[u8], at: &mut usize, wanted: &[u8]) -> Result<(), ChunksEnd> {
    for byte in wanted {
        match bytes.get(*at) {
            None => return Err(ChunksEnd::Truncated),
            Some(there) if there == byte => *at += 1,
            Some(_) => return Err(MALFORMED),
        }
    }
    Ok(())
}

/// The lines behind the last chunk, with the empty one.
fn read_trailers(bytes: &[u8], limits: &BodyLimits) -> Result<Whole, ChunksEnd> {
    let mut at = 0;
    let mut fields = Vec::new();
    let mut fault = None;
    loop {
        let Some(feed) = bytes[at..].iter().position(|byte| *byte == b'\n') else {
            return Err(if bytes.len() >= limits.trailer_bytes.saturating_add(2) {
                LIMIT
            } else {
                ChunksEnd::Truncated
            });
        };
        let line = &bytes[at..at + feed];
        if at + feed >= limits.trailer_bytes.saturating_add(2) {
            return Err(LIMIT);
        }
        let Some((b'\r', line)) = line.split_last() else { return Err(MALFORMED) };
        at += feed + 1;
        if line.is_empty() {
            break;
        }
        match read_field(line) {
            _ if fields.len() == limits.trailer_count => fault = fault.or(Some(LIMIT)),
            Some(field) => fields.push(field),
            None => fault = fault.or(Some(MALFORMED)),
        }
    }
    match fault {
        Some(fault) => Err(fault),
        None => Ok((at, fields)),
    }
}

fn read_field(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_name = !name.is_empty() && name.iter().all(|byte| is_token(*byte));
    let is_value = !value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let value = match (value.iter().position(is_text), value.iter().rposition(is_text)) {
        (Some(first), Some(last)) => &value[first..=last],
        _ => &[],
    };
    (is_name && is_value).then(|| (name.to_ascii_lowercase(), value.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, ChunksEnd) {
        let chunks = decode(text.as_bytes(), &BodyLimits::default());
        (String::from_utf8_lossy(&chunks.content).into_owned(), chunks.end)
    }

    #[test]
    fn chunks_extensions_and_trailers_are_taken_apart() {
        let (content, end) = read("3;a=\"b\\\"\"\r\nabc\r\n02\r\nde\r\n0\r\nX-T: 1\r\n\r\nGET");
        assert_eq!(content, "abcde");
        assert_eq!(end, ChunksEnd::Whole(37, vec![(b"x-t".to_vec(), b"1".to_vec())]));
    }

    #[test]
    fn what_is_broken_or_cut_is_told_apart() {
        for broken in [
            "g\r\n",
            "3 \r\n",
            "3\n",
            "3\r\nabcd\r\n",
            ";\r\n",
            "3;a\"\r\n",
            "3;a=\"\r\n",
            "3; \r\n",
            "3;a \r\n",
            "3;a=\r\n",
            "0\r\nx\r\n\r\n",
            "0\r\n\n",
        ] {
            assert_eq!(read(broken).1, MALFORMED, "{broken:?}");
        }
        for cut in ["", "3", "3;a=\"", "3\r\nab", "3\r\nabc", "3\r\nabc\r\n0\r\n", "0\r\nX: y\r\n"] {
            assert_eq!(read(cut).1, ChunksEnd::Truncated, "{cut:?}");
        }
        assert_eq!(read("00000000000000003\r\n").1, LIMIT);
    }
}
