//! Wakes reach their connection: from any thread, at any time, and never another one.
//!
//! A parked connection stands for a pending future.
//!
//! Invariant: see `main.rs`.

use std::collections::VecDeque;
use std::sync::{Mutex, mpsc};

use rsgi_threads::ConnWaker;

use crate::lines::{Answer, Call};
use crate::server::{Gate, LONG, Server, over_both_pollers};

/// Parks on `park` and hands the waker to the test.
fn parking() -> (impl Fn(Call<'_>) -> Answer + Send + Sync + 'static, mpsc::Receiver<ConnWaker>) {
    let (sender, wakers) = mpsc::channel();
    let sender = Mutex::new(sender);
    let handler = move |call: Call<'_>| {
        if call.line == "park" && call.round == 0 {
            sender.lock().unwrap().send(call.shared.waker.clone()).unwrap();
            return Answer::Park;
        }
        Answer::Line(format!("{} {}", call.line, call.round))
    };
    (handler, wakers)
}

over_both_pollers! {
    fn a_parked_connection_holds_no_thread_and_is_woken_from_a_foreign_one(config) {
        let (handler, wakers) = parking();
        let server = Server::start(&config.threads(1), handler);
        let mut clients: Vec<_> = (0..200).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send("park");
        }
        let wakers: Vec<_> = clients.iter().map(|_| wakers.recv_timeout(LONG).unwrap()).collect();
        assert_eq!(server.connect().ask("ping"), "ping 0");
        for waker in wakers {
            std::task::Waker::wake(waker.waker());
        }
        for client in &mut clients {
            assert_eq!(client.line(), "park 1");
        }
    }

    /// The waker is used while the handler still runs, before it says that it parks.
    fn a_wake_during_run_is_not_lost(config) {
        let server = Server::start(&config.threads(1), |call| {
            if call.round < 3 {
                let waker = call.shared.waker.clone();
                if call.round == 1 {
                    std::thread::spawn(move || waker.wake()).join().unwrap();
                } else {
                    waker.wake();
                }
                return Answer::Park;
            }
            Answer::Line("woken".to_owned())
        });
        for _ in 0..50 {
            assert_eq!(server.connect().ask(""), "woken");
        }
    }

    fn a_wake_of_a_gone_connection_does_not_reach_its_successor(config) {
        let (handler, wakers) = parking();
        let server = Server::start(&config.threads(1), handler);
        let mut gone = server.connect();
        gone.send("park");
        let stale = wakers.recv_timeout(LONG).unwrap();
        stale.wake();
        assert_eq!(gone.line(), "park 1");
        drop(gone);
        server.await_connections(0);
        let mut next = server.connect();
        next.send("park");
        let fresh = wakers.recv_timeout(LONG).unwrap();
        assert_ne!(stale.id(), fresh.id());
        let slot = |waker: &ConnWaker| waker.id().to_u64() & 0xffff_ffff;
        assert_eq!(slot(&stale), slot(&fresh), "the slot is used again");
        stale.wake();
        // The stale wake would have been seen before this answer.
        assert_eq!(server.connect().ask("ping"), "ping 0");
        assert!(!next.has_something());
        fresh.wake();
        assert_eq!(next.line(), "park 1");
    }

    fn wakes_reach_their_connections_while_all_threads_are_blocked(config) {
        let gate = Gate::default();
        let (parking, wakers) = parking();
        let at_gate = gate.clone();
        let server = Server::start(&config.threads(2), move |call| {
            if call.line == "block" {
                at_gate.pass();
            }
            parking(call)
        });
        let mut parked = server.connect();
        parked.send("park");
        let waker = wakers.recv_timeout(LONG).unwrap();
        let mut blocked = [server.connect(), server.connect()];
        for client in &mut blocked {
            client.send("block");
        }
        gate.await_waiting(2);
        waker.wake();
        gate.open(1);
        assert_eq!(parked.line(), "park 1");
        gate.open(1);
    }

    /// Each connection is woken by the next one's handler: a ring of wakes.
    fn wakes_from_handler_to_handler_are_never_lost(config) {
        let parked: Mutex<VecDeque<ConnWaker>> = Mutex::default();
        let (sender, first) = mpsc::channel();
        let sender = Mutex::new(sender);
        let server = Server::start(&config.threads(3), move |call| {
            if call.round == 0 {
                let mut parked = parked.lock().unwrap();
                parked.push_back(call.shared.waker.clone());
                if parked.len() > 1 {
                    parked.pop_front().unwrap().wake();
                } else {
                    sender.lock().unwrap().send(()).unwrap();
                }
                return Answer::Park;
            }
            Answer::Line("woken".to_owned())
        });
        let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
        clients[0].send("");
        first.recv_timeout(LONG).unwrap();
        for turn in 1..400 {
            clients[turn % 8].send("");
            assert_eq!(clients[(turn - 1) % 8].line(), "woken");
        }
    }
}
