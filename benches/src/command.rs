//! What the command line asks for, done: a run, a report, a list.
//!
//! The only part of the library that prints.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing the tables is its purpose")]

use std::ffi::OsString;
use std::fs;
use std::io::IsTerminal;
use std::process::{Command, Stdio};

use rsgi_core::Error;

use crate::built::benches;
use crate::hold::{hold, listen};
use crate::machine::{date, facts};
use crate::options::{HELP, Options, Order};
use crate::process::raise_descriptors;
use crate::record::Run;
use crate::report::{text, write};
use crate::rounds::{self, brief};
use crate::server::Ground;
use crate::subject::SUBJECTS;
use crate::workload::WORKLOADS;

/// Does what a command line asks for; its first argument is the program's name.
///
/// # Errors
///
/// When it can't be understood or done. A server that isn't there is no error.
pub fn follow<I>(arguments: I) -> Result<(), Error>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let order = Order::parse(arguments)?;
    raise_descriptors();
    match order {
        Order::Run(options) => measure(&options),
        Order::Report { json, write } => {
            let run = serde_json::from_str(&fs::read_to_string(json)?)?;
            report(&run, write)
        }
        Order::Build => build(),
        Order::List => {
            list();
            Ok(())
        }
        Order::Help => {
            print!("{HELP}");
            Ok(())
        }
        Order::Hold(address, count) => hold(address, count),
        Order::Listen(address, count, path) => listen(address, &path, count),
    }
}

fn measure(options: &Options) -> Result<(), Error> {
    if options.programs.is_empty() {
        install();
        eprintln!("building the programs");
    }
    let ground = Ground::prepare(&options.programs)?;
    let mut run = Run {
        date: date(),
        machine: facts(),
        rounds: options.plan.rounds,
        seconds: options.plan.seconds,
        workloads: Vec::new(),
        notes: Vec::new(),
    };
    // A terminal sees each round; a file only what is worth a line.
    let is_watched = std::io::stderr().is_terminal();
    let mut tell = |line: &str| {
        if is_watched || !line.contains(": round ") {
            eprintln!("{line}");
        }
    };
    for workload in &options.workloads {
        let measured = rounds::run(&ground, workload, &options.plan, &mut tell, &mut run.notes);
        eprintln!("{}: {}", workload.name, brief(&measured));
        run.workloads.push(measured);
        // Kept after each: a run that is broken off is not lost.
        if let Some(path) = &options.json {
            fs::write(path, serde_json::to_string(&run)? + "\n")?;
        }
    }
    report(&run, options.write)
}

fn report(run: &Run, is_written: bool) -> Result<(), Error> {
    print!("{}", text(run));
    if is_written {
        let documents = benches().with_file_name("docs");
        write(run, &documents)?;
        eprintln!("written: docs/performance.md");
    }
    Ok(())
}

/// What can't be installed is missing later, with its reason.
fn install() {
    if let Err(error) =
        Command::new(benches().join("install")).stdin(Stdio::null()).stdout(Stdio::null()).status()
    {
        eprintln!("benches/install: {error}");
    }
}

fn build() -> Result<(), Error> {
    install();
    let ground = Ground::prepare(&[])?;
    for subject in SUBJECTS {
        if let Err(error) = ground.programs.path(subject.program) {
            println!("{} isn't there: {error}", subject.name);
        }
    }
    Ok(())
}

fn list() {
    for workload in WORKLOADS {
        let servers: Vec<_> = workload.entries.iter().map(|(name, _)| *name).collect();
        println!("{}: {}\n    {}", workload.name, workload.what, servers.join(" "));
    }
    println!();
    for subject in SUBJECTS {
        println!("{}: {}", subject.name, subject.what);
    }
}
