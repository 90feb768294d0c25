//! The program `rsgi-python`, with real processes and signals: an application in a folder is served, asked, broken and ended.
//!
//! Nothing sleeps: a test waits for a line of the log, an answer or an end.
#![allow(clippy::unwrap_used, reason = "all of it is tests")]

mod driving;
mod ending;
mod failing;
mod forks;
mod page;
mod serving;
mod starting;
