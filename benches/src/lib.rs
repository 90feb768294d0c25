//! What RSGI costs beside bare hyper, counted in user-space instructions of one keep-alive request.
//!
//! The connection runs over a pipe in memory and is polled by hand, so that nothing but hyper, the adapter and the
//! app is counted. `bin/instructions.rs` runs the cases under callgrind and prints the ratios.
#![forbid(unsafe_code)]

mod cases;
mod pipe;

pub use cases::{Case, run};
