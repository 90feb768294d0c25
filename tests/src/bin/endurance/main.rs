//! Endurance: a server in a process of its own under a mixed load, asked by clients that check every byte.
//!
//! `endurance --server std|hyper [--seconds 60] [--requests N]` drives fast, slow, aborted, stalled, malformed, huge and
//! streaming clients together for so long and so many answers, whichever is more. It fails if an answer is wrong, a good
//! client is left or has to wait too long, memory grows after the warm-up, a descriptor or thread isn't given back, or
//! the server doesn't end gracefully.
//!
//! Read next: `run.rs`, the course of a run; `clients/`, who asks; `app.rs`, who answers.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it reports to who started it")]

mod app;
mod clients;
mod content;
mod dice;
mod expected;
mod fault;
mod inbox;
mod load;
mod memory;
mod process;
mod request;
mod run;
mod sabotage;
mod serve;
mod tally;
mod ticker;

use std::process::ExitCode;
use std::time::Duration;

use crate::run::{Settings, run};
use crate::sabotage::Sabotage;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["serve", adapter, sabotage] = arguments[..] {
        let served = serve::serve(adapter, Sabotage::named(sabotage).unwrap_or(Sabotage::None));
        return exit(served.map_err(|error| error.to_string()));
    }
    let settings = match settings(&arguments) {
        Ok(settings) => settings,
        Err(fault) => return exit(Err(format!("{fault}; {USAGE}"))),
    };
    exit(run(&settings).map_err(|error| error.to_string()).and_then(|faults| match faults {
        0 => Ok(()),
        count => Err(format!("{count} faults")),
    }))
}

fn settings(arguments: &[&str]) -> Result<Settings, String> {
    let mut settings = Settings { server: "std", time: Duration::from_mins(1), answers: 0, sabotage: "none" };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} lacks a value", pair[0])) };
        let number = || value.parse().map_err(|_| format!("{name} {value} is no number"));
        match *name {
            "--server" => {
                let known = SERVERS.iter().find(|known| *known == value);
                settings.server = known.ok_or_else(|| format!("there is no server {value}"))?;
            }
            "--seconds" => settings.time = Duration::from_secs(number()?),
            "--requests" => settings.answers = number()?,
            // Shows that a run can fail; not for who only wants to know whether it does.
            "--sabotage" => {
                let known = Sabotage::ALL.iter().find(|(known, _)| known == value);
                settings.sabotage = known.ok_or_else(|| format!("there is no sabotage {value}"))?.0;
            }
            _ => return Err(format!("there is no flag {name}")),
        }
    }
    Ok(settings)
}

fn exit(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("endurance: {fault}");
            ExitCode::FAILURE
        }
    }
}

const SERVERS: [&str; 2] = ["std", "hyper"];
const USAGE: &str = "usage: endurance --server std|hyper [--seconds 60] [--requests N]";
