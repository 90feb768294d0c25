//! `deploy/nginx/` in a real nginx, in front of the app.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use rustix::net::{AddressFamily, SocketAddrV4, SocketType, bind, connect, socket};
use rustix::process::Signal;

use crate::{PROGRAM, SERVERS};
use rsgi_tests::driving::{PATIENCE, Running, Scratch, ask, exchange, free_port, printed, tool, until};
use rsgi_tests::load::Load;
use rsgi_tests::shipped;

/// The app, and nginx in front of it.
struct Proxied {
    app: Running,
    _nginx: Running,
    address: String,
    // Last: the others end before it goes.
    place: Scratch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Tcp,
    Unix,
    /// Over TCP, and nginx passes on nothing but bytes and the client's address.
    ProxyProtocol,
}

impl Proxied {
    fn start(server: &str, way: Way) -> Self {
        let place = Scratch::new(&format!("nginx-{server}-{way:?}"));
        let (front, back) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
        let socket = place.join("app.sock").display().to_string();
        let (bind, fields): (_, &[&str]) = match way {
            Way::Tcp => (back.clone(), &["--forwarded-headers", FIELDS]),
            Way::Unix => (format!("unix:{socket}"), &["--forwarded-headers", FIELDS]),
            Way::ProxyProtocol => (back.clone(), &["--proxy-protocol", "v1"]),
        };
        let mut command = Command::new(PROGRAM);
        command
            .args(["--server", server, "--workers", "2", "--no-control-socket", "--bind", &bind])
            .args(fields);
        let mut app = Running::start(command, &place.join("app.log"));
        app.log.said("2 workers ready");

        let site = || shipped::adapted("nginx/site.conf", &[("listen 80;", &format!("listen {front};"))]);
        let parts = match way {
            Way::Tcp => {
                let upstream = shipped::adapted("nginx/upstream-tcp.conf", &[("127.0.0.1:8000", &back)]);
                http(&(site() + &upstream))
            }
            Way::Unix => {
                let upstream =
                    shipped::adapted("nginx/upstream-unix.conf", &[("/run/app/app.sock", &socket)]);
                http(&(site() + &upstream))
            }
            Way::ProxyProtocol => {
                let listen = format!("listen {front};");
                let changes = [("127.0.0.1:8443", back.as_str()), ("listen 443;", &listen)];
                stream_module() + &shipped::adapted("nginx/proxy-protocol.conf", &changes)
            }
        };
        let nginx = start_nginx(&place, &parts);
        until("nginx", || TcpStream::connect(&front).ok());
        Self { app, _nginx: nginx, address: front, place }
    }

    /// What a client is told of itself that comes from another address of this machine, and lies about it.
    fn client(&self) -> String {
        let mut stream = from_elsewhere(&self.address);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        exchange(&mut stream, "/client", "x-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: https\r\n")
            .unwrap()
    }

    /// What nginx logged of its errors, and of answers that weren't good.
    fn complaints(&self) -> String {
        let access = fs::read_to_string(self.place.join("access.log")).unwrap_or_default();
        let bad = access.lines().filter(|line| !line.starts_with("200 ")).collect::<Vec<_>>().join("\n");
        fs::read_to_string(self.place.join("error.log")).unwrap() + &bad
    }
}

fn start_nginx(place: &Path, parts: &str) -> Running {
    let user = printed(tool("id").arg("-un")).unwrap();
    let main = MAIN.replace("PARTS", parts).replace("USER", user.trim());
    fs::write(place.join("nginx.conf"), main.replace("PLACE", place.to_str().unwrap())).unwrap();
    let mut command = tool("nginx");
    command.arg("-p").arg(place).arg("-e").arg(place.join("error.log"));
    command.arg("-c").arg(place.join("nginx.conf"));
    Running::start(command, &place.join("nginx.log"))
}

fn http(parts: &str) -> String {
    HTTP.replace("PARTS", parts)
}

/// Where Debian has it; other builds have it in the program itself.
fn stream_module() -> String {
    let built = printed(tool("nginx").arg("-V")).unwrap();
    let folder = built.split_whitespace().find_map(|word| word.strip_prefix("--modules-path="));
    let module = folder.map(|folder| format!("{folder}/ngx_stream_module.so"));
    if !built.contains("--with-stream=dynamic") {
        return String::new();
    }
    let module = module.filter(|module| Path::new(module).exists());
    format!("load_module {};\n", module.expect("nginx's stream module is missing: ./check tools installs it"))
}

/// A connection from 127.0.0.2, which nobody trusts.
fn from_elsewhere(address: &str) -> TcpStream {
    let here = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&here, &SocketAddrV4::new([127, 0, 0, 2].into(), 0)).unwrap();
    connect(&here, &address.parse::<SocketAddrV4>().unwrap()).unwrap();
    TcpStream::from(here)
}

#[test]
fn reloads_and_upgrades_behind_nginx_lose_no_request() {
    for server in SERVERS {
        for way in [Way::Tcp, Way::Unix, Way::ProxyProtocol] {
            let mut proxied = Proxied::start(server, way);
            let load = Load::start(&proxied.address);
            for _ in 0..2 {
                proxied.app.signal(Signal::HUP);
                proxied.app.log.said("Reloaded: 2 workers ready");
                load.goes_on();
                proxied.app.signal(Signal::USR2);
                proxied.app.log.said("Upgraded: 2 workers ready");
                load.goes_on();
            }
            let answered = load.finish();
            assert!(answered > 1000, "{answered}");
            assert_eq!(proxied.complaints(), "", "{server} over {way:?}");
            proxied.app.signal(Signal::TERM);
            assert_eq!(proxied.app.ended().code(), Some(0));
        }
    }
}

#[test]
fn behind_nginx_the_client_is_known_and_cant_lie() {
    for server in SERVERS {
        for way in [Way::Tcp, Way::Unix, Way::ProxyProtocol] {
            let proxied = Proxied::start(server, way);
            let said = proxied.client();
            let mut words = said.split(' ');
            assert_eq!((words.next(), words.next()), (Some("127.0.0.2"), Some("http")), "{way:?}: {said}");
            let (_, port) = proxied.address.split_once(':').unwrap();
            // By the PROXY protocol the app sees the client's own request.
            let host = if way == Way::ProxyProtocol { "test".to_owned() } else { format!("test:{port}") };
            assert_eq!(words.next(), Some(host.as_str()), "{way:?}");
        }
    }
}

#[test]
fn through_nginx_a_stream_comes_piece_by_piece() {
    for server in SERVERS {
        let proxied = Proxied::start(server, Way::Tcp);
        // Both requests must meet the same worker.
        proxied.app.signal(Signal::TTOU);
        until("one worker", || {
            (rsgi_tests::driving::children_of(proxied.app.pid()).len() == 1).then_some(())
        });
        let mut stream = TcpStream::connect(&proxied.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /events HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        // The second event isn't there yet: if nginx kept the first one back, this would wait for ever.
        assert!(lines.any(|line| line == "data: first"));
        assert_eq!(ask(&proxied.address, "/go"), "gone on");
        assert!(lines.any(|line| line == "data: second"));
        assert_eq!(proxied.complaints(), "");
    }
}

/// What site.conf writes.
const FIELDS: &str = "x-for,x-proto,x-host,x-port";

/// An nginx for a test alone.
const MAIN: &str = "\
daemon off;
user USER;
worker_processes 1;
pid PLACE/nginx.pid;
error_log PLACE/error.log warn;
PARTS
events {
    worker_connections 1024;
}
";

const HTTP: &str = "\
http {
    log_format brief '$status $upstream_status $request';
    access_log PLACE/access.log brief;
    client_body_temp_path PLACE/client-body;
    proxy_temp_path PLACE/proxy;
    fastcgi_temp_path PLACE/fastcgi;
    uwsgi_temp_path PLACE/uwsgi;
    scgi_temp_path PLACE/scgi;
    PARTS
}
";
