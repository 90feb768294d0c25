//! What a web server says to an app and hears from it: the bytes of HTTP, FastCGI, SCGI and uwsgi, written by hand.
//!
//! Shares nothing with the servers. One request at a time, and answers with a declared length, as those of `trouble` are.
//!
//! Next: `load.rs` and `gateway.rs`, which ask by it.

use std::cmp::Ordering;

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    Http,
    FastCgi,
    Scgi,
    Uwsgi,
}

/// What becomes of the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Another request may come.
    Stays,
    /// It is closed, as the request says.
    Closes,
}

/// What was heard so far.
#[derive(Debug)]
pub(crate) enum Heard {
    Part,
    Whole(Answer),
    Wrong,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// In small letters.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Nothing more is to be asked on this connection.
    pub(crate) last: bool,
    /// What FastCGI's error stream said.
    pub(crate) errors: Vec<u8>,
}

impl Tongue {
    /// Those that only web servers speak, with the words that the setting has for them.
    pub(crate) const GATEWAYS: [(&str, Self); 3] =
        [("fastcgi", Self::FastCgi), ("scgi", Self::Scgi), ("uwsgi", Self::Uwsgi)];

    /// A GET of this path.
    pub(crate) fn request(self, path: &str, after: After) -> Vec<u8> {
        match self {
            Self::Http => {
                let close = if after == After::Closes { "connection: close\r\n" } else { "" };
                format!("GET {path} HTTP/1.1\r\nhost: load\r\n{close}\r\n").into_bytes()
            }
            Self::FastCgi => fastcgi(path, after),
            Self::Scgi => {
                let variables: Vec<u8> = variables(path)
                    .iter()
                    .flat_map(|(name, value)| format!("{name}\0{value}\0").into_bytes())
                    .collect();
                [variables.len().to_string().as_bytes(), b":", &variables, b","].concat()
            }
            Self::Uwsgi => {
                let sized = |text: &str| [&length(text.len()).to_le_bytes()[..], text.as_bytes()].concat();
                let pairs: Vec<u8> = variables(path)
                    .iter()
                    .flat_map(|(name, value)| [sized(name), sized(value)].concat())
                    .collect();
                [&[0][..], &length(pairs.len()).to_le_bytes(), &[0], &pairs].concat()
            }
        }
    }

    /// What these bytes are, all that came on the connection since the request; `ended` says that none follow.
    pub(crate) fn heard(self, bytes: &[u8], ended: bool) -> Heard {
        match self {
            Self::Http => match split(bytes) {
                Some((head, body)) => Heard::measured(head, body, false),
                None => Heard::Part,
            },
            Self::FastCgi => records(bytes),
            // The end of the connection is the answer's.
            Self::Scgi | Self::Uwsgi if !ended => Heard::Part,
            Self::Scgi | Self::Uwsgi => match split(bytes) {
                Some((head, body)) => Heard::measured(head, body, true),
                None => Heard::Wrong,
            },
        }
    }
}

impl Answer {
    /// Whether its status is 200: told by a line of HTTP, or by CGI's field.
    pub(crate) fn is_ok(&self) -> bool {
        self.head.starts_with("http/1.1 200 ")
            || self.head.lines().any(|line| line.starts_with("status: 200"))
    }
}

impl Heard {
    fn measured(head: String, body: &[u8], ended: bool) -> Self {
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let due = field("content-length:").and_then(|it| it.parse::<usize>().ok());
        let last = ended || field("connection:") == Some("close");
        match due.map(|due| body.len().cmp(&due)) {
            Some(Ordering::Less) if !ended => Self::Part,
            Some(Ordering::Equal) => {
                Self::Whole(Answer { head, body: body.to_vec(), last, errors: Vec::new() })
            }
            _ => Self::Wrong,
        }
    }
}

/// What nginx's files of parameters send, but for what nobody looks at.
fn variables(path: &str) -> [(&'static str, String); 10] {
    [
        ("CONTENT_LENGTH", "0".to_owned()),
        ("SCGI", "1".to_owned()),
        ("REQUEST_METHOD", "GET".to_owned()),
        ("REQUEST_URI", path.to_owned()),
        ("QUERY_STRING", String::new()),
        ("SERVER_PROTOCOL", "HTTP/1.1".to_owned()),
        ("SERVER_NAME", "load".to_owned()),
        ("SERVER_PORT", "80".to_owned()),
        ("REMOTE_ADDR", "192.0.2.7".to_owned()),
        ("REMOTE_PORT", "4711".to_owned()),
    ]
}

fn fastcgi(path: &str, after: After) -> Vec<u8> {
    let mut pairs = Vec::new();
    for (name, value) in variables(path) {
        for text in [name, &value] {
            match u8::try_from(text.len()) {
                Ok(short @ 0..=127) => pairs.push(short),
                _ => pairs.extend((u32::from(length(text.len())) | 1 << 31).to_be_bytes()),
            }
        }
        pairs.extend([name.as_bytes(), value.as_bytes()].concat());
    }
    let keep = u8::from(after == After::Stays);
    let begin = [0, RESPONDER, keep, 0, 0, 0, 0, 0];
    [record(BEGIN, &begin), record(PARAMS, &pairs), record(PARAMS, &[]), record(STDIN, &[])].concat()
}

/// With padding, as nginx writes them.
fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let padding = content.len().wrapping_neg() % 8;
    let [high, low] = length(content.len()).to_be_bytes();
    let header = [1, kind, 0, 1, high, low, u8::try_from(padding).unwrap(), 0];
    [&header[..], content, &[0; 8][..padding]].concat()
}

fn records(mut bytes: &[u8]) -> Heard {
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    while let [version, kind, id_high, id_low, high, low, padding, _, rest @ ..] = bytes {
        let (length, padding) = (usize::from(u16::from_be_bytes([*high, *low])), usize::from(*padding));
        let Some(content) = rest.get(..length) else { return Heard::Part };
        let Some(next) = rest.get(length + padding..) else { return Heard::Part };
        match (*version, *kind, *id_high, *id_low) {
            (1, STDOUT, 0, 1) => out.extend(content),
            (1, STDERR, 0, 1) => errors.extend(content),
            (1, END, 0, 1) if next.is_empty() && content.get(4) == Some(&0) => {
                let Some((head, body)) = split(&out) else { return Heard::Wrong };
                return Heard::Whole(Answer { head, body: body.to_vec(), last: false, errors });
            }
            _ => return Heard::Wrong,
        }
        bytes = next;
    }
    Heard::Part
}

/// Head, in small letters, and body.
fn split(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase(), &bytes[end + 4..]))
}

fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap()
}

const BEGIN: u8 = 1;
const END: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;
const RESPONDER: u8 = 1;
