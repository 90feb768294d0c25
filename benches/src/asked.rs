//! One request by hand, to see before the load that a server answers it whole and right.
//!
//! Over plain HTTP/1.1, with `Connection: close`: what the load asks over HTTP/2 and TLS is checked by its generators.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rsgi_core::Error;

use crate::load::Load;
use crate::workload::{Task, Workload};

/// Asks what a workload asks, and compares the answer's body.
///
/// # Errors
///
/// When the answer isn't a success or its body isn't what it has to be.
pub(crate) fn check(address: SocketAddr, mount: &str, workload: &Workload) -> Result<(), Error> {
    let upload = match workload.task {
        Task::Load(Load::Closed { upload, .. }) => upload,
        Task::Load(Load::Http2 { .. }) => return Ok(()),
        _ => 0,
    };
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request(&format!("{mount}{}", workload.path), upload).as_bytes())?;
    let mut answer = Vec::new();
    // A server that breaks the connection off after its answer has answered.
    let _end = stream.read_to_end(&mut answer);
    let body = body(&answer)?;
    if body.len() as u64 != workload.body {
        return Err(format!("{} bytes in place of {}", body.len(), workload.body).into());
    }
    let expected = match workload.path {
        "/ping" | "/block" => body == b"pong",
        "/echo" => body.iter().all(|byte| *byte == b'x'),
        _ => true,
    };
    if expected { Ok(()) } else { Err("another body".into()) }
}

fn request(path: &str, upload: usize) -> String {
    let start = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    if upload == 0 {
        format!("GET {path} {start}\r\n")
    } else {
        format!("POST {path} {start}Content-Length: {upload}\r\n\r\n{}", "x".repeat(upload))
    }
}

/// The body of a whole answer, its chunks joined.
fn body(answer: &[u8]) -> Result<Vec<u8>, Error> {
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").ok_or("no head")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(status.into());
    }
    let content = &answer[end + 4..];
    if head.contains("transfer-encoding: chunked") { joined(content) } else { Ok(content.to_vec()) }
}

fn joined(mut chunks: &[u8]) -> Result<Vec<u8>, Error> {
    let mut whole = Vec::new();
    loop {
        let end = chunks.windows(2).position(|it| it == b"\r\n").ok_or("a chunk without a size")?;
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..end])?.trim(), 16)?;
        let rest = &chunks[end + 2..];
        if size == 0 {
            return Ok(whole);
        }
        whole.extend_from_slice(rest.get(..size).ok_or("a chunk is cut off")?);
        chunks = rest.get(size + 2..).ok_or("a chunk has no end")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_lengths_left_alone() {
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        assert_eq!(body(chunked).unwrap(), b"abcde");
        assert_eq!(body(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\npong").unwrap(), b"pong");
    }

    #[test]
    fn another_status_and_a_cut_answer_are_errors() {
        assert!(body(b"HTTP/1.1 501 Not Implemented\r\n\r\n").unwrap_err().to_string().contains("501"));
        assert!(body(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab").is_err());
        assert!(body(b"HTTP/1.1 200").is_err());
    }
}
