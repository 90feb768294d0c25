//! What a handler gathers is sent after a tick, while the handler goes on.
//!
//! Invariant: see `main.rs`.

use crate::lines::Answer;
use crate::server::{Gate, Server, over_both_pollers};

over_both_pollers! {
    /// Once with a thread to spare that polls, once with none.
    fn what_lies_gathered_is_sent_while_the_handler_still_runs(config) {
        for threads in [2, 1] {
            let gate = Gate::default();
            let at_gate = gate.clone();
            let server = Server::start(&config.clone().threads(threads), move |call| {
                for piece in 0..3 {
                    call.shared.gathered.lock().unwrap().extend_from_slice(format!("piece {piece}\n").as_bytes());
                    call.shared.waker.tick();
                    at_gate.pass();
                }
                Answer::Line("end".to_owned())
            });
            let mut client = server.connect();
            client.send("stream");
            for piece in 0..3 {
                assert_eq!(client.line(), format!("piece {piece}"));
                gate.open(1);
            }
            assert_eq!(client.line(), "end");
        }
    }
}
