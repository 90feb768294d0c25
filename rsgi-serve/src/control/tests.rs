//! The control socket from end to end: a server as the master's loop has it, clients over real sockets, and the ones that mean harm.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;

use rustix::event::{PollFd, Timespec, poll};

use super::client::{Connected, said};
use super::connection::LINE_MOST;
use super::protocol::Reply;
use super::server::{CLIENTS_MOST, Server};
use crate::clock::Millis;
use crate::command::{Client, Hurry, Scale, Shown};
use crate::fleet::{Answer, Command, Event, ReplyId, Sig};
use crate::observe::{Facts, Worker};
use crate::settings::ControlSettings;

/// A master's part of it, with the socket in a folder of its own.
struct Master {
    server: Server,
    path: PathBuf,
    folder: PathBuf,
}

impl Master {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("rsgi-ctl-{}-e2e-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let path = folder.join("it.ctl");
        let settings = ControlSettings { path: path.clone(), mode: 0o600, path_given: false };
        Self { server: Server::open(&settings).unwrap(), path, folder }
    }

    /// A client that is connected, with a read that doesn't wait for ever.
    fn client(&self) -> UnixStream {
        let client = UnixStream::connect(&self.path).unwrap();
        client.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        client
    }

    /// A turn of the loop at that time.
    fn turn(&mut self, now: u64) -> Vec<Event> {
        let mut events = Vec::new();
        self.server.turn(Millis(now), 2, &facts, &mut events);
        events
    }

    fn reply(&mut self, now: u64, event: &Event, answer: &Answer) {
        let Event::Command { reply, .. } = event else { panic!("{event:?}") };
        self.server.reply(Millis(now), *reply, answer);
    }

    /// Runs the loop on this thread, answering each command with its own name, while `work` runs on another.
    fn while_running<T: Send>(&mut self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let worker = scope.spawn(work);
            while !worker.is_finished() {
                let mut all = Vec::new();
                self.server.poll_on(&mut all);
                let _ = poll(&mut all, Some(&Timespec { tv_sec: 0, tv_nsec: 10_000_000 }));
                drop(all);
                for event in self.turn(Millis::now().0) {
                    if let Event::Command { command, .. } = event {
                        let answer = match command {
                            Command::Drain => Answer::Refused("not \u{1b}[2Jnow".into()),
                            command => Answer::Done(format!("{command:?} done")),
                        };
                        self.reply(Millis::now().0, &event, &answer);
                    }
                }
            }
            worker.join().unwrap()
        })
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn facts() -> Facts {
    Facts {
        state: "running".into(),
        wanted: 2,
        workers: vec![Worker { slot: 1, pid: 77, state: "ready".into(), ..Worker::default() }],
        ..Facts::default()
    }
}

fn read_line(client: &mut UnixStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') && client.read(&mut byte).unwrap() == 1 {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

fn read_all(client: &mut UnixStream) -> String {
    let mut text = String::new();
    match client.read_to_string(&mut text) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => text,
    }
}

#[test]
fn every_command_of_the_command_line_is_answered() {
    let mut master = Master::new("commands");
    let path = master.path.clone();
    let told = master.while_running(move || {
        let ask = |(client, shown)| {
            Connected::to(&path).and_then(|mut master| said(client, shown, &mut master)).unwrap()
        };
        [
            (Client::Scale(Scale::To(4)), Shown::Text),
            (Client::Scale(Scale::By(1)), Shown::Text),
            (Client::Scale(Scale::By(-7)), Shown::Text),
            (Client::Reload, Shown::Text),
            (Client::Upgrade, Shown::Text),
            (Client::Stop(Hurry::Graceful), Shown::Text),
            (Client::Drain, Shown::Text),
            (Client::Show, Shown::Text),
            (Client::Show, Shown::Json),
            (Client::Reload, Shown::Json),
            (Client::Drain, Shown::Json),
        ]
        .map(ask)
    });
    let text = |at: usize| told[at].text.clone();
    let refused: Vec<_> = (0..told.len()).filter(|at| !told[*at].ok).collect();
    assert_eq!(refused, [6, 10]);
    assert_eq!([text(0), text(1), text(2)], ["Scale(4) done\n", "Scale(3) done\n", "Scale(0) done\n"]);
    assert_eq!([text(3), text(4), text(5)], ["Reload done\n", "Upgrade done\n", "Stop done\n"]);
    assert_eq!(text(6), "refused: not \u{fffd}[2Jnow\n", "and nothing moves the cursor");
    assert!(text(7).starts_with("running, 0 of 2 workers ready") && text(7).contains("77"), "{}", text(7));
    assert_eq!(serde_json::from_str::<Facts>(&text(8)).unwrap(), facts());
    let done = Reply::parse(text(9).as_bytes()).unwrap();
    assert_eq!((done.ok, done.text.as_deref()), (true, Some("Reload done")));
    assert!(text(10).starts_with("{\"rsgi\":1,\"ok\":false,\"error\":\"not \\u001b[2Jnow\""), "{}", text(10));
}

#[test]
fn one_connection_takes_many_requests_and_many_clients_ask_at_once() {
    let mut master = Master::new("many");
    let path = master.path.clone();
    master.while_running(move || {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut master = Connected::to(&path).unwrap();
                    for _ in 0..20 {
                        assert_eq!(master.facts().unwrap(), facts());
                    }
                });
            }
        });
    });
}

#[test]
fn the_time_an_answer_took_is_told() {
    let mut master = Master::new("took");
    let mut client = master.client();
    client.write_all(b"{\"rsgi\":1,\"command\":\"reload\"}\n").unwrap();
    let events = master.turn(1_000);
    assert_eq!(events, [Event::Command { command: Command::Reload, reply: ReplyId(1) }]);
    assert_eq!(master.server.next_deadline(), None, "a reload has all the time it takes");
    assert_eq!(master.turn(999_000), []);
    master.reply(1_250, &events[0], &Answer::Done("reloaded".into()));
    let reply = Reply::parse(read_line(&mut client).as_bytes()).unwrap();
    assert_eq!((reply.ok, reply.text.as_deref(), reply.took_ms), (true, Some("reloaded"), Some(250)));
}

#[test]
fn a_quick_stop_is_a_stop_and_the_signal_that_hurries_it() {
    let mut master = Master::new("quick");
    let mut client = master.client();
    client.write_all(b"stop quick\n").unwrap();
    let stop = Event::Command { command: Command::Stop, reply: ReplyId(1) };
    assert_eq!(master.turn(0), [stop, Event::Signal(Sig::Int)]);
}

#[test]
fn words_are_answered_in_words_and_then_the_connection_is_closed() {
    let mut master = Master::new("words");
    let mut client = master.client();
    // As `printf scale | nc -N` does: no end of line, and nothing more to come.
    client.write_all(b"scale 3").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let events = master.turn(0);
    assert_eq!(events, [Event::Command { command: Command::Scale(3), reply: ReplyId(1) }]);
    assert_eq!(master.turn(1), [], "who only has nothing more to say is still there");
    master.reply(5, &events[0], &Answer::Done("2 -> 3 workers".into()));
    assert_eq!(read_all(&mut client), "2 -> 3 workers\n");
    master.turn(6);
    assert_eq!(master.server.clients(), 0);
}

#[test]
fn requests_sent_in_one_go_are_answered_one_after_the_other() {
    let mut master = Master::new("pipelined");
    let mut client = master.client();
    let line = b"{\"rsgi\":1,\"command\":\"facts\"}\n";
    client.write_all(&line.repeat(6)).unwrap();
    master.turn(0);
    assert_eq!(master.server.next_deadline(), Some(Millis(0)), "the rest is looked at soon");
    master.turn(0);
    for _ in 0..6 {
        assert!(read_line(&mut client).contains("\"facts\""));
    }
}

#[test]
fn a_client_that_goes_away_takes_nothing_back_and_leaves_no_trace() {
    let mut master = Master::new("gone");
    let mut client = master.client();
    client.write_all(b"{\"rsgi\":1,\"command\":\"reload\"}\n").unwrap();
    let events = master.turn(0);
    assert_eq!(events.len(), 1);
    drop(client);
    assert_eq!(master.turn(1), []);
    assert_eq!(master.server.clients(), 0);
    master.reply(2, &events[0], &Answer::Done("reloaded".into()));
}

#[test]
fn a_client_that_dawdles_is_given_up() {
    let mut master = Master::new("slow");
    let mut client = master.client();
    assert_eq!(master.turn(1_000), []);
    client.write_all(b"{\"rsgi\":1,").unwrap();
    assert_eq!(master.turn(9_000), []);
    assert_eq!(master.server.next_deadline(), Some(Millis(11_000)), "each byte wins no time");
    assert_eq!(master.turn(11_000), []);
    assert_eq!((master.server.clients(), read_all(&mut client).as_str()), (0, ""));
}

#[test]
fn a_client_that_does_not_take_its_answers_is_given_up() {
    let mut master = Master::new("deaf");
    let mut client = master.client();
    client.set_nonblocking(true).unwrap();
    let line = b"{\"rsgi\":1,\"command\":\"facts\"}\n";
    let mut now = 0;
    // Until the socket's buffers are full of answers that nobody reads.
    loop {
        let _ = client.write(line);
        now += 1;
        master.turn(now);
        let stuck = client.write(line).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        if stuck || now > 100_000 {
            break;
        }
    }
    assert_eq!(master.server.clients(), 1);
    master.turn(now + 10_000);
    assert_eq!(master.server.clients(), 0);
}

#[test]
fn a_line_without_end_is_refused_and_no_more_of_it_is_read() {
    let mut master = Master::new("long");
    let mut client = master.client();
    client.write_all(&vec![b'x'; LINE_MOST * 3]).unwrap();
    assert_eq!(master.turn(0), []);
    assert_eq!(read_all(&mut client), format!("refused: a request is a line of at most {LINE_MOST} bytes\n"));
    assert_eq!(master.server.clients(), 0);
}

#[test]
fn nonsense_is_refused_with_a_reason() {
    let mut master = Master::new("nonsense");
    for (line, part) in [
        (&b"{]\n"[..], "this is no request"),
        (b"\0\0\0\n", "there is no command"),
        (b"\xff\n", "this is no text"),
        (b"GET / HTTP/1.1\r\n", "means nothing here"),
    ] {
        let mut client = master.client();
        client.write_all(line).unwrap();
        assert_eq!(master.turn(0), []);
        client.shutdown(std::net::Shutdown::Write).unwrap();
        master.turn(0);
        let told = read_all(&mut client);
        assert!(told.contains(part), "{line:?}: {told}");
    }
}

#[test]
fn too_many_clients_at_once_are_told_so_and_the_others_stay() {
    let mut master = Master::new("crowd");
    let clients: Vec<_> = (0..CLIENTS_MOST)
        .map(|at| {
            let client = master.client();
            master.turn(at as u64);
            client
        })
        .collect();
    let mut late = master.client();
    master.turn(100);
    assert!(read_all(&mut late).contains("too many clients at once"));
    assert_eq!(master.server.clients(), CLIENTS_MOST);
    drop(clients);
    master.turn(101);
    assert_eq!(master.server.clients(), 0);
}

#[test]
fn only_the_masters_user_and_root_may_ask() {
    let master = Master::new("allowed");
    assert_eq!(master.server.allowed(), [rustix::process::geteuid().as_raw(), 0]);
}

#[test]
fn a_stranger_is_told_so_and_nothing_it_sends_is_read() {
    let mut master = Master::new("stranger");
    master.server.allow(&[rustix::process::geteuid().as_raw() + 1]);
    let mut client = master.client();
    client.write_all(b"stop\n").unwrap();
    assert_eq!(master.turn(0), []);
    assert!(read_all(&mut client).contains("from the master's user and from root only"));
}

#[test]
fn what_is_answered_is_sent_before_an_exec() {
    let mut master = Master::new("flush");
    let mut client = master.client();
    client.write_all(b"upgrade\n").unwrap();
    let events = master.turn(0);
    master.reply(1, &events[0], &Answer::Done("taking over".into()));
    master.server.flush();
    drop(std::mem::replace(&mut master, Master::new("flushed")));
    assert_eq!(read_all(&mut client), "taking over\n");
}

#[test]
fn where_no_master_is_the_remedy_is_told() {
    let told = Connected::to(std::path::Path::new("/nonexistent/it.ctl")).unwrap_err();
    assert!(told.contains("control_socket /nonexistent/it.ctl: no master answers there"), "{told}");
}
