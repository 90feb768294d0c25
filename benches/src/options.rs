//! The command line of `rsgi-benches`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use rsgi_core::Error;

use crate::rounds::Plan;
use crate::subject::subject;
use crate::workload::{WORKLOADS, Workload, workload};

/// What to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Measure.
    Run(Options),
    /// Make a report of a run that was kept.
    Report {
        /// The run.
        json: PathBuf,
        /// Whether to write the page and its plots.
        write: bool,
    },
    /// Build all programs and say what isn't there.
    Build,
    /// Say what there is.
    List,
    /// Say how it is used.
    Help,
    /// Hold idle connections, as a child.
    Hold(SocketAddr, usize),
    /// Read event streams, as a child.
    Listen(SocketAddr, usize, String),
}

/// How to measure.
#[derive(Debug)]
pub(crate) struct Options {
    /// Which workloads.
    pub(crate) workloads: Vec<&'static Workload>,
    /// How many rounds, how long, which servers.
    pub(crate) plan: Plan,
    /// Folders with the programs, in place of building them.
    pub(crate) programs: Vec<PathBuf>,
    /// Where to keep the run.
    pub(crate) json: Option<PathBuf>,
    /// Whether to write the page and its plots.
    pub(crate) write: bool,
}

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures our servers beside others. Needs what benches/install installs; builds the rest.

  --only WORKLOAD[,...]   these workloads (--list names them); all without it
  --subjects NAME[,...]   these servers; without it all that a workload has
  --rounds N              rounds, 15 by default; fewer make wider intervals
  --seconds S             whole seconds a sample lasts, 1 by default
  --quick                 3 rounds, to see that all is there
  --programs DIR[,...]    take the programs from there, the first that has them; install and build nothing
  --json PATH             keep the run there
  --write                 write docs/performance.md, its plots and the run
  --report PATH           measure nothing: report on a run that was kept
  --build                 build all programs, and stop
  --list                  name workloads and servers, and stop
";

impl Order {
    /// Reads a command line.
    ///
    /// # Errors
    ///
    /// What can't be followed.
    pub(crate) fn parse<I>(arguments: I) -> Result<Self, Error>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let mut parser = Parser::from_iter(arguments);
        let mut workloads: Vec<&'static Workload> = Vec::new();
        let mut plan = Plan { rounds: 15, seconds: 1, subjects: Vec::new(), calls: true };
        let mut programs = Vec::new();
        let (mut json, mut write, mut report) = (None, false, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("only") => {
                    for name in parser.value()?.string()?.split(',') {
                        let found =
                            workload(name).ok_or_else(|| format!("no workload {name}: see --list"))?;
                        workloads.push(found);
                    }
                }
                Arg::Long("subjects") => {
                    for name in parser.value()?.string()?.split(',') {
                        subject(name).ok_or_else(|| format!("no server {name}: see --list"))?;
                        plan.subjects.push(name.to_string());
                    }
                }
                Arg::Long("rounds") => plan.rounds = parser.value()?.parse()?,
                Arg::Long("seconds") => plan.seconds = parser.value()?.parse()?,
                Arg::Long("quick") => plan.rounds = 3,
                Arg::Long("programs") => {
                    programs = parser.value()?.string()?.split(',').map(PathBuf::from).collect();
                }
                Arg::Long("json") => json = Some(parser.value()?.into()),
                Arg::Long("write") => write = true,
                Arg::Long("report") => report = Some(parser.value()?.into()),
                Arg::Long("build") => return Ok(Self::Build),
                Arg::Long("list") => return Ok(Self::List),
                Arg::Long("help") | Arg::Short('h') => return Ok(Self::Help),
                Arg::Value(word) => return child(&word.string()?, &mut parser),
                other => return Err(other.unexpected().into()),
            }
        }
        if let Some(json) = report {
            return Ok(Self::Report { json, write });
        }
        if plan.rounds == 0 || plan.seconds == 0 {
            return Err("a run has at least one round of one second".into());
        }
        if workloads.is_empty() {
            workloads = WORKLOADS.iter().collect();
        } else {
            // Part of a run is looked at for its times.
            plan.calls = plan.subjects.is_empty();
        }
        Ok(Self::Run(Options { workloads, plan, programs, json, write }))
    }
}

fn child(word: &str, parser: &mut Parser) -> Result<Order, Error> {
    let address = parser.value()?.parse()?;
    let count = parser.value()?.parse()?;
    match word {
        "hold" => Ok(Order::Hold(address, count)),
        "listen" => Ok(Order::Listen(address, count, parser.value()?.string()?)),
        other => Err(format!("{other} is no option: see --help").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Order, Error> {
        Order::parse(std::iter::once("rsgi-benches").chain(line.split_whitespace()))
    }

    #[test]
    fn a_run_of_some_workloads_and_servers_is_asked_for() {
        let Order::Run(options) =
            parsed("--only ping,stream --subjects rsgi-std,hyper --rounds 6 --write").unwrap()
        else {
            panic!("no run")
        };
        let names: Vec<_> = options.workloads.iter().map(|it| it.name).collect();
        assert_eq!(names, ["ping", "stream"]);
        assert_eq!(options.plan.subjects, ["rsgi-std", "hyper"]);
        assert_eq!((options.plan.rounds, options.plan.seconds, options.write), (6, 1, true));
    }

    #[test]
    fn without_options_everything_runs() {
        let Order::Run(options) = parsed("").unwrap() else { panic!("no run") };
        assert_eq!(options.workloads.len(), WORKLOADS.len());
        assert_eq!(options.plan.rounds, 15);
        assert!(options.plan.subjects.is_empty());
    }

    #[test]
    fn what_is_unknown_is_refused_by_name() {
        for line in ["--only nothing", "--subjects nobody", "--rounds 0", "--no", "word"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
