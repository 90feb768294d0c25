//! A request head by the grammar of RFC 9112, from a whole buffer: slow, plain, and apart from the server's parser.
//!
//! It finds the head's end first and then cuts it into lines, which no incremental parser can; so the two share no
//! mistake. It says what must be taken, what must be refused, and what is open ([`Head`]).
//!
//! Invariant: a head whose end two parsers could see at different places is refused. Next: `connection_model.rs`.

use rsgi_std::h1::{Framing, HeadLimits};

use crate::host_model::{Judgement, judge_host, judge_target};

/// What lies at the front of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A head without its end. A server may wait for more, or refuse what is broken already.
    Incomplete,
    /// Something that no server may take for a request.
    Refused(&'static str),
    /// A request's head.
    Whole(Box<WholeHead>),
}

/// A head that may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeHead {
    /// Bytes from the buffer's front to the body, empty lines in front included.
    pub length: usize,
    /// Whether it must be taken; else its target or host is one that a server may refuse.
    pub is_certain: bool,
    /// The method.
    pub method: Vec<u8>,
    /// The target, as sent.
    pub target: Vec<u8>,
    /// Whether the version is 1.1 or a higher 1.x.
    pub is_11: bool,
    /// The fields, names in lower case.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether the client lets the connection go on.
    pub keeps: bool,
}

impl WholeHead {
    /// Returns the values of a field.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.fields.iter().filter(move |(field, _)| field == name.as_bytes());
        fields.map(|(_, value)| &value[..])
    }

    /// Returns the members of a field that is a list, in lower case, without the blanks round them.
    fn members(&self, name: &str) -> Vec<Vec<u8>> {
        let members = self.values(name).flat_map(|value| value.split(|byte| *byte == b','));
        members.map(|member| trim(member).to_ascii_lowercase()).collect()
    }
}

/// Reads the head at the front of a buffer that holds all that will ever come.
pub fn read_head(bytes: &[u8], limits: &HeadLimits) -> Head {
    let mut start = 0;
    while bytes[start..].starts_with(b"\r\n") {
        start += 2;
        if start / 2 > limits.empty_lines {
            return Head::Refused("too many empty lines");
        }
    }
    let rest = &bytes[start..];
    let end = rest.windows(4).position(|window| window == b"\r\n\r\n");
    let region = end.map_or(rest, |end| &rest[..end + 4]);
    if has_bare_line_end(region) {
        return Head::Refused("bare CR or LF");
    }
    let Some(end) = end else { return Head::Incomplete };
    let text = &rest[..end];
    if region.len() > limits.head_bytes {
        return Head::Refused("head too large");
    }
    match read_lines(text, limits) {
        Ok(mut head) => {
            head.length = start + region.len();
            judge(head, limits)
        }
        Err(rule) => Head::Refused(rule),
    }
}

/// Takes the lines apart.
fn read_lines(text: &[u8], limits: &HeadLimits) -> Result<WholeHead, &'static str> {
    let mut lines = split_lines(text).into_iter();
    let line = lines.next().unwrap_or_default();
    let parts: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = parts[..] else { return Err("request line") };
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) || method.len() > limits.method_bytes {
        return Err("method");
    }
    let is_target = |byte: &u8| *byte > b' ' && *byte != 0x7f;
    if target.is_empty() || !target.iter().all(is_target) || target.len() > limits.target_bytes {
        return Err("target");
    }
    let is_11 = match version {
        b"HTTP/1.0" => false,
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => true,
        _ => return Err("version"),
    };
    let mut fields = Vec::new();
    for line in lines {
        if line.len() > limits.field_bytes {
            return Err("field line too long");
        }
        fields.push(read_field(line)?);
    }
    if fields.len() > limits.field_count {
        return Err("too many fields");
    }
    Ok(WholeHead {
        length: 0,
        is_certain: true,
        method: method.to_vec(),
        target: target.to_vec(),
        is_11,
        fields,
        framing: Framing::None,
        keeps: false,
    })
}

fn read_field(line: &[u8]) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or("no colon")?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
        return Err("field name");
    }
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err("field value");
    }
    Ok((name.to_ascii_lowercase(), trim(value).to_vec()))
}

/// Says what the fields mean, and whether they may stand together.
fn judge(mut head: WholeHead, _limits: &HeadLimits) -> Head {
    let hosts: Vec<&[u8]> = head.values("host").collect();
    if hosts.len() > 1 || hosts.is_empty() && head.is_11 {
        return Head::Refused("one Host");
    }
    let host = hosts.first().map_or(Judgement::Sound, |host| judge_host(host));
    let target = judge_target(&head.method, &head.target);
    if host == Judgement::Broken || target == Judgement::Broken {
        return Head::Refused("host or target");
    }
    head.is_certain = host == Judgement::Sound && target == Judgement::Sound;
    head.framing = match framing(&head) {
        Ok(framing) => framing,
        Err(rule) => return Head::Refused(rule),
    };
    let has_content = !matches!(head.framing, Framing::None | Framing::Length(0));
    if head.method == b"CONNECT" && has_content {
        return Head::Refused("content on CONNECT");
    }
    let expects_other =
        head.members("expect").iter().any(|member| !member.is_empty() && member != b"100-continue");
    if head.is_11 && expects_other {
        return Head::Refused("unknown expectation");
    }
    let options = head.members("connection");
    let has = |name: &[u8]| options.iter().any(|option| option == name);
    head.keeps = !has(b"close") && (head.is_11 || has(b"keep-alive"));
    Head::Whole(Box::new(head))
}

/// RFC 9112 6.3 for requests, where every doubt is a refusal.
fn framing(head: &WholeHead) -> Result<Framing, &'static str> {
    let lengths: Vec<&[u8]> = head.values("content-length").collect();
    let codings = head.members("transfer-encoding");
    match (&lengths[..], &codings[..]) {
        ([], []) => Ok(Framing::None),
        ([length], []) => {
            if length.is_empty() || !length.iter().all(u8::is_ascii_digit) {
                return Err("Content-Length");
            }
            let digits = String::from_utf8_lossy(length);
            digits.parse().map(Framing::Length).map_err(|_| "Content-Length over 64 bits")
        }
        ([], [coding]) if coding == b"chunked" && head.is_11 => Ok(Framing::Chunked),
        _ => Err("framing"),
    }
}

/// Splits at CRLF; the parts hold neither.
pub fn split_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines.push(rest);
    lines
}

/// Tells whether a CR or LF stands alone; a CR at the very end may still become one of a pair.
pub fn has_bare_line_end(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| match bytes[at] {
        b'\r' => bytes.get(at + 1).is_some_and(|next| *next != b'\n'),
        b'\n' => at == 0 || bytes[at - 1] != b'\r',
        _ => false,
    })
}

fn trim(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    match (value.iter().position(is_text), value.iter().rposition(is_text)) {
        (Some(first), Some(last)) => &value[first..=last],
        _ => &[],
    }
}

/// Whether a byte may stand in a token (RFC 9110 5.6.2).
pub fn is_token(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        || byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Head {
        read_head(text.as_bytes(), &HeadLimits::default())
    }

    #[test]
    fn a_plain_head_is_read_with_what_it_says() {
        let Head::Whole(head) = read("\r\nPOST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc")
        else {
            panic!("no head");
        };
        assert_eq!((head.framing, head.keeps, head.is_certain), (Framing::Length(3), true, true));
        assert_eq!(head.length, 50);
        assert_eq!(head.fields[0], (b"host".to_vec(), b"b".to_vec()));
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        for fields in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Content-Length: 1\r\nContent-Length: 1",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked,",
            "Content-Length: +1",
            "Host: c",
            "X : y",
            " x: y",
            "x: a\nb",
            "Expect: wonders",
        ] {
            let head = read(&format!("GET / HTTP/1.1\r\nHost: b\r\n{fields}\r\n\r\n"));
            assert!(matches!(head, Head::Refused(_)), "{fields}: {head:?}");
        }
    }

    #[test]
    fn a_head_without_its_end_waits() {
        assert_eq!(read("GET / HTTP/1.1\r\nHost: b\r\n"), Head::Incomplete);
        assert_eq!(read("GET / HTTP/1.1\r\nHost: b\r\n\r"), Head::Incomplete);
        assert!(matches!(read("GET / HTTP/1.1\nHost: b\r\n"), Head::Refused(_)));
    }
}
