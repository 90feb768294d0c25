//! The house rules as tests: the tree's shape, the layers of the crates, and the contract's text.
//!
//! These tests read files and data; what the project does is tested in the other targets. Each test prints every offence it finds, with
//! file and line, not only the first.
//!
//! `tidy`, `layers`, `spec`, `evidence` and `matrix` hold the tests; `files` walks the tree for them, `clauses` and `pep` read the texts that are
//! compared.

mod clauses;
mod evidence;
mod files;
mod layers;
mod matrix;
mod pep;
mod spec;
mod tidy;
