//! A long upload through each front, in bounded memory of the server behind.

use std::io::Write as _;
use std::net::TcpStream;

use rsgi_test::wire::RawClient;
use rsgi_tests::uploads::sum;

use crate::fronts::Front;
use crate::standing::{Setup, Standing, Uploads};

each_front!(a_long_upload_arrives_whole_in_bounded_memory);

fn a_long_upload_arrives_whole_in_bounded_memory(front: &Front) {
    let standing = Standing::with(front, Setup { uploads: Uploads::Unbounded, ..Setup::default() });
    let length = length();
    let stream = TcpStream::connect(standing.address).unwrap();
    let mut upload = stream.try_clone().unwrap();
    let mut client = RawClient::over(stream);
    let head = format!("POST /upload HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n");
    upload.write_all(head.as_bytes()).unwrap();
    let (mut sent, mut expected, mut during) = (0, 0, None);
    let piece: Vec<u8> = (0..=250).cycle().take(1 << 20).collect();
    while sent < length {
        upload.write_all(&piece).unwrap();
        expected = sum(expected, &piece);
        sent += piece.len();
        // A process of CGI begins with the request and ends with its answer.
        during = standing.memory().or(during);
    }
    assert_eq!(client.answer().text(), format!("{length} {expected}"));
    let used = standing.memory().or(during).unwrap();
    println!("{}: {} MiB in {used} KiB of memory", front.name, length >> 20);
    assert!(used < MOST_KIB, "{used} KiB");
}

/// 64 MiB; `RSGI_UPLOAD_MIB` makes it more.
fn length() -> usize {
    let mebibytes = std::env::var("RSGI_UPLOAD_MIB").map_or(64, |number| number.parse().unwrap());
    mebibytes << 20
}

/// A fraction of what is sent: a program that is compiled without optimisation takes some twenty MiB before the first request.
const MOST_KIB: u64 = 48 << 10;
