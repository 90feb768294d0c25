//! Everything at once: quick, slow, parked, yielding and vanishing clients on few threads; every answer is checked.
//!
//! What it is for: wakes, events and turns that get lost only now and then.
//!
//! Invariant: see `main.rs`.

use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rsgi_threads::ConnWaker;

use crate::lines::{Answer, Settings};
use crate::server::{Client, Server, over_both_pollers};

over_both_pollers! {
    fn no_answer_is_lost_or_mixed_up(config) {
        let (sender, wakers) = mpsc::channel::<ConnWaker>();
        let waking = thread::spawn(move || wakers.iter().for_each(|waker| waker.wake()));
        let sender = Mutex::new(sender);
        let settings = Settings { idle: Some(Duration::from_mins(1)), ..Settings::default() };
        let config = config.threads(3).connections(20);
        let server = Server::prepare(&config, settings, move |call| {
            match (call.line.split(' ').next(), call.round) {
                (Some("park"), 0) => {
                    sender.lock().unwrap().send(call.shared.waker.clone()).unwrap();
                    return Answer::Park;
                }
                (Some("again"), 0..5) => return Answer::Again,
                (Some("slow"), _) => thread::sleep(Duration::from_micros(700)),
                _ => {}
            }
            Answer::Line(call.line.to_owned())
        })
        .started();
        let clients: Vec<_> = (0..24_usize)
            .map(|number| {
                let address = server.addresses[0].clone();
                thread::spawn(move || {
                    let mut client = Client::connect(&address);
                    for turn in 0..200_usize {
                        let kind = ["ping", "park", "ping", "again", "slow"][(number + turn * 7) % 5];
                        let line = format!("{kind} {number} {turn}");
                        if turn % 50 == 49 {
                            // Goes away without waiting for the answer.
                            client.send(&line);
                            client = Client::connect(&address);
                        }
                        assert_eq!(client.ask(&line), line);
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        drop(server);
        waking.join().unwrap();
    }
}
