//! An example as a child process.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rsgi_test::Client;
use rustix::process::{Pid, Signal, kill_process};

/// A running example; killed on drop unless it was ended before.
pub(crate) struct Child {
    process: std::process::Child,
    /// Host and port.
    pub(crate) address: String,
    /// Disconnected when the process has closed its output, which it does by ending.
    output: Receiver<String>,
}

impl Child {
    /// Starts a program on one server and waits until it says where it listens.
    pub(crate) fn start(program: &str, server: &str, more: &[&str]) -> Self {
        let mut process = Command::new(program)
            .args(["--server", server, "--bind", "127.0.0.1:0", "--threads", "2"])
            .args(["--errorlog", "stdout", "--no-control-socket"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, output) = channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let address = loop {
            let line = output.recv_timeout(PATIENCE).unwrap();
            if let Some((_, rest)) = line.split_once("Listening at: ") {
                let (address, _) = rest.split_once(' ').unwrap();
                break address.split_once("://").unwrap().1.to_owned();
            }
        };
        Self { process, address, output }
    }

    /// A client of it, over HTTP/1.1.
    pub(crate) fn client(&self) -> Client {
        Client::live(&format!("http://{}", self.address)).unwrap()
    }

    /// Ends the process by SIGTERM and checks that it says it went well.
    pub(crate) fn end(mut self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
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

/// A test that waits longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
