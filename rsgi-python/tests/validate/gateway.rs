//! A web server's side of FastCGI, SCGI, uwsgi and CGI: what it sends for a request, and what it makes of the answer.
//!
//! Written from the specifications, in little: one request a connection or process. It shares nothing with rsgi-gateway.

use std::io::{self, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::ffi::OsStringExt as _;
use std::process::{Child, Command, Stdio};

use rsgi_test::wire::deadline::patience;

use crate::asked::{Asked, Got};

/// How a request and its answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    FastCgi,
    Scgi,
    Uwsgi,
}

/// An answer on its way. Dropped, the web server has gone.
pub(crate) struct Coming {
    from: Box<dyn Read>,
    /// The program that answers, where it is one.
    child: Option<Child>,
    /// Records of FastCGI that aren't whole, or nothing.
    records: Option<Vec<u8>>,
    out: Vec<u8>,
    errors: Vec<u8>,
    /// Tells that the answer is whole.
    is_ended: bool,
}

/// Sends a request to a server.
pub(crate) fn ask(protocol: Protocol, address: SocketAddr, asked: &Asked) -> Coming {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    socket.set_read_timeout(Some(patience())).expect("a timeout");
    let variables = variables(asked);
    let request = match protocol {
        Protocol::FastCgi => {
            [record(1, &[0, 1, 0, 0, 0, 0, 0, 0]), records(4, &pairs(&variables)), records(5, &asked.content)]
                .concat()
        }
        Protocol::Scgi => {
            let strings: Vec<u8> =
                variables.iter().flat_map(|(n, v)| [n, &b"\0"[..], v, b"\0"].concat()).collect();
            [format!("{}:", strings.len()).as_bytes(), &strings, b",", &asked.content].concat()
        }
        Protocol::Uwsgi => {
            let mut strings = Vec::new();
            for text in variables.iter().flat_map(|(name, value)| [*name, value]) {
                strings.extend(u16::try_from(text.len()).expect("short variables").to_le_bytes());
                strings.extend(text);
            }
            let [low, high] = u16::try_from(strings.len()).expect("few variables").to_le_bytes();
            [&[0, low, high, 0], &strings[..], &asked.content].concat()
        }
    };
    // A server may answer before it has read all, and close.
    let _refused = socket.write_all(&request);
    Coming::from(socket, protocol == Protocol::FastCgi)
}

/// Starts a program for a request.
pub(crate) fn start(mut program: Command, asked: &Asked) -> Coming {
    for (name, value) in variables(asked) {
        program.env(std::ffi::OsString::from_vec(name.to_vec()), std::ffi::OsString::from_vec(value));
    }
    program.env("GATEWAY_INTERFACE", "CGI/1.1");
    let piped = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("this program can be started");
    let mut input = child.stdin.take().expect("its input");
    // It may not want to read it.
    let _refused = input.write_all(&asked.content);
    drop(input);
    let output = child.stdout.take().expect("its output");
    Coming { child: Some(child), ..Coming::from(output, false) }
}

impl Coming {
    fn from(source: impl Read + 'static, has_records: bool) -> Self {
        let records = has_records.then(Vec::new);
        let from = Box::new(source);
        Self { from, child: None, records, out: Vec::new(), errors: Vec::new(), is_ended: false }
    }

    /// Reads on until so much content has come, or the end.
    pub(crate) fn until(&mut self, content: usize) {
        while self.content().is_none_or(|came| came.len() < content) {
            if !self.step() {
                return;
            }
        }
    }

    /// What came behind the head; `None` before all of the head did.
    pub(crate) fn content(&self) -> Option<&[u8]> {
        let end = self.out.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        Some(&self.out[end + 4..])
    }

    /// Reads the rest, and takes the answer apart.
    pub(crate) fn finish(mut self) -> Got {
        while self.step() {}
        let mut is_whole = self.is_ended;
        if let Some(mut child) = self.child.take() {
            let mut errors = child.stderr.take().expect("its errors");
            errors.read_to_end(&mut self.errors).expect("its errors can be read");
            is_whole &= child.wait().expect("its end").success();
        }
        let errors = String::from_utf8_lossy(&self.errors).into_owned();
        let Some(content) = self.content().map(<[u8]>::to_vec) else {
            return Got { errors, ..Got::default() };
        };
        let head = self.out[..self.out.len() - content.len() - 4].split(|byte| *byte == b'\n');
        let mut fields = Vec::new();
        let mut status = 200;
        for line in head.map(<[u8]>::trim_ascii_end) {
            let line: String = line.iter().map(|byte| char::from(*byte)).collect();
            match line.split_once(": ") {
                Some(("Status", said)) => status = said[..3].parse().expect("a status"),
                Some((name, value)) => fields.push((name.to_ascii_lowercase(), value.to_owned())),
                // uWSGI's protocol answers as HTTP does.
                None if line.starts_with("HTTP/") => status = line[9..12].parse().expect("a status"),
                None => fields.push((line.trim_end_matches(':').to_ascii_lowercase(), String::new())),
            }
        }
        let declared = fields.iter().find(|(name, _)| name == "content-length");
        // A web server compares what came with what was declared, but for answers that have no content.
        is_whole &=
            content.is_empty() || declared.is_none_or(|(_, length)| length.parse() == Ok(content.len()));
        Got { status, fields, content, is_whole, errors }
    }

    /// Goes away without reading the rest, and gives what the program said, if it is one.
    pub(crate) fn vanish(self) -> String {
        let Self { from, child, .. } = self;
        drop(from);
        let Some(child) = child else { return String::new() };
        let output = child.wait_with_output().expect("its end");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Takes in more of what came; tells whether there was some.
    fn step(&mut self) -> bool {
        let mut piece = vec![0; 64 * 1024];
        let read = match self.from.read(&mut piece) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return false,
            Err(error) => panic!("{error}, after {:?}", self.out.escape_ascii().to_string()),
        };
        let Some(records) = &mut self.records else {
            self.out.extend_from_slice(&piece[..read]);
            self.is_ended |= read == 0;
            return read > 0;
        };
        records.extend_from_slice(&piece[..read]);
        while let Some(&[1, kind, _, _, high, low, padding, _]) = records.first_chunk() {
            let length = usize::from(u16::from_be_bytes([high, low]));
            let whole = 8 + length + usize::from(padding);
            if records.len() < whole {
                break;
            }
            let record: Vec<u8> = records.drain(..whole).collect();
            let content = &record[8..8 + length];
            match kind {
                6 => self.out.extend_from_slice(content),
                7 => self.errors.extend_from_slice(content),
                // The program's own status and the protocol's.
                3 => self.is_ended = content[..5] == [0; 5],
                other => panic!("a record of type {other}"),
            }
        }
        read > 0
    }
}

/// A request's variables, as nginx makes them: the path decoded, its target beside.
fn variables(asked: &Asked) -> Vec<(&'static [u8], Vec<u8>)> {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let path = decoded(path);
    let (script, path) = match asked.mount.as_bytes() {
        mount if !mount.is_empty() && path.starts_with(mount) => {
            (mount.to_vec(), path[mount.len()..].to_vec())
        }
        _ => (Vec::new(), path),
    };
    let mut variables: Vec<(&'static [u8], Vec<u8>)> = vec![
        (
            b"CONTENT_LENGTH",
            if asked.has_content { asked.content.len().to_string().into() } else { Vec::new() },
        ),
        (b"SCGI", b"1".to_vec()),
        (b"REQUEST_METHOD", asked.method.into()),
        (b"REQUEST_URI", asked.target.clone().into()),
        (b"SCRIPT_NAME", script),
        (b"PATH_INFO", path),
        (b"QUERY_STRING", query.into()),
        (b"SERVER_NAME", b"localhost".to_vec()),
        (b"SERVER_PORT", b"80".to_vec()),
        (b"SERVER_PROTOCOL", b"HTTP/1.1".to_vec()),
        (b"REMOTE_ADDR", b"127.0.0.1".to_vec()),
        (b"HTTP_HOST", asked.host()),
    ];
    for (name, value) in &asked.fields {
        let variable = match *name {
            "Content-Type" => "CONTENT_TYPE".to_owned(),
            "Host" => continue,
            name => format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_")),
        };
        if let Some((_, known)) = variables.iter_mut().find(|(known, _)| *known == variable.as_bytes()) {
            // Web servers join what comes several times.
            known.extend(if *name == "Cookie" { b"; " } else { b", " });
            known.extend(value);
            continue;
        }
        // A handful in a test's life.
        variables.push((variable.leak().as_bytes(), value.clone()));
    }
    variables
}

fn decoded(path: &str) -> Vec<u8> {
    let mut bytes = path.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let digits: String =
            if byte == b'%' { bytes.by_ref().take(2).map(char::from).collect() } else { String::new() };
        decoded.push(if byte == b'%' { u8::from_str_radix(&digits, 16).expect("an escape") } else { byte });
    }
    decoded
}

fn pairs(variables: &[(&'static [u8], Vec<u8>)]) -> Vec<u8> {
    let mut pairs = Vec::new();
    for (name, value) in variables {
        for length in [name.len(), value.len()] {
            pairs.extend((u32::try_from(length).expect("short variables") | 1 << 31).to_be_bytes());
        }
        pairs.extend_from_slice(name);
        pairs.extend_from_slice(value);
    }
    pairs
}

/// A stream with its end.
fn records(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut records: Vec<u8> =
        content.chunks(usize::from(u16::MAX)).flat_map(|piece| record(kind, piece)).collect();
    records.extend(record(kind, b""));
    records
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).expect("a record's length").to_be_bytes();
    [&[1, kind, 0, 1, high, low, 0, 0], content].concat()
}
