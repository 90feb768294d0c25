//! One request as a web server sends it by FastCGI, and its answer.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::child::{Child, PATIENCE};

/// Asks for a path and gives what came on the application's standard output.
pub(crate) fn ask(
    child: &Child,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    content: &[u8],
) -> Vec<u8> {
    let length = content.len().to_string();
    let known = [
        ("REQUEST_METHOD", method),
        ("REQUEST_URI", path),
        ("SCRIPT_NAME", ""),
        ("PATH_INFO", path),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "a"),
        ("SERVER_PORT", "80"),
        ("HTTP_HOST", "a"),
        ("REMOTE_ADDR", "192.0.2.7"),
        ("REMOTE_PORT", "4711"),
        ("CONTENT_LENGTH", &length),
    ];
    let mut params = Vec::new();
    for (name, value) in known.iter().chain(fields) {
        params.extend([u8::try_from(name.len()).unwrap(), u8::try_from(value.len()).unwrap()]);
        params.extend([name.as_bytes(), value.as_bytes()].concat());
    }
    // `FCGI_BEGIN_REQUEST` as responder, `FCGI_PARAMS` and `FCGI_STDIN` to their ends.
    let mut bytes = record(1, &[0, 1, 0, 0, 0, 0, 0, 0]);
    bytes.extend([record(4, &params), record(4, b"")].concat());
    if !content.is_empty() {
        bytes.extend(record(5, content));
    }
    bytes.extend(record(5, b""));
    let mut stream = TcpStream::connect(&child.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    output(&answer)
}

/// What `FCGI_STDOUT` carried.
fn output(mut answer: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    while let [1, kind, _, _, high, low, padding, _, rest @ ..] = answer {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *kind == 6 {
            output.extend(&rest[..length]);
        }
        answer = &rest[length + usize::from(*padding)..];
    }
    output
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[1, kind, 0, 1, high, low, 0, 0], content].concat()
}
