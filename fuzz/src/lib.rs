//! What the fuzz targets share: models written apart from the servers, the servers themselves, what a client sees.
//!
//! The models know nothing of `httparse` or of rsgi-std's code: they take a whole buffer apart by the grammar of
//! RFC 9112, slowly and plainly. Not here: the targets, which are in `fuzz_targets/`, one file each.
//!
//! Reading order: `head_model`, `host_model`, `chunked_model`, `connection_model`, `ground`, `answers`, `differences`, `frames`; `gateway`.
#![forbid(unsafe_code)]

pub mod answers;
pub mod chunked_model;
pub mod connection_model;
pub mod differences;
pub mod frames;
pub mod gateway;
pub mod ground;
pub mod head_model;
pub mod host_model;

/// The fuzzer's own callbacks, without which instrumented tests don't link.
#[cfg(test)]
use libfuzzer_sys as _;
