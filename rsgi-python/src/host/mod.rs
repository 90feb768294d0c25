//! A WSGI application (PEP 3333) as an app: we are its server.
//!
//! One call: `environ.rs` makes the dictionary, `start_response.rs` takes the head, `answer.rs` makes the body of what the
//! application returned; `input.rs`, `errors.rs`, `file_wrapper.rs` and `write.rs` are what it is given beside. The
//! interpreter's lock is held for Python's own work, and by nobody who waits.

mod answer;
mod closings;
mod environ;
mod errors;
mod failure;
mod file_wrapper;
mod input;
mod names;
mod pieces;
mod run;
mod start_response;
mod text;
mod write;

#[cfg(test)]
mod tests;

pub use failure::PythonError;
pub(crate) use failure::{spelled, traceback};
pub use run::WsgiApp;
