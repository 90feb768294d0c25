//! A collector of OpenTelemetry in small: it takes spans by OTLP over HTTP, and reads as much of their protobuf as it needs.
//!
//! It shares no code with what sends: the numbers of the fields are those of opentelemetry-proto's `trace.proto`.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use crate::driving::PATIENCE;

/// A span as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    /// 2 is a server's.
    pub(crate) kind: u64,
    /// Texts as they are, numbers in digits.
    pub(crate) attributes: BTreeMap<String, String>,
    /// The names of what happened in it.
    pub(crate) events: Vec<String>,
    /// 2 is an error.
    pub(crate) status: u64,
    /// What all spans of a process share.
    pub(crate) resource: BTreeMap<String, String>,
}

/// The collector, which listens until the test's end.
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    spans: Receiver<Span>,
}

impl Collector {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, spans) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                thread::spawn(move || serve(stream, &sender));
            }
        });
        Self { endpoint, spans }
    }

    /// The next span.
    pub(crate) fn span(&self) -> Span {
        self.spans.recv_timeout(PATIENCE).unwrap()
    }

    /// Whether there is none more by now.
    pub(crate) fn is_empty(&self) -> bool {
        self.spans.try_recv().is_err()
    }
}

/// A field of a message: its number, and what is in it.
enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Answers requests until the connection ends.
fn serve(stream: TcpStream, spans: &Sender<Span>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut first, mut line) = (0, String::new(), String::new());
        while reader.read_line(&mut line)? > 2 {
            if first.is_empty() {
                first.clone_from(&line);
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        if first.is_empty() {
            return Ok(());
        }
        assert!(first.starts_with("POST /v1/traces HTTP/1.1"), "{first}");
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        read_request(&body, spans);
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        reader.get_mut().write_all(answer.as_bytes())?;
    }
}

/// `ExportTraceServiceRequest`.
fn read_request(body: &[u8], spans: &Sender<Span>) {
    for resource_spans in messages(body, 1) {
        let resource = messages(resource_spans, 1).flat_map(|it| attributes(it, 1)).collect();
        for scope_spans in messages(resource_spans, 2) {
            for span in messages(scope_spans, 2) {
                // The test may be over.
                let _ = spans.send(read_span(span, &resource));
            }
        }
    }
}

fn read_span(message: &[u8], resource: &BTreeMap<String, String>) -> Span {
    let hexadecimal = |number| {
        messages(message, number).flatten().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    };
    let status = messages(message, 15).flat_map(fields).find(|(number, _)| *number == 3);
    Span {
        trace: hexadecimal(1),
        parent: hexadecimal(4),
        name: messages(message, 5).map(text).collect(),
        kind: fields(message)
            .find_map(|field| if let (6, Content::Number(kind)) = field { Some(kind) } else { None })
            .unwrap(),
        attributes: attributes(message, 9).collect(),
        events: messages(message, 11).map(|event| messages(event, 2).map(text).collect()).collect(),
        status: if let Some((_, Content::Number(code))) = status { code } else { 0 },
        resource: resource.clone(),
    }
}

/// `KeyValue`s, with those of their values that are texts or numbers.
fn attributes(message: &[u8], number: u64) -> impl Iterator<Item = (String, String)> {
    messages(message, number).map(|pair| {
        let value = messages(pair, 2).flat_map(fields).find_map(|field| match field {
            (1, Content::Bytes(bytes)) => Some(text(bytes)),
            (2 | 3, Content::Number(number)) => Some(number.to_string()),
            _ => None,
        });
        (messages(pair, 1).map(text).collect(), value.unwrap_or_default())
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The fields of a number that are messages, texts or bytes.
fn messages(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    fields(message).filter_map(move |(found, content)| match content {
        Content::Bytes(bytes) if found == number => Some(bytes),
        _ => None,
    })
}

fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, Content<'_>)> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let tag = varint(&mut rest);
        let content = match tag & 7 {
            0 => Content::Number(varint(&mut rest)),
            1 => Content::Bytes(rest.split_off(..8).unwrap()),
            2 => {
                let length = usize::try_from(varint(&mut rest)).unwrap();
                Content::Bytes(rest.split_off(..length).unwrap())
            }
            5 => Content::Bytes(rest.split_off(..4).unwrap()),
            other => panic!("wire type {other}"),
        };
        Some((tag >> 3, content))
    })
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *rest.split_off_first().unwrap();
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
    }
    panic!("a varint without an end");
}
