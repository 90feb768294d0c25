//! The PROXY protocol at the start of a connection: believed of trusted peers, an obstacle for nobody else.
//!
//! The codec's own tests are core's; here is where it is asked for, what follows the header, and who is refused.
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::server::Config;
use rsgi_core::trust::{ForwardedHeaders, Trust};
use rsgi_core::{Adapter, Endpoint, Running, app_fn};
use rsgi_std::Server;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n";

/// Answers with what is known of both ends.
fn serve(network: &str) -> Server {
    let trust = Trust::new(ForwardedHeaders::Off).network(network.parse().unwrap());
    let config = Config::new().bind("127.0.0.1:0").unwrap().threads(2);
    let config = config
        .trust(trust)
        .proxy_protocol(ProxyProtocol::Any)
        .timeouts(|timeouts| timeouts.handshake = Some(Duration::from_millis(300)));
    let app = app_fn(|environ, start_response| async move {
        let text = format!("{} {}", environ.peer(), environ.local());
        Ok(start_response.status(StatusCode::OK).body(text))
    });
    Server::start(config, app).unwrap()
}

fn socket(server: &Server) -> TcpStream {
    let Endpoint::Tcp(address) = server.addresses()[0] else { panic!("it listens on TCP") };
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

/// What comes until the end; a reset is an end, too.
fn rest(mut socket: TcpStream) -> String {
    let mut rest = Vec::new();
    let _end = socket.read_to_end(&mut rest);
    String::from_utf8_lossy(&rest).into_owned()
}

#[test]
fn a_trusted_peers_header_names_both_ends() {
    let server = serve("127.0.0.0/8");
    let v2 = [
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".as_slice(),
        &[192, 0, 2, 7, 198, 51, 100, 1, 0x13, 0x88, 0x01, 0xbb],
    ]
    .concat();
    for header in [V1, &v2] {
        let mut socket = socket(&server);
        socket.write_all(&[header, REQUEST].concat()).unwrap();
        let answer = rest(socket);
        assert!(answer.ends_with("192.0.2.7:5000 198.51.100.1:443"), "{answer}");
    }
}

#[test]
fn a_header_may_come_byte_by_byte() {
    let server = serve("127.0.0.0/8");
    let mut socket = socket(&server);
    socket.set_nodelay(true).unwrap();
    for byte in V1.iter().chain(REQUEST) {
        socket.write_all(&[*byte]).unwrap();
    }
    assert!(rest(socket).ends_with("192.0.2.7:5000 198.51.100.1:443"));
}

#[test]
fn a_trusted_peer_without_a_header_is_refused_without_an_answer() {
    let server = serve("127.0.0.0/8");
    let mut talks = socket(&server);
    talks.write_all(REQUEST).unwrap();
    assert_eq!(rest(talks), "");
    assert_eq!(rest(socket(&server)), "", "one that says nothing has its time");
}

#[test]
fn another_peer_is_served_as_if_there_were_none_and_can_pose_as_nobody() {
    let server = serve("203.0.113.0/24");
    let mut honest = socket(&server);
    honest.write_all(REQUEST).unwrap();
    let own = honest.local_addr().unwrap();
    assert!(rest(honest).contains(&own.to_string()));
    let mut liar = socket(&server);
    liar.write_all(&[V1, REQUEST].concat()).unwrap();
    assert!(rest(liar).starts_with("HTTP/1.1 400 "));
}
