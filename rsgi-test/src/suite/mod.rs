//! The conformance suite: every rule of the contract as a case that any adapter can be run against.
//!
//! - [`run_tests`] is an adapter's whole conformance test; it takes the adapter's name.
//! - [`Within`] is a middleware's: the probe inside it must answer as it does alone.
//! - The command `rsgi-conform` runs the cases against a server of another process that hosts the [`Probe`].
//! - [`Case`] and [`cases()`] are the table itself.
//!
//! Read in the order of the modules below.
#![expect(clippy::missing_panics_doc, reason = "a case fails by panicking: that is what it is for")]

mod case;
mod cases;
pub mod rules;

pub mod apps;
mod notes;
pub mod noting;
mod probe;
pub mod seen;
mod store;

mod endpoint;
mod ground;
mod linting;
mod talk;
mod within;

mod harness;
mod panics;
mod report;
mod run;
#[cfg(test)]
mod run_variations;
#[cfg(test)]
mod wrong_middleware;

pub mod corpus;
pub mod folder;
pub mod log;

pub use case::{Case, Steps};
pub use cases::cases;
pub use endpoint::{BadUrl, Endpoint, NoProbe, Reach, Remote};
pub use ground::{Difference, Ground, Server, Stopper};
pub use harness::{run_tests, run_tests_on};
pub use notes::{Notes, OnDrop, Told};
pub use probe::{FIELD, Facts, Probe};
pub use report::{CaseReport, Report, RuleReport, RuleResult};
pub use run::{Expected, Subject, Verdict};
pub use store::Store;
pub use talk::{Talk, Way};
pub use within::Within;
