//! What a blocking app costs on rsgi-hyper beside the same app async: CPU of the server for each request, under load.
//!
//! `cargo run --release -p rsgi-benches --bin blocking`. Needs `wrk` and two processors: the server runs on the first,
//! the load on the second. Rounds take turns and the median of the ratios is printed; nothing fails, since timings
//! depend on the machine.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "printing the table is its purpose")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};

use rsgi_core::http::StatusCode;
use rsgi_core::http::header::{CONTENT_TYPE, HeaderValue};
use rsgi_core::server::Config;
use rsgi_core::{Adapter, App, Environ, Error, Running, StartResponse, Started, blocking};
use rsgi_hyper::Server;

const ROUNDS: usize = 5;
const SECONDS: &str = "2s";
const CONNECTIONS: [&str; 2] = ["32", "64"];

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        None => table(),
        Some("async") => {
            serve(|_: Environ, start_response: StartResponse| std::future::ready(pong(start_response)))
        }
        Some("blocking") => serve(blocking(|_, start_response| pong(start_response))),
        Some(other) => Err(format!("no app {other}: async or blocking").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn pong(start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response
        .start(StatusCode::OK, [(CONTENT_TYPE, HeaderValue::from_static("text/plain"))])?
        .body("pong"))
}

/// Serves until it is killed, and says where.
fn serve(app: impl App) -> Result<(), Error> {
    let running = Server::start(Config::new().bind("127.0.0.1:0")?, app)?;
    println!("{}", running.addresses()[0]);
    std::io::stdout().flush()?;
    Ok(running.wait()?)
}

fn table() -> Result<(), Error> {
    for connections in CONNECTIONS {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push((cost("async", connections)?, cost("blocking", connections)?));
        }
        let ratio = median(rounds.iter().map(|(asynchronous, blocking)| blocking / asynchronous).collect());
        let (asynchronous, blocking): (Vec<f64>, Vec<f64>) = rounds.into_iter().unzip();
        let (asynchronous, blocking) = (median(asynchronous), median(blocking));
        println!(
            "{connections} connections: async {asynchronous:.1} µs, blocking {blocking:.1} µs, ratio {ratio:.2} (wanted: 1.5 at most)"
        );
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The server's CPU for each request, in microseconds.
fn cost(app: &str, connections: &str) -> Result<f64, Error> {
    let mut server = Killed(
        Command::new("taskset")
            .args(["-c", "0"])
            .arg(std::env::current_exe()?)
            .arg(app)
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let mut address = String::new();
    BufReader::new(server.0.stdout.take().ok_or("no output of the server")?).read_line(&mut address)?;
    let before = ticks(server.0.id())?;
    let load = Command::new("taskset")
        .args(["-c", "1", "wrk", "-t1", "-c", connections, "-d", SECONDS])
        .arg(format!("http://{}/", address.trim()))
        .output()
        .map_err(|error| format!("wrk: {error}; install it: it makes the load"))?;
    let spent = ticks(server.0.id())? - before;
    let report = String::from_utf8_lossy(&load.stdout);
    let requests = report.lines().find_map(|line| line.trim().split_once(" requests in "));
    let (requests, _) = requests.ok_or_else(|| format!("wrk made no request:\n{report}"))?;
    // A tick of the process accounting is 10 ms.
    Ok(spent * 10_000.0 / requests.parse::<f64>()?)
}

/// User and system time of a process, in ticks (proc(5), `stat`).
fn ticks(process: u32) -> Result<f64, Error> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("unreadable stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    Ok(fields[11].parse::<f64>()? + fields[12].parse::<f64>()?)
}

/// A child that is ended when it is let go.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}
