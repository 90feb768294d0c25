//! What RSGI costs: servers measured beside others, and instructions counted beside bare hyper.
//!
//! The comparison of servers (`main.rs`) is made of data (`subject`, `workload`, `target`), of what runs them (`server`,
//! `load`, `rounds`) and of what is said of it (`ratio`, `report`). The count of instructions (`bin/instructions.rs`)
//! has its cases in `cases`: the connection runs over a pipe in memory and is polled by hand, so that nothing but
//! hyper, the adapter and the app is counted.
#![forbid(unsafe_code)]

mod axum_cases;
mod cases;
mod frasco_cases;
mod hyper_cases;
mod pipe;

mod command;
mod options;
mod subject;
mod workload;

mod built;
mod machine;
mod process;
mod server;

mod asked;
mod fleets;
mod gateways;
mod hold;
mod load;
mod meter;
mod rounds;

mod plot;
mod ratio;
mod record;
mod report;
mod target;

pub use axum_cases::AXUM_CASES;
pub use cases::{Case, run};
pub use command::follow;
pub use fleets::beside_gunicorn;
pub use frasco_cases::FRASCO_CASES;
pub use gateways::beside_uwsgi;
pub use hyper_cases::{HYPER_CASES, HyperCase};
