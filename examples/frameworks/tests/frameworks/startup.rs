//! A factory that awaits and spawns: its sockets and tasks live on the runtime that runs the handlers.

use crate::child::Child;

const PROGRAM: &str = env!("CARGO_BIN_EXE_startup");

#[test]
fn what_an_async_factory_awaits_and_spawns_lives_on() {
    for server in ["std", "hyper"] {
        for arguments in [&[][..], &["-w", "1"]] {
            let child = Child::start(PROGRAM, server, arguments);
            let client = child.client();
            assert_eq!(client.get("/next").answer().text(), "1\n", "{server}");
            assert_eq!(client.get("/next").answer().text(), "2\n", "{server}");
            assert_ne!(client.get("/port").answer().text(), "0", "{server}");
            child.end();
        }
    }
}
