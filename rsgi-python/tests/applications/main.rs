//! Real applications of Python's on our servers, asked over HTTP: each from the package index.
//!
//! Whatever is asked of one of them is asked under Gunicorn, too, and the answers must be the same: what a test says of an answer
//! is first of all true there. `tests/install`, which `./check python` calls, brings the packages; what is left out without one is
//! said. The applications are in `tests/python`. Read `served.rs` first.
#![allow(clippy::unwrap_used, reason = "all of it is tests")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod django;
mod falcon;
mod flask;
mod fronts;
mod served;
mod talk;
