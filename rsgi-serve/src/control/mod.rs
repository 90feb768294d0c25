//! The control socket: where a running master is asked how it is and told what to do.
//!
//! A unix stream socket with mode 0600, at the path that the setting `control_socket` names. Whoever isn't the master's user or root is
//! refused by its credentials (`SO_PEERCRED`), whatever the file's mode lets in.
//!
//! # The language, version 1
//!
//! A request is one line of at most 4 KiB. In JSON, for programs:
//!
//! ```text
//! {"rsgi": 1, "command": "scale", "to": 4}
//! {"rsgi": 1, "ok": true, "text": "2 -> 4 workers, ready in 310 ms", "took_ms": 310}
//! ```
//!
//! or in words, for people with `nc -U`: `scale 4`. What begins with a brace is JSON. There are:
//!
//! | command | more | answer |
//! |---|---|---|
//! | `show` | | a line on the service and one a worker |
//! | `facts` | | all that is known, as `facts` in JSON |
//! | `scale` | `to`: so many, or `by`: so many more or fewer | when they are ready, or gone |
//! | `reload`, `upgrade` | | when it is done, or undone, with the reason |
//! | `drain` | | when the last worker has left |
//! | `stop` | `quick`: true, or the word | when the last worker has left |
//! | `reopen` | | when the master's log files are open again |
//!
//! Each request has one answer, when what it asked for is done or can't be; `ok` says which, with `text` or `error`. A client that goes
//! away takes nothing back. After an answer in JSON the connection takes another request; after one in words it is closed. A request of
//! another version is refused; new answers may have new members, which readers skip.
//!
//! The master's side (`server.rs`) never waits for a client: every one has bounded buffers and a time to say what it wants. Client side:
//! `client.rs`. Next: `protocol.rs`.
#![allow(dead_code, unused_imports, reason = "the master, which uses it, is written beside it")]

mod client;
mod connection;
mod open;
mod protocol;
mod render;
mod server;
#[cfg(test)]
mod tests;

pub(crate) use self::client::{Connected, tell};
pub(crate) use self::open::OpenError;
pub(crate) use self::server::Server;
