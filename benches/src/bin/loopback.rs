//! Counts the user-space instructions that a server's process spends on a request over a real socket: rsgi-std beside
//! bare hyper, one request at a time and sixteen in one write.
//!
//! `cargo run --release -p rsgi-benches --bin loopback`. The server runs under callgrind, the client outside of it, so
//! that poller, reads, writes and wakes of the server are counted and nothing of the client's. Fails if a ratio has risen
//! by more than 3 % over what was committed. Needs `valgrind`. Two lengths of run are subtracted, as in `instructions`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "printing the table is its purpose")]

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{CONTENT_TYPE, HeaderValue};
use rsgi_core::http::{Request, Response, StatusCode};
use rsgi_core::server::Config;
use rsgi_core::{Environ, Error, Running, StartResponse, Started};
use rsgi_std::{Options, Server};
use tokio::net::TcpListener;

const SHORT: usize = 200;
const LONG: usize = 2_200;
const REQUEST: &str = "GET /ping HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";

/// How many requests go in one write: the most that rsgi-std may cost of hyper's, and what it cost when this was
/// committed.
const ROUNDS: [(usize, f64, f64); 2] = [(1, 0.5, 0.777), (16, 0.5, 0.889)];

/// As in `instructions`.
const SLACK: f64 = 1.03;

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        None => table(),
        Some("rsgi-std") => serve_std(),
        Some("hyper") => serve_hyper(),
        Some(other) => Err(format!("no server {other}").into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn table() -> Result<bool, Error> {
    let mut held = true;
    for (at_once, limit, committed) in ROUNDS {
        let (ours, theirs) = (each("rsgi-std", at_once)?, each("hyper", at_once)?);
        let ratio = ours / theirs;
        let verdict = if ratio <= limit { "met" } else { "NOT MET" };
        println!("{at_once:2} at once: rsgi-std {ours:.0}, hyper {theirs:.0} instructions a request");
        println!("rsgi-std / hyper: {ratio:.3} (limit {limit}, committed {committed}): {verdict}");
        held &= ratio <= committed * SLACK;
    }
    Ok(held)
}

/// The instructions of one request.
fn each(server: &str, at_once: usize) -> Result<f64, Error> {
    let more = count(server, LONG, at_once)? - count(server, SHORT, at_once)?;
    #[expect(clippy::cast_precision_loss, reason = "some thousands fit")]
    Ok(more as f64 / (LONG - SHORT) as f64)
}

/// Runs a server under callgrind, asks it so often, and reads the total off its report.
fn count(server: &str, requests: usize, at_once: usize) -> Result<u64, Error> {
    let mut child = Ended(
        Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(std::env::current_exe()?)
            .arg(server)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("valgrind: {error}; install it: it counts the instructions"))?,
    );
    let mut address = String::new();
    BufReader::new(child.0.stdout.take().ok_or("no output")?).read_line(&mut address)?;
    ask(address.trim().parse()?, requests, at_once)?;
    // Its end tells the server to end.
    drop(child.0.stdin.take());
    let mut report = String::new();
    child.0.stderr.take().ok_or("no report")?.read_to_string(&mut report)?;
    let total = report.lines().find_map(|line| line.split("Collected : ").nth(1));
    Ok(total.ok_or_else(|| format!("valgrind counted nothing:\n{report}"))?.trim().parse()?)
}

/// Sends requests on one connection, so many in one write, and reads the answers before the next write.
fn ask(address: SocketAddr, requests: usize, at_once: usize) -> Result<(), Error> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let batch = REQUEST.repeat(at_once);
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..requests / at_once {
        stream.write_all(batch.as_bytes())?;
        let (mut answers, mut kept) = (0, 0);
        while answers < at_once {
            let read = stream.read(&mut buffer[kept..])?;
            if read == 0 {
                return Err("the server hung up".into());
            }
            kept += read;
            answers = buffer[..kept].windows(4).filter(|window| window == b"pong").count();
        }
    }
    Ok(())
}

/// Says where a server is, and waits for the end of the input.
fn wait_at(address: SocketAddr) -> Result<bool, Error> {
    println!("{address}");
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(true)
}

fn serve_std() -> Result<bool, Error> {
    let app = |_: Environ, start_response: StartResponse| std::future::ready(pong(start_response));
    // Under callgrind all is fifty times slower: a usual tick would find every thread held up.
    let options = Options::default().tick(Duration::from_secs(1));
    let server = Server::start_with(&Config::new().bind("127.0.0.1:0")?.threads(1), &options, app)?;
    let address = server.addresses()[0].to_string().parse()?;
    wait_at(address)
}

fn pong(start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response
        .start(StatusCode::OK, [(CONTENT_TYPE, HeaderValue::from_static("text/plain"))])?
        .body("pong"))
}

fn serve_hyper() -> Result<bool, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || runtime.block_on(accept(listener)));
    wait_at(address)
}

async fn accept(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut builder = http1::Builder::new();
        let connection =
            builder.pipeline_flush(true).serve_connection(TokioIo::new(stream), service_fn(hello));
        tokio::spawn(connection);
    }
}

/// As hyper's own examples write it.
async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"pong")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

/// A child that is ended when it is let go.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}
