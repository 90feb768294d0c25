//! The engine of blocking adapters: listeners, poller, leader and followers, timers, drain; no protocol.
//!
//! An adapter implements [`Protocol`] (bytes in, bytes out) and hands it to an [`Engine`] with its [`Listener`]s. The
//! engine calls it on a fixed set of threads, of which any may block inside [`Protocol::run`]: idle connections, slow
//! senders and slow readers hold no thread, and while all threads are blocked one more keeps accepting, parsing and
//! timing out.
//!
//! How it works: one thread at a time *leads*, that is waits in the poller; it puts what came in a queue and serves it,
//! handlers and all, with no switch to another thread; the *followers* sleep. A watchdog ticks while the server is busy
//! and, when the leader is held up, wakes a follower, who goes on with the queue. Nothing wakes while nothing happens.
//!
//! Round the engine stands what every adapter on it needs and core doesn't do, for it opens no socket and starts no thread:
//! [`open_listeners`], [`Place`], [`Service`], [`Pending`], [`Runtime`].
//!
//! It holds no `unsafe`, and runs on every unix: with epoll on Linux, with `poll` elsewhere.
#![forbid(unsafe_code)]

// What an adapter sees.
mod address;
mod config;
mod error;
mod handle;
mod listener;
mod next;
mod protocol;
mod stream;
mod turn;
mod wait;
mod waker;

// What an adapter needs round about, by core's settings.
mod inherit;
mod load;
mod open;
mod place;
mod serve_error;
mod service;
mod stop;

#[cfg(not(feature = "tokio"))]
#[path = "no_runtime.rs"]
mod runtime;
#[cfg(feature = "tokio")]
mod runtime;

// One connection.
mod cells;
mod control;
mod slots;
mod sync;
mod table;
mod turns;

// All of them.
mod accept;
mod busy;
mod clock;
mod crowd;
mod drain;
mod engine;
mod hub;
mod lead;
mod os;
mod pace;
mod poller;
mod queue;
mod timers;
mod vain;
mod watch;
mod watchdog;
mod worker;

// The engine under a checker of concurrent programs.
#[cfg(any(loom, shuttle))]
mod model;

pub use address::Address;
pub use config::{Accepting, Config, PollerKind};
pub use engine::Engine;
pub use error::{Error, ErrorKind};
pub use handle::{Figures, Handle, Report};
pub use listener::Listener;
pub use load::{Parked, Pending};
pub use next::{Hangup, Interest, Next, Readiness};
pub use open::open_listeners;
pub use place::Place;
pub use protocol::{Accepted, Opened, Protocol};
pub use runtime::Runtime;
pub use service::{Service, ServiceHandle, ServiceParts};
pub use stream::{Credentials, Stream};
pub use turn::Turn;
pub use wait::{Waited, wait_readable, wait_writable};
pub use waker::{ConnId, ConnWaker};
