//! An example as a child process, and a client that speaks to it in raw bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// The servers that every example runs on.
pub(crate) const SERVERS: [&str; 2] = ["std", "hyper"];

/// A running example; killed on drop unless it was ended before.
pub(crate) struct Child {
    process: std::process::Child,
    address: SocketAddr,
    /// Disconnected when the process has closed its output, which it does by ending.
    output: Receiver<String>,
}

impl Child {
    /// Starts a program on one server and waits until it says where it listens.
    pub(crate) fn start(program: &str, server: &str) -> Self {
        Self::start_with(program, server, &[])
    }

    /// Starts a program that rsgi-serve launches.
    pub(crate) fn launch(program: &str, server: &str) -> Self {
        Self::launch_with(program, server, &[])
    }

    /// The same, with more arguments: workers, or a web server's protocol.
    #[cfg(any(feature = "axum", feature = "frasco"))]
    pub(crate) fn launch_as(program: &str, server: &str, arguments: &[&str]) -> Self {
        Self::launch_with(program, server, arguments)
    }

    fn launch_with(program: &str, server: &str, arguments: &[&str]) -> Self {
        let arguments = [&["--errorlog", "stdout", "--no-control-socket"], arguments].concat();
        Self::start_with(program, server, &arguments)
    }

    fn start_with(program: &str, server: &str, arguments: &[&str]) -> Self {
        let mut process = Command::new(program)
            .args(["--server", server, "--bind", "127.0.0.1:0", "--threads", "2"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, output) = channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let rest = loop {
            let line = output.recv_timeout(PATIENCE).unwrap();
            if let Some((_, rest)) = line.split_once("Listening at: ") {
                break rest.split_once("://").unwrap().1.to_owned();
            }
        };
        let (address, process_id) = rest.split_once(' ').unwrap();
        let child = Self { address: address.parse().unwrap(), process, output };
        assert_eq!(process_id, format!("({})", child.id()));
        child
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Connects, with a limit to what a test waits.
    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(stream)
    }

    /// Sends one request on a connection of its own and gives the whole answer.
    pub(crate) fn ask(&self, request_line: &str, fields: &str) -> Answer {
        self.exchange(&format!("{request_line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n"))
    }

    /// Sends bytes on a connection of its own and gives the whole answer.
    pub(crate) fn exchange(&self, request: &str) -> Answer {
        let mut client = self.connect();
        client.send(request);
        client.answer()
    }

    /// Asks the process to end.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
    }

    /// Ends the process and checks that it says it went well.
    pub(crate) fn end(self) {
        self.terminate();
        self.ended();
    }

    /// Waits for the end that was asked for.
    pub(crate) fn ended(mut self) {
        while self.output.recv_timeout(PATIENCE).is_ok() {}
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Nothing to do where it has ended.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// One connection to a child.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads until what has come ends in `end`, byte by byte: what follows stays unread.
    pub(crate) fn until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end) {
            let mut byte = [0];
            let read = self.0.read(&mut byte).unwrap();
            assert_eq!(read, 1, "ended before {:?}: {:?}", text(end), text(&bytes));
            bytes.push(byte[0]);
        }
        bytes
    }

    /// Reads to the end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Reads a whole answer, up to the end of the connection.
    pub(crate) fn answer(&mut self) -> Answer {
        let head = self.until(b"\r\n\r\n");
        Answer { head: text(&head).to_lowercase(), body: self.rest() }
    }
}

/// A whole answer.
pub(crate) struct Answer {
    /// Status line and fields in lower case.
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    /// The value of a field; empty if there is none.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        text(&self.body)
    }
}

/// A whole frame of WebSocket from a client, which masks it (RFC 6455 section 5.3).
#[cfg(any(feature = "axum", feature = "websocket"))]
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap()];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How long a test waits for what must come. Only a failure takes as long.
const PATIENCE: Duration = Duration::from_secs(30);
