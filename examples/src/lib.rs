//! What the examples share, and nothing that an application would need: a command line and a log.
//!
//! The examples themselves are the binaries in `src/bin`, ranked in `README.md`; each is one file that stands for
//! itself. Where next: `src/bin/hello.rs`.
#![forbid(unsafe_code)]

mod flags;
mod launch;
mod log;
mod wire;

pub use launch::{launch, launch_on};
pub use wire::Wire;

/// The workspace's README, so that its Rust is compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug, Clone, Copy)]
pub struct Readme;
