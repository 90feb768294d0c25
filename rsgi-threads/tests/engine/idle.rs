//! An idle server makes no wake-ups, with idle connections and far deadlines too.
//!
//! Counted, not timed: the engine's own figures and the kernel's count of its threads' switches stay as they are while
//! the test waits on a channel to which nobody writes.
//!
//! Invariant: see `main.rs`.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rsgi_threads::Figures;

use crate::lines::{Event, Settings};
use crate::server::{Gate, LONG, Server, blocking_at, echo, over_both_pollers};

/// A name for the threads of an engine that no other test's have.
pub(crate) fn name() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("idle{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Switches of all threads whose name begins so, as Linux counts them.
fn switches(name: &str) -> u64 {
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        // A thread of another test may just have ended.
        let Ok(status) = fs::read_to_string(task.path().join("status")) else { continue };
        if status.starts_with(&format!("Name:\t{name}-")) {
            let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
            sum += counts
                .map(|line| line.split_whitespace().last().unwrap().parse::<u64>().unwrap())
                .sum::<u64>();
        }
    }
    sum
}

/// Waits until nothing moves, then sees that nothing does for a while.
pub(crate) fn assert_asleep(server: &Server, name: &str) {
    let (_nobody_writes, nothing) = mpsc::channel::<()>();
    let watch = |time: u64| -> ((Figures, u64), (Figures, u64)) {
        let before = (server.handle.figures(), switches(name));
        nothing.recv_timeout(Duration::from_millis(time)).unwrap_err();
        (before, (server.handle.figures(), switches(name)))
    };
    let begin = Instant::now();
    loop {
        let (before, after) = watch(20);
        if before == after {
            break;
        }
        assert!(begin.elapsed() < LONG, "never asleep: {after:?}");
    }
    let (before, after) = watch(400);
    assert_eq!(before, after);
}

over_both_pollers! {
    fn an_idle_server_makes_no_wake_ups(config) {
        let name = name();
        let settings = Settings { idle: Some(Duration::from_hours(1)), ..Settings::default() };
        let config = config.thread_name(&name).threads(4);
        let server = Server::prepare(&config, settings, echo).started();
        assert_asleep(&server, &name);
        let mut clients: Vec<_> = (0..50).map(|_| server.connect()).collect();
        for client in &mut clients {
            assert_eq!(client.ask("ping"), "ping");
        }
        assert_asleep(&server, &name);
        assert_eq!(clients[7].ask("ping"), "ping");
    }

    /// The blocked handlers' own waiting doesn't count, as nothing ends it. With two threads a third client waits in
    /// line, with three it is served.
    fn a_server_whose_handlers_all_wait_makes_none_either(config) {
        for (threads, name) in [(3, name()), (2, name())] {
            let gate = Gate::default();
            let config = config.clone().thread_name(&name).threads(threads);
            let server = Server::start(&config, blocking_at(&gate));
            let mut clients = [server.connect(), server.connect()];
            for client in &mut clients {
                client.send("block");
            }
            gate.await_waiting(2);
            let mut third = server.connect();
            third.send("third");
            server.await_event(&Event::Read("third".to_owned()));
            assert_asleep(&server, &name);
            gate.open(2);
            assert_eq!(third.line(), "third");
            for client in &mut clients {
                assert_eq!(client.line(), "block");
            }
        }
    }
}
