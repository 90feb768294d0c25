//! RSGI apps as WSGI callables (PEP 3333): [`wsgi_module!`](crate::wsgi_module) makes a Python module of an app's factory, whose
//! `app` any WSGI server calls: Gunicorn, uWSGI, Waitress, mod_wsgi.
//!
//! We are the application here and the host is the server, so what HTTP's syntax asks for is the host's part; what the contract asks
//! of a server behind that is core's `respond`, as on every other road.
//!
//! How a call goes: `variables.rs` reads the environ, `call.rs` runs the app by `drive.rs`, which has the host's own thread poll, wait and
//! read the content (`desk.rs`), off the interpreter's lock. `answer.rs` gives the head to `start_response`, and the content in the form
//! that suits it, `content.rs` among them.
//!
//! Invariant: nothing of the host's is called but on the thread that called us, except for `wsgi.errors`; and no lock of ours is held, no
//! reference into a thread's stack is handed out, while Python runs, as another greenlet may take the thread over.

mod answer;
mod application;
mod bell;
mod call;
mod client;
mod content;
mod desk;
mod drive;
mod errors;
mod factory;
mod hosts;
mod module;
mod process;
mod variables;

pub use application::Application;
pub use factory::{Factory, Fallible, Later, Made, Making, Plain};
pub use module::fill;
