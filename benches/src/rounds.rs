//! A workload's rounds: all its servers started once and idling, asked in turns, each round in another order.
//!
//! Before a round the machine has to be quiet. A sample that fails is taken once more; if that fails too, the server
//! falls out with the reason, and its figures count no more: rounds are compared one by one.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rsgi_core::Error;

use crate::hold::{Held, delays};
use crate::load::{Aim, Load};
use crate::meter::{Cpu, Machine, calls, members, memory};
use crate::process::{Core, on, output};
use crate::ratio::median;
use crate::record::{Measure, Measured, Row, Sample, Series};
use crate::server::{Ground, Server};
use crate::subject::subject;
use crate::workload::{Placing, Task, Unit, Workload};

/// How a run is made.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How many rounds.
    pub(crate) rounds: usize,
    /// How many seconds a sample lasts.
    pub(crate) seconds: u32,
    /// Which servers take part; all where this is empty.
    pub(crate) subjects: Vec<String>,
    /// Whether system calls are counted after the plain ping.
    pub(crate) calls: bool,
}

/// A server that takes part, until it falls out.
struct Runner {
    row: Row,
    running: Option<(Server, Option<Held>)>,
}

/// Runs a workload, telling a line about each step, and what disturbed it.
pub(crate) fn run(
    ground: &Ground,
    workload: &Workload,
    plan: &Plan,
    tell: &mut dyn FnMut(&str),
    notes: &mut Vec<String>,
) -> Measured {
    let mut runners = start(ground, workload, plan, tell);
    // A memory's growth happens once in a server's life, and doesn't depend on the machine's mood.
    let rounds = if matches!(workload.task, Task::Memory { .. }) { 1 } else { plan.rounds };
    let loaded = matches!(workload.task, Task::Load(_));
    // Round 0 warms up: pools grow, and memory is asked for once.
    for round in usize::from(!loaded)..=rounds {
        if let Some(note) = until_quiet() {
            notes.push(format!("{}, round {round}: {note}", workload.name));
        }
        let count = runners.len();
        for turn in 0..count {
            let runner = &mut runners[(turn + round) % count];
            match runner.sample(ground, workload, plan.seconds) {
                Some(Ok(_)) if round == 0 => {}
                Some(Ok(sample)) => runner.row.push(sample),
                Some(Err(error)) => {
                    tell(&format!("{}: {} fell out: {error}", workload.name, runner.row.subject));
                    runner.row.missing = Some(error.to_string());
                    runner.running = None;
                }
                None => {}
            }
        }
        if round > 0 {
            tell(&format!("{}: round {round} of {rounds}", workload.name));
        }
    }
    if plan.calls && workload.name == "ping" {
        for runner in &mut runners {
            match runner.count_calls() {
                Ok(Some(calls)) => runner.row.push(Sample::from([(Measure::Calls, calls)])),
                Ok(None) => {}
                Err(error) => notes.push(format!("system calls of {}: {error}", runner.row.subject)),
            }
        }
    }
    Measured {
        workload: workload.name.to_string(),
        rows: runners.into_iter().map(|runner| runner.row).collect(),
    }
}

fn start(ground: &Ground, workload: &Workload, plan: &Plan, tell: &mut dyn FnMut(&str)) -> Vec<Runner> {
    let wanted = |name: &str| plan.subjects.is_empty() || plan.subjects.iter().any(|it| it == name);
    let mut runners = Vec::new();
    for (name, idle) in workload.entries.iter().filter(|(name, _)| wanted(name)) {
        let subject = subject(name).ok_or_else(|| Error::from("no such server"));
        let running = subject.and_then(|subject| {
            let server = Server::start(ground, subject, workload)?;
            let held = (*idle > 0).then(|| Held::open(server.address, *idle)).transpose()?;
            Ok((server, held))
        });
        let mut row = Row { subject: Workload::row_name(name, *idle), series: Series::new(), missing: None };
        let running = running
            .map_err(|error| {
                tell(&format!("{}: {} isn't there: {error}", workload.name, row.subject));
                row.missing = Some(error.to_string());
            })
            .ok();
        runners.push(Runner { row, running });
    }
    runners
}

impl Runner {
    /// A sample, taken twice if it fails. [`None`] if the server isn't there.
    fn sample(
        &mut self,
        ground: &Ground,
        workload: &Workload,
        seconds: u32,
    ) -> Option<Result<Sample, Error>> {
        let (server, held) = self.running.as_mut()?;
        let first = sample(ground, workload, server, held, seconds);
        Some(first.or_else(|_| sample(ground, workload, server, held, seconds)))
    }

    /// System calls for each of a number of requests, traced. [`None`] if the server isn't there.
    fn count_calls(&mut self) -> Result<Option<f64>, Error> {
        let Some((server, _)) = &self.running else { return Ok(None) };
        let file = tempfile::NamedTempFile::new()?;
        let mut command = on(Core::Any, "strace");
        command.args(["-c", "-f", "-q", "-o"]).arg(file.path());
        for process in members(server.group.id())? {
            command.arg("-p").arg(process.to_string());
        }
        let tracer = command.spawn()?;
        sleep(ATTACHING);
        let mut load = on(Core::Load, "h2load");
        load.args(["--h1", "-t1", "-c64", "-n", "3200"]).arg(format!("http://{}/ping", server.address));
        let made = output(load);
        // On an interrupt strace lets go of the server and writes its summary.
        output(kill(tracer.id()))?;
        let mut tracer = tracer;
        tracer.wait()?;
        made?;
        let summary = std::fs::read_to_string(file.path())?;
        let calls = calls(&summary).ok_or("strace has no total")?;
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        Ok(Some(calls as f64 / 3_200.0))
    }
}

fn kill(process: u32) -> Command {
    let mut command = Command::new("kill");
    command.args(["-INT", &process.to_string()]);
    command
}

fn sample(
    ground: &Ground,
    workload: &Workload,
    server: &Server,
    held: &mut Option<Held>,
    seconds: u32,
) -> Result<Sample, Error> {
    if let Some(held) = held {
        held.refresh()?;
        sleep(SETTLING);
    }
    match workload.task {
        Task::Load(load) => sample_load(ground, workload, server, load, seconds),
        Task::Events { streams } => {
            let mut delays = delays(server.address, workload.path, streams)?;
            delays.sort_by(f64::total_cmp);
            let at = |share: usize| delays[delays.len() * share / 100];
            Ok(Sample::from([(Measure::P50, at(50)), (Measure::P90, at(90)), (Measure::P99, at(99))]))
        }
        Task::Memory { connections } => sample_memory(ground, workload, server, connections),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counters of a second")]
fn sample_load(
    ground: &Ground,
    workload: &Workload,
    server: &Server,
    load: Load,
    seconds: u32,
) -> Result<Sample, Error> {
    let path = format!("{}{}", server.mount, workload.path);
    let aim = Aim {
        address: server.address,
        path: &path,
        tls: workload.tls,
        // What is counted by bytes has unfinished answers among them; what came whole is checked beside.
        body: workload.body,
        seconds,
        core: if workload.placing == Placing::Pinned { Core::Load } else { Core::Any },
        folder: ground.folder.path(),
    };
    let before = Cpu::of_group(server.group.id())?;
    let counted = load.make(aim)?;
    sleep(SETTLING);
    let used = Cpu::of_group(server.group.id())?.since(before);
    let requests = match workload.unit {
        Unit::Answer => counted.requests as f64,
        Unit::Content => counted.bytes as f64 / workload.body as f64,
    };
    let [p50, p90, p99] = counted.times.map(|time| time as f64);
    Ok(Sample::from([
        (Measure::Cpu, used.microseconds() / requests),
        (Measure::User, used.user_microseconds() / requests),
        (Measure::Rate, requests * 1e6 / counted.microseconds as f64),
        (Measure::P50, p50),
        (Measure::P90, p90),
        (Measure::P99, p99),
    ]))
}

/// Before and after are taken with the pools grown and nothing under way.
#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn sample_memory(
    ground: &Ground,
    workload: &Workload,
    server: &Server,
    connections: usize,
) -> Result<Sample, Error> {
    sample_load(ground, workload, server, WARMING, 1)?;
    let before = memory(server.group.id())?;
    let _held = Held::open(server.address, connections)?;
    sleep(SETTLING);
    let after = memory(server.group.id())?;
    Ok(Sample::from([(Measure::Memory, (after - before) / 1024.0 / connections as f64)]))
}

/// Waits until others leave the machine alone; says so if they don't.
fn until_quiet() -> Option<String> {
    let start = Instant::now();
    loop {
        let before = Machine::read().ok()?;
        sleep(LISTENING);
        let noise = Machine::read().ok()?.since(before);
        if noise.busy + noise.stolen <= QUIET_TICKS {
            return None;
        }
        if start.elapsed() > PATIENCE {
            return Some(format!(
                "others used {} and {} were stolen of the last 100 ms of each core (hundredths of a second)",
                noise.busy, noise.stolen
            ));
        }
    }
}

/// The median of a row's figures, for a line while the run goes on.
pub(crate) fn brief(measured: &Measured) -> String {
    let cost = |row: &Row| {
        let cost = row.series.get(&Measure::Cpu).and_then(|it| median(it))?;
        Some(format!("{} {cost:.2}", row.subject))
    };
    measured.rows.iter().filter_map(cost).collect::<Vec<_>>().join(", ")
}

/// The load before memory is looked at.
const WARMING: Load = Load::Closed { connections: 64, pipelined: 1, upload: 0 };

/// How long a server may take to notice that the load is over.
const SETTLING: Duration = Duration::from_millis(20);

/// How long the machine is listened to.
const LISTENING: Duration = Duration::from_millis(100);

/// How many hundredths of a second, of all cores, count as quiet.
const QUIET_TICKS: u64 = 1;

/// How long to wait for quiet.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long strace may take to attach.
const ATTACHING: Duration = Duration::from_millis(500);
