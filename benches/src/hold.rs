//! Connections in a process of their own: idle ones beside a load, and streams of events.
//!
//! The runner starts itself again for this (`rsgi-benches hold ADDRESS COUNT`, `... listen ADDRESS COUNT`): a process has
//! only so many descriptors. An idle connection has made one request; before each round it makes another, so that none
//! is closed for its age, and what was closed all the same is an error.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rsgi_core::Error;

use crate::process::{Core, Group, on, output};

const REQUEST: &[u8] = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Idle connections, held by a child.
#[derive(Debug)]
pub(crate) struct Held {
    group: Group,
    count: usize,
    answers: BufReader<std::process::ChildStdout>,
}

impl Held {
    /// Opens connections, each of which makes one request.
    ///
    /// # Errors
    ///
    /// When one can't be opened or isn't answered.
    pub(crate) fn open(address: SocketAddr, count: usize) -> Result<Self, Error> {
        let mut command = on(Core::Load, &std::env::current_exe()?.to_string_lossy());
        command.arg("hold").arg(address.to_string()).arg(count.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut group = Group::start(command)?;
        let answers = BufReader::new(group.child().stdout.take().ok_or("no output")?);
        let mut held = Self { group, count, answers };
        held.answered()?;
        Ok(held)
    }

    /// Has each make a request again.
    ///
    /// # Errors
    ///
    /// When one has been closed.
    pub(crate) fn refresh(&mut self) -> Result<(), Error> {
        let input = self.group.child().stdin.as_mut().ok_or("no input")?;
        input.write_all(b"\n")?;
        self.answered()
    }

    fn answered(&mut self) -> Result<(), Error> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.trim() == self.count.to_string() {
            return Ok(());
        }
        let said = if line.is_empty() { self.group.last_words() } else { line };
        Err(format!("{} idle connections aren't held: {said}", self.count).into())
    }
}

/// Holds connections until its input ends; what `rsgi-benches hold` does.
///
/// # Errors
///
/// When one can't be opened, or is closed by the server.
pub(crate) fn hold(address: SocketAddr, count: usize) -> Result<(), Error> {
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        held.push(stream);
    }
    let mut input = std::io::stdin().lock();
    loop {
        for (number, stream) in held.iter_mut().enumerate() {
            ask(stream).map_err(|error| format!("connection {number}: {error}"))?;
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{count}")?;
        out.flush()?;
        if input.read_line(&mut String::new())? == 0 {
            return Ok(());
        }
    }
}

/// Reads event streams and gives the delay of each event, in microseconds.
///
/// # Errors
///
/// When a stream isn't there or an event can't be read.
pub(crate) fn delays(address: SocketAddr, path: &str, streams: usize) -> Result<Vec<f64>, Error> {
    let mut command = on(Core::Load, &std::env::current_exe()?.to_string_lossy());
    command.arg("listen").arg(address.to_string()).arg(streams.to_string()).arg(path);
    let made = output(command)?;
    let delays: Result<Vec<f64>, _> = made.lines().map(str::parse).collect();
    let delays = delays?;
    if delays.len() < streams { Err("too few events".into()) } else { Ok(delays) }
}

/// Prints each event's delay; what `rsgi-benches listen` does.
///
/// # Errors
///
/// When a stream breaks.
pub(crate) fn listen(address: SocketAddr, path: &str, streams: usize) -> Result<(), Error> {
    let listeners: Vec<_> = (0..streams)
        .map(|_| {
            let path = path.to_string();
            thread::spawn(move || listen_to(address, &path))
        })
        .collect();
    let mut out = std::io::stdout().lock();
    for listener in listeners {
        for delay in listener.join().map_err(|_| "a listener panicked")?? {
            writeln!(out, "{delay}")?;
        }
    }
    Ok(())
}

fn listen_to(address: SocketAddr, path: &str) -> Result<Vec<u128>, Error> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut delays = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        if let Some(made) = line.strip_prefix("data: ") {
            delays.push(now.saturating_sub(made.trim().parse::<u128>()?) / 1_000);
        }
    }
    Ok(delays)
}

/// Asks once, and reads until the answer's `pong`.
fn ask(stream: &mut TcpStream) -> Result<(), Error> {
    stream.write_all(REQUEST)?;
    let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
    while !answer.ends_with(b"pong") {
        match stream.read(&mut piece)? {
            0 => return Err("closed by the server".into()),
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
    Ok(())
}
