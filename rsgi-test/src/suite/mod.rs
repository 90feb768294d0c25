//! The conformance suite: every rule of the contract as a case that any adapter can be run against.
#![expect(clippy::missing_panics_doc, reason = "a case fails by panicking: that is what it is for")]

pub mod folder;
pub mod log;
