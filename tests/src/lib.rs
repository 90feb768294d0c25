//! What the tests of this crate share: the adapters under test, and servers in processes of their own.
//!
//! Everything that holds of any adapter is asked by the conformance suite (`rsgi_test::suite`), which
//! `tests/conform_std.rs` and `tests/conform_hyper.rs` run; clients, events and waiting come from there, too.
#![forbid(unsafe_code)]
#![expect(clippy::missing_panics_doc, reason = "a harness fails by panicking: that is what it is for")]

pub mod adapters;
pub mod differences;
pub mod driving;
pub mod host;
pub mod load;
pub mod marks;
pub mod shipped;
pub mod through;
pub mod uploads;
