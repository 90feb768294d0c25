//! What only this adapter has, over real sockets: serving inside a tokio program, handed-over descriptors, several
//! runtimes on one port, a half-closed client.
//!
//! What every adapter has is tested in the workspace's `tests`, once for all of them.

#![expect(clippy::unwrap_used, reason = "in its helpers too, a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Bind, Config, HalfClose, ServeErrorKind};
use rsgi_core::{
    Adapter, Body, Cause, Delivery, Endpoint, Environ, Error, Running, StartResponse, Started, app_fn,
    blocking,
};
use rsgi_hyper::{Builder, Cores, Listener, Server};

async fn ping(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.status(StatusCode::OK).body("pong"))
}

const REQUEST: &[u8] = b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn ask(mut stream: impl Read + Write) -> String {
    stream.write_all(REQUEST).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn tcp(running: &impl Running) -> TcpStream {
    let Endpoint::Tcp(address) = running.addresses()[0].clone() else { panic!("no TCP listener") };
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn config() -> Config {
    Config::new().bind("127.0.0.1:0").unwrap()
}

/// A path that no other test has, in a folder that is removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rsgi-hyper-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn it_serves_inside_a_tokio_program_and_ends_on_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (order, ordered) = tokio::sync::oneshot::channel::<()>();
        let server = Builder::new(Config::new())
            .listener(listener)
            .shutdown_on(async { ordered.await.unwrap_or_default() })
            .serve(ping);
        let server = tokio::spawn(server);
        let asked = tokio::task::spawn_blocking(move || ask(TcpStream::connect(address).unwrap()));
        assert!(asked.await.unwrap().ends_with("pong"));
        order.send(()).unwrap();
        server.await.unwrap().unwrap();
        assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    });
}

#[test]
fn dropping_a_running_server_ends_it_at_once() {
    let running = Server::start(config(), ping).unwrap();
    let stream = tcp(&running);
    let Endpoint::Tcp(address) = running.addresses()[0].clone() else { panic!("no TCP listener") };
    drop(running);
    assert!(TcpStream::connect(address).is_err());
    drop(stream);
}

#[test]
fn a_listener_is_inherited_by_its_number() {
    let parent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let running = Server::start(Config::new().listen(Bind::Fd(parent.as_raw_fd())), ping).unwrap();
    assert!(ask(tcp(&running)).ends_with("pong"));
    let stream = TcpStream::connect(parent.local_addr().unwrap()).unwrap();
    let error = Server::start(Config::new().listen(Bind::Fd(stream.as_raw_fd())), ping).unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::BadDescriptor, "a connection is no listener");
    let error = Server::start(Config::new().listen(Bind::Fd(i32::MAX)), ping).unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::BadDescriptor, "nor is what isn't open");
}

#[test]
fn an_abandoned_unix_socket_is_replaced_and_a_live_one_is_not() {
    let folder = Folder::new("unix");
    let path = folder.0.join("a.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "it is left behind");
    let config = || Config::new().listen(Bind::Unix(path.clone()));
    let running = Server::start(config(), ping).unwrap();
    assert!(ask(UnixStream::connect(&path).unwrap()).ends_with("pong"));
    let error = Server::start(config(), ping).unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::AddressInUse);
    running.shutdown();
    running.wait().unwrap();
    assert!(!path.exists(), "it is removed at the end");
}

/// What an app leaves of a request's content before it takes the stream over is thrown away up to `discard_bytes`; beyond that
/// the rest would pass for the stream's own bytes, so the connection ends, and the app is told.
#[test]
fn content_left_unread_is_never_taken_for_an_upgraded_stream() {
    let (telling, outcomes) = mpsc::channel();
    let app = app_fn(move |mut environ: Environ, start_response: StartResponse| {
        let telling = telling.clone();
        async move {
            environ.on_outcome(move |outcome| telling.send(outcome.delivery).unwrap());
            let upgrade = environ.upgrade()?.ok_or("no offer")?;
            let body = Body::duplex(environ.take_input(), async |mut input, sender| {
                while let Some(piece) = input.piece().await {
                    sender.send(piece?).await?;
                }
                Ok(())
            });
            Ok(start_response.upgrade(upgrade, "echo")?.body(body))
        }
    });
    let running = Server::start(config().limits(|limits| limits.discard_bytes = 20_000), app).unwrap();
    for (length, is_whole) in [(20_000, true), (35_000, false)] {
        let mut stream = tcp(&running);
        let head = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), &vec![b'x'; length], b"ping"].concat()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, echoed) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert_eq!(echoed, if is_whole { "ping" } else { "" });
        let delivery = outcomes.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(matches!(delivery, Delivery::Whole(_)), is_whole, "{delivery:?}");
    }
}

#[test]
fn separate_runtimes_listen_at_one_port_that_nobody_else_gets() {
    let running = Builder::new(config()).cores(Cores::Separate).reactors(3).start(ping).unwrap();
    for _ in 0..12 {
        assert!(ask(tcp(&running)).ends_with("pong"));
    }
    let Endpoint::Tcp(address) = running.addresses()[0].clone() else { panic!("no TCP listener") };
    let second = Builder::new(Config::new().listen(address)).cores(Cores::Separate).reactors(2).start(ping);
    assert_eq!(second.unwrap_err().kind(), ServeErrorKind::AddressInUse);
    running.shutdown();
    running.wait().unwrap();
}

#[test]
fn a_half_closed_client_is_answered_where_that_is_wanted_and_a_reset_still_counts() {
    let (gone, told) = mpsc::channel();
    let (arrived, arrival) = mpsc::channel();
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let (gone, arrived) = (gone.clone(), arrived.clone());
        async move {
            if environ.path_info() == "/wait" {
                let disconnect = environ.disconnect();
                tokio::spawn(async move { gone.send(disconnect.gone().await) });
                arrived.send(()).unwrap();
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(start_response.status(StatusCode::OK).body("pong"))
        }
    });
    let running = Server::start(config().half_close(HalfClose::Answered), app).unwrap();
    let mut stream = tcp(&running);
    stream.write_all(REQUEST).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("pong"), "{answer}");

    let mut stream = tcp(&running);
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    arrival.recv().unwrap();
    assert!(told.try_recv().is_err(), "the end of the stream alone is no going away");
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
    assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(Cause::Reset));
}

#[test]
fn a_listener_may_be_opened_before_and_tells_its_port() {
    let listener = Listener::open(&"127.0.0.1:0".parse().unwrap(), &Config::new()).unwrap();
    let address = listener.local_addr().unwrap();
    let running = Builder::new(Config::new()).listener(listener).start(ping).unwrap();
    assert_eq!(running.addresses(), [Endpoint::Tcp(address)]);
    assert!(ask(tcp(&running)).ends_with("pong"));
}

#[test]
fn blocking_work_that_sleeps_lets_others_pass() {
    let app = blocking(|environ: Environ, start_response: StartResponse| {
        if environ.path_info() == "/slow" {
            std::thread::sleep(Duration::from_secs(2));
        }
        Ok(start_response.status(StatusCode::OK).body("pong"))
    });
    let running = Server::start(config(), app).unwrap();
    let mut slow: Vec<_> = (0..10).map(|_| tcp(&running)).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    }
    let begun = std::time::Instant::now();
    for _ in 0..100 {
        assert!(ask(tcp(&running)).ends_with("pong"));
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "nobody waited for those that sleep");
}

#[test]
fn a_plain_hyper_service_answers_and_tells_the_outcome() {
    let (sender, outcomes) = mpsc::channel();
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let sender = sender.clone();
        environ.on_outcome(move |outcome| sender.send((outcome.is_whole(), outcome.body_bytes)).unwrap());
        let informs = environ.informational().is_ok();
        async move { Ok(start_response.status(StatusCode::OK).body(if informs { "wrong" } else { "pong" })) }
    });
    let (mut client, server) = UnixStream::pair().unwrap();
    server.set_nonblocking(true).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serving = std::thread::spawn(move || {
        runtime.block_on(async {
            let hosted = Builder::new(Config::new()).host(app).unwrap();
            let end = Endpoint::unix(None, None);
            let io = hyper_util::rt::TokioIo::new(tokio::net::UnixStream::from_std(server).unwrap());
            let service = hosted.service(end.clone(), end);
            hyper::server::conn::http1::Builder::new().serve_connection(io, service).await.unwrap();
        });
    });
    let answer = ask(&mut client);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\npong"), "{answer}");
    assert_eq!(outcomes.recv_timeout(Duration::from_secs(10)).unwrap(), (true, 4));
    serving.join().unwrap();
}

#[test]
fn a_setting_that_it_cannot_keep_is_refused_by_name() {
    let config = config().limits(|limits| limits.pending_requests = Some(5));
    let error = Server::start(config, ping).unwrap_err();
    assert_eq!(
        (error.kind(), error.setting()),
        (ServeErrorKind::BadSetting, Some("pending_requests")),
        "{error}"
    );
}
