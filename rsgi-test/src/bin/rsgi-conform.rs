//! The conformance suite from the command line, against any server that hosts the probe.
//!
//! `rsgi-conform --url http://127.0.0.1:8000` prints a line a rule: pass, fail, or not advertised. The probe is
//! `rsgi_test::suite::Probe`, an app like any other; `examples/src/bin/probe.rs` hosts it. Exits with 0 if no rule
//! fails, 1 if one does, 2 if the arguments can't be understood.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command answers on its terminal")]

use std::process::ExitCode;

use lexopt::prelude::*;
use rsgi_test::suite::{Case, Endpoint, Remote, Report, Subject, cases};

const USAGE: &str = "\
usage: rsgi-conform --url <http://HOST:PORT[/PREFIX] | unix:PATH> [options]

Runs the conformance suite against a server that hosts the probe (rsgi_test::suite::Probe).

  --url URL        where the server listens; a path is where the probe is mounted
  --prefix PATH    where the probe is mounted, for unix sockets
  --rule N         only the cases of this rule; may be repeated
  --case NAME      only this case; may be repeated
  --json           one JSON document instead of the table
  --list           the cases and their rules, without running them
  --help           this text";

#[derive(Default)]
struct Arguments {
    endpoint: Option<Endpoint>,
    prefix: Option<String>,
    rules: Vec<u16>,
    names: Vec<String>,
    json: bool,
    list: bool,
    help: bool,
}

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("rsgi-conform: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if arguments.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    if arguments.list {
        for case in cases().filter(|case| arguments.wants(case)) {
            println!("{:<60} {:?}", case.name, case.rules);
        }
        return ExitCode::SUCCESS;
    }
    let Some(endpoint) = arguments.at() else {
        eprintln!("rsgi-conform: --url is missing\n\n{USAGE}");
        return ExitCode::from(2);
    };
    let facts = match endpoint.facts() {
        Ok(facts) => facts,
        Err(error) => {
            eprintln!("rsgi-conform: {error}");
            return ExitCode::from(2);
        }
    };
    if (facts.multiprocess || facts.run_once) && !facts.shared_notes {
        eprintln!(
            "rsgi-conform: {} answers in several processes, and the probe keeps its notes in one; host it over a \
             folder: Probe::with_store(Store::folder(path)), with the example: RSGI_PROBE_NOTES=path",
            facts.name
        );
        return ExitCode::from(2);
    }
    let mut report = Report::of(&Subject::Endpoint(Remote::of(endpoint)), |case| arguments.wants(case));
    if arguments.names.is_empty() && !arguments.rules.is_empty() {
        // A case proves other rules, too, but alone it says too little of them.
        report.rules.retain(|rule| arguments.rules.contains(&rule.rule));
    }
    if arguments.json {
        println!("{}", report.json());
    } else {
        print!("{report}");
    }
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Arguments {
    fn read() -> Result<Self, lexopt::Error> {
        let mut arguments = Self::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("url") => arguments.endpoint = Some(parser.value()?.parse()?),
                Long("prefix") => arguments.prefix = Some(parser.value()?.string()?),
                Long("rule") => arguments.rules.push(parser.value()?.parse()?),
                Long("case") => arguments.names.push(parser.value()?.string()?),
                Long("json") => arguments.json = true,
                Long("list") => arguments.list = true,
                Long("help") | Short('h') => arguments.help = true,
                other => return Err(other.unexpected()),
            }
        }
        Ok(arguments)
    }

    fn at(&self) -> Option<Endpoint> {
        let mut endpoint = self.endpoint.clone()?;
        if let Some(prefix) = &self.prefix {
            prefix.trim_end_matches('/').clone_into(&mut endpoint.prefix);
        }
        Some(endpoint)
    }

    fn wants(&self, case: &Case) -> bool {
        let all = self.rules.is_empty() && self.names.is_empty();
        all || case.rules.iter().any(|rule| self.rules.contains(rule))
            || self.names.iter().any(|name| name == case.name)
    }
}
