//! Gunicorn beside the launcher: the same number of worker processes each, asked for `/ping` in turns.
//!
//! The example `ping` is the launcher's app and `benches/python/app.py` Gunicorn's. Servers run on one core and wrk on the other, as in the
//! big comparison; what counts is the CPU time that a server's processes, the master's included, spend on a request.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;

use rsgi_core::Error;

use crate::built::{Programs, benches};
use crate::load::{Aim, Load};
use crate::machine::{date, facts};
use crate::meter::Cpu;
use crate::process::{Core, Group, free_port, on, raise_descriptors};
use crate::subject::Program;

/// A server with so many workers. `{address}` and `{workers}` are filled in.
struct Fleet {
    name: &'static str,
    program: Program,
    arguments: &'static [&'static str],
}

/// How long and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    workers: u32,
    rounds: u32,
    seconds: u32,
}

struct Started {
    fleet: &'static Fleet,
    group: Group,
    address: SocketAddr,
    samples: Vec<Sample>,
}

/// Of one round.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    per_second: f64,
    microseconds: f64,
}

/// Measures, and gives the table in Markdown.
///
/// # Errors
///
/// When the command line can't be understood, or a server can't be started or asked.
pub fn beside_gunicorn(arguments: impl IntoIterator<Item = OsString>) -> Result<String, Error> {
    let plan = Plan::parse(arguments)?;
    raise_descriptors();
    let programs = Programs::example()?;
    let folder = tempfile::tempdir()?;
    let mut started =
        FLEETS.iter().map(|fleet| start(fleet, &programs, plan)).collect::<Result<Vec<_>, _>>()?;
    // The first round warms them up.
    for round in 0..=plan.rounds {
        for server in &mut started {
            let sample = server.ask(plan, folder.path())?;
            if round > 0 {
                server.samples.push(sample);
            }
        }
    }
    Ok(table(plan, &started))
}

impl Plan {
    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Error> {
        let mut plan = Self { workers: 2, rounds: 5, seconds: 1 };
        let mut parser = lexopt::Parser::from_iter(arguments);
        while let Some(argument) = parser.next()? {
            let field = match argument {
                lexopt::Arg::Long("workers") | lexopt::Arg::Short('w') => &mut plan.workers,
                lexopt::Arg::Long("rounds") => &mut plan.rounds,
                lexopt::Arg::Long("seconds") => &mut plan.seconds,
                other => return Err(other.unexpected().into()),
            };
            *field = parser.value()?.to_string_lossy().parse()?;
            if *field == 0 {
                return Err("there is nothing to measure with 0".into());
            }
        }
        Ok(plan)
    }
}

fn start(fleet: &'static Fleet, programs: &Programs, plan: Plan) -> Result<Started, Error> {
    let address = free_port()?;
    let mut command = on(Core::Server, &programs.path(fleet.program)?.to_string_lossy());
    for argument in fleet.arguments {
        let workers = plan.workers.to_string();
        command.arg(argument.replace("{address}", &address.to_string()).replace("{workers}", &workers));
    }
    command.current_dir(benches().join("python")).stdin(Stdio::null()).stdout(Stdio::null());
    let mut group = Group::start(command)?;
    group.listens(address).map_err(|error| format!("{}: {error}", fleet.name))?;
    Ok(Started { fleet, group, address, samples: Vec::new() })
}

impl Started {
    #[expect(clippy::cast_precision_loss, reason = "requests of a second are few")]
    fn ask(&self, plan: Plan, folder: &std::path::Path) -> Result<Sample, Error> {
        let load = Load::Closed { connections: CONNECTIONS, pipelined: 1, upload: 0 };
        let aim = Aim {
            address: self.address,
            path: "/ping",
            tls: false,
            body: 4,
            seconds: plan.seconds,
            core: Core::Load,
            folder,
        };
        let before = Cpu::of_group(self.group.id())?;
        let counted = load.make(aim).map_err(|error| format!("{}: {error}", self.fleet.name))?;
        let used = Cpu::of_group(self.group.id())?.since(before);
        Ok(Sample {
            per_second: counted.requests as f64 * 1e6 / counted.microseconds as f64,
            microseconds: used.microseconds() / counted.requests as f64,
        })
    }

    fn median(&self, what: impl Fn(&Sample) -> f64) -> f64 {
        let mut values: Vec<f64> = self.samples.iter().map(what).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}

fn table(plan: Plan, started: &[Started]) -> String {
    let Plan { workers, rounds, seconds } = plan;
    let mut text = format!(
        "{}: `/ping`, {workers} workers each, {CONNECTIONS} connections, servers on one core and wrk on another; \
         medians of {rounds} rounds of {seconds} s.\n\n",
        date().trim()
    );
    let known = ["processor", "rustc", "python", "gunicorn", "gevent"];
    let versions = facts().into_iter().filter(|(name, _)| known.contains(&name.as_str()));
    let versions: Vec<_> = versions.map(|(name, value)| format!("{name}: {value}")).collect();
    // Writing to a string can't fail.
    let _done = writeln!(text, "{}.\n", versions.join("; "));
    text.push_str(
        "| server | requests a second | CPU µs a request | times the first |\n|---|---:|---:|---:|\n",
    );
    let first = started[0].median(|it| it.microseconds);
    for server in started {
        let (rate, cpu) = (server.median(|it| it.per_second), server.median(|it| it.microseconds));
        let _done = writeln!(text, "| {} | {rate:.0} | {cpu:.1} | {:.1} |", server.fleet.name, cpu / first);
    }
    text
}

/// Each with an open connection in wrk.
const CONNECTIONS: u32 = 32;

macro_rules! launcher {
    ($server:literal) => {
        &["--server", $server, "--workers", "{workers}", "--bind", "{address}", "--no-control-socket"]
    };
}

macro_rules! gunicorn {
    ($($argument:literal),*) => {
        &[
            "--bind", "{address}", "--workers", "{workers}", "--log-level", "error", "--no-control-socket",
            "--backlog", "2048", $($argument,)* "app:app",
        ]
    };
}

static FLEETS: [Fleet; 5] = [
    Fleet { name: "rsgi-serve, std", program: Program::Example, arguments: launcher!("std") },
    Fleet { name: "rsgi-serve, hyper", program: Program::Example, arguments: launcher!("hyper") },
    Fleet {
        name: "Gunicorn, gthread (8 threads)",
        program: Program::Python("gunicorn"),
        arguments: gunicorn!("-k", "gthread", "--threads", "8", "--keep-alive", "3600"),
    },
    Fleet {
        name: "Gunicorn, gevent",
        program: Program::Python("gunicorn"),
        arguments: gunicorn!("-k", "gevent", "--keep-alive", "3600"),
    },
    Fleet {
        name: "Gunicorn, sync (a connection a request)",
        program: Program::Python("gunicorn"),
        arguments: gunicorn!("-k", "sync"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_read_from_the_command_line() {
        let parse = |arguments: &[&str]| Plan::parse(arguments.iter().map(OsString::from));
        assert_eq!(parse(&[]).unwrap(), Plan { workers: 2, rounds: 5, seconds: 1 });
        assert_eq!(parse(&["workers", "-w", "4"]).unwrap().workers, 4);
        assert!(parse(&["workers", "--rounds", "0"]).is_err());
        assert!(parse(&["workers", "--servers", "1"]).is_err());
    }
}
