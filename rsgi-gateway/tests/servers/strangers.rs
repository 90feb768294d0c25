//! Who speaks something else, or may not speak at all: it is closed, and nobody else notices.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{App, Environ, StartResponse, blocking};
use rsgi_gateway::Options;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use crate::served::{Host, Served};
use crate::wire::{Client, Wire, pattern};

fn app() -> impl App {
    blocking(|_: Environ, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body("answer"))
    })
}

fn whoever_speaks_something_else_is_closed_and_others_are_served<H: Host, W: Wire>() {
    let served = Served::<H, W>::new(app());
    let mut bystander = served.connect();
    let strangers: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS greeting",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        &[0xff; 4096],
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ];
    for bytes in strangers {
        let mut client = served.connect();
        client.send(bytes);
        client.closed();
        assert!(client.streams.is_empty(), "{:?} was answered", bytes.escape_ascii().to_string());
    }
    assert_eq!(bystander.get("/").answer().text(), "answer");
    served.until(|load| load.running == 0);
    served.end();
}

/// Whatever comes, the server goes on.
fn nonsense_harms_nobody<H: Host, W: Wire>() {
    let config = Config::new().timeouts(|timeouts| timeouts.linger = Some(std::time::Duration::ZERO));
    let served = Served::<H, W>::with(config, app());
    let head = W::head(&crate::wire::Request::get("/").variables);
    for seed in 0..200 {
        // A request with one byte that is another, and nonsense behind it.
        let mut bytes = head.clone();
        let at = seed * 7 % bytes.len();
        bytes[at] ^= u8::try_from(seed % 255).unwrap() + 1;
        bytes.extend(&pattern(2_000)[seed..]);
        let mut client = served.connect();
        // It may be closed before it has said all.
        let _cut = client.socket().write_all(&bytes);
        let _ended = client.socket().shutdown(std::net::Shutdown::Write);
        client.closed_somehow();
    }
    assert_eq!(served.connect().get("/").answer().text(), "answer");
    served.until(|load| load.connections == 0);
    served.end();
}

/// A connection from another address of this machine.
fn from(local: [u8; 4], served: std::net::SocketAddr) -> OwnedFd {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::from(local), 0)).unwrap();
    connect(&socket, &served).unwrap();
    socket
}

fn peers_that_are_not_allowed_are_refused<H: Host, W: Wire>() {
    let served = Served::<H, W>::new(app());
    let mut refused = Client::<W>::over(from([127, 0, 0, 2], served.address()));
    refused.closed();
    assert!(refused.streams.is_empty());
    assert_eq!(served.connect().get("/").answer().text(), "answer");
    served.end();

    let options = Options::default().allow_from(["127.0.0.2".parse().unwrap()]);
    let config = Config::new().bind("127.0.0.1:0").unwrap();
    let served = Served::<H, W>::of(&config, &options, app());
    let mut allowed = Client::<W>::over(from([127, 0, 0, 2], served.address()));
    assert_eq!(allowed.get("/").answer().text(), "answer");
    let mut refused = served.connect();
    refused.closed();
    assert!(refused.streams.is_empty());
    served.end();
}

everywhere!(
    whoever_speaks_something_else_is_closed_and_others_are_served,
    nonsense_harms_nobody,
    peers_that_are_not_allowed_are_refused,
);
