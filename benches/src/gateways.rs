//! uWSGI beside rsgi-gateway, both behind one nginx, each asked by the protocol that nginx speaks with it.
//!
//! uWSGI serves the bare PEP 3333 app (`benches/python/app.py`), `ours` its blocking app on threads; `gateway-limit` says what of it the
//! kernel takes whoever answers. A backend has the first core to
//! itself, nginx and wrk share the second; what counts is the CPU time that the backend's processes spend on a request, and its ratio
//! to that of uWSGI in the same round.
//!
//! Invariant: nginx is the same process for all of them (`benches/nginx/gateways.conf.in`).

use std::ffi::OsString;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rsgi_core::Error;

use crate::built::{Programs, benches};
use crate::load::{Aim, Load};
use crate::machine::{date, facts};
use crate::meter::Cpu;
use crate::process::{Core, Group, free_port, on, raise_descriptors};
use crate::ratio::{Limit, Ratio, Verdict, median};
use crate::subject::Program;

/// What nginx asks. `{address}` is filled in, and what it is called in the configuration.
struct Backend {
    /// In nginx's configuration.
    name: &'static str,
    what: &'static str,
    program: Program,
    arguments: &'static [&'static str],
    over: Over,
    /// Whether its CPU is to be at most half of uWSGI's.
    half: bool,
}

/// What is between nginx and a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Tcp,
    Unix,
}

/// How long and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    rounds: u32,
    seconds: u32,
    /// Where `ours` lies; nothing is built then.
    programs: Option<PathBuf>,
}

struct Started {
    backend: &'static Backend,
    group: Group,
    /// Where nginx asks it, in nginx's words, and where nginx is asked for it.
    behind: String,
    before: SocketAddr,
    /// CPU microseconds a request, and requests a second, of each round.
    cpu: Vec<f64>,
    rate: Vec<f64>,
}

/// Measures, and gives the table in Markdown, and whether all ratios are met.
///
/// # Errors
///
/// When the command line can't be understood, or a server can't be started or asked.
pub fn beside_uwsgi(arguments: impl IntoIterator<Item = OsString>) -> Result<(String, bool), Error> {
    let plan = Plan::parse(arguments)?;
    raise_descriptors();
    let programs = match &plan.programs {
        Some(folder) => Programs::in_folders(std::slice::from_ref(folder)),
        None => Programs::behind_a_web_server()?,
    };
    let folder = tempfile::tempdir()?;
    let mut started =
        BACKENDS.iter().map(|it| start(it, &programs, folder.path())).collect::<Result<Vec<_>, _>>()?;
    let _nginx = nginx(&started, &programs, folder.path())?;
    // The first round warms them up; the order rotates.
    for round in 0..=plan.rounds {
        for at in 0..started.len() {
            let at = (at + round as usize) % started.len();
            let (cpu, rate) = started[at].ask(&plan, folder.path())?;
            if round > 0 {
                started[at].cpu.push(cpu);
                started[at].rate.push(rate);
            }
        }
    }
    Ok(table(&plan, &started))
}

impl Backend {
    fn is_peer(&self) -> bool {
        matches!(self.program, Program::Python(_))
    }
}

impl Plan {
    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Error> {
        let mut plan = Self { rounds: 11, seconds: 1, programs: None };
        let mut parser = lexopt::Parser::from_iter(arguments);
        while let Some(argument) = parser.next()? {
            let field = match argument {
                lexopt::Arg::Long("rounds") => &mut plan.rounds,
                lexopt::Arg::Long("seconds") => &mut plan.seconds,
                lexopt::Arg::Long("programs") => {
                    plan.programs = Some(parser.value()?.into());
                    continue;
                }
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

fn start(backend: &'static Backend, programs: &Programs, folder: &Path) -> Result<Started, Error> {
    let (address, before) = (free_port()?, free_port()?);
    let socket = folder.join(backend.name);
    let behind = match backend.over {
        Over::Tcp => address.to_string(),
        Over::Unix => format!("unix:{}", socket.display()),
    };
    let mut command = on(Core::Server, &programs.path(backend.program)?.to_string_lossy());
    for argument in backend.arguments {
        // uWSGI's word for a unix socket is the path alone.
        let told = if backend.is_peer() { behind.trim_start_matches("unix:") } else { &*behind };
        command.arg(argument.replace("{address}", told));
    }
    command.current_dir(benches().join("python")).stdin(Stdio::null()).stdout(Stdio::null());
    let mut group = Group::start(command)?;
    let listens = match backend.over {
        Over::Tcp => group.listens(address),
        Over::Unix => group.listens_at(&socket),
    };
    listens.map_err(|error| format!("{}: {error}", backend.what))?;
    Ok(Started { backend, group, behind, before, cpu: Vec::new(), rate: Vec::new() })
}

fn nginx(started: &[Started], programs: &Programs, folder: &Path) -> Result<Group, Error> {
    let template = std::fs::read_to_string(benches().join("nginx/gateways.conf.in"))?;
    let mut text = template.replace("@PREFIX@", &folder.to_string_lossy());
    for server in started {
        let name = server.backend.name;
        text = text.replace(&format!("@listen {name}@"), &server.before.to_string());
        text = text.replace(&format!("@backend {name}@"), &server.behind);
    }
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text)?;
    let mut command = on(Core::Load, &programs.path(Program::Nginx)?.to_string_lossy());
    command.arg("-p").arg(folder).arg("-e").arg(folder.join("error.log")).arg("-c").arg(file);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut group = Group::start(command)?;
    for server in started {
        group.listens(server.before).map_err(|error| format!("nginx: {error}"))?;
    }
    Ok(group)
}

impl Started {
    /// CPU microseconds a request, and requests a second.
    #[expect(clippy::cast_precision_loss, reason = "requests of a second are few")]
    fn ask(&self, plan: &Plan, folder: &Path) -> Result<(f64, f64), Error> {
        let load = Load::Closed { connections: CONNECTIONS, pipelined: 1, upload: 0 };
        let aim = Aim {
            address: self.before,
            path: "/ping",
            tls: false,
            body: 4,
            seconds: plan.seconds,
            core: Core::Load,
            folder,
        };
        let before = Cpu::of_group(self.group.id())?;
        let counted = load.make(aim).map_err(|error| format!("{}: {error}", self.backend.what))?;
        let used = Cpu::of_group(self.group.id())?.since(before);
        let requests = counted.requests as f64;
        Ok((used.microseconds() / requests, requests * 1e6 / counted.microseconds as f64))
    }
}

fn table(plan: &Plan, started: &[Started]) -> (String, bool) {
    let Plan { rounds, seconds, .. } = plan;
    let mut text = format!(
        "{}: `/ping`, {CONNECTIONS} connections to one nginx; a backend on one core, nginx and wrk on another; medians of \
         {rounds} rounds of {seconds} s.\n\n",
        date().trim()
    );
    let known = ["processor", "rustc", "python", "uwsgi", "nginx"];
    let versions = facts().into_iter().filter(|(name, _)| known.contains(&name.as_str()));
    let versions: Vec<_> = versions.map(|(name, value)| format!("{name}: {value}")).collect();
    // Writing to a string can't fail; so it is below.
    let _done = writeln!(text, "{}.\n", versions.join("; "));
    text.push_str(
        "| backend | CPU \u{b5}s a request | / uWSGI | requests a second |\n|---|---:|---:|---:|\n",
    );
    let mut all_met = true;
    for server in started {
        // The cheaper of uWSGI's ways to run over such sockets is the one to beat.
        let peers =
            started.iter().filter(|it| it.backend.is_peer() && it.backend.over == server.backend.over);
        let peer = peers.min_by(|one, other| cost(one).total_cmp(&cost(other)));
        let ratio = peer.and_then(|peer| Ratio::of(&server.cpu, &peer.cpu));
        let met = ratio.is_some_and(|ratio| ratio.verdict(Limit::AtMost(HALF)) == Verdict::Met);
        let said = match ratio {
            Some(Ratio { median, low, high }) => format!("{median:.2} ({low:.2} to {high:.2})"),
            None => "no round".to_owned(),
        };
        let verdict = match (server.backend.half, met) {
            (false, _) => "",
            (true, true) => ", at most 0.5: met",
            (true, false) => ", at most 0.5: missed",
        };
        all_met &= met || !server.backend.half;
        let (cpu, rate) = (cost(server), median(&server.rate).unwrap_or(f64::NAN));
        let _done = writeln!(text, "| {} | {cpu:.1} | {said}{verdict} | {rate:.0} |", server.backend.what);
    }
    (text, all_met)
}

fn cost(server: &Started) -> f64 {
    median(&server.cpu).unwrap_or(f64::NAN)
}

/// The share of uWSGI's CPU that ours may take.
const HALF: f64 = 0.5;

/// Each with an open connection in wrk.
const CONNECTIONS: u32 = 32;

macro_rules! uwsgi {
    ($name:literal, $what:literal, $over:ident $(, $argument:literal)*) => {
        Backend {
            name: $name,
            what: $what,
            program: Program::Python("uwsgi"),
            arguments: &[
                "--master", "--die-on-term", "--need-app", "--processes", "1", "--disable-logging", "--listen",
                "1024", "--socket", "{address}", $($argument,)* "--module", "app:app",
            ],
            over: Over::$over,
            half: false,
        }
    };
}

macro_rules! ours {
    ($name:literal, $what:literal, $over:ident, $protocol:literal, $half:literal) => {
        Backend {
            name: $name,
            what: $what,
            program: Program::Ours,
            arguments: &[
                "--server",
                "std",
                "--app",
                "blocking",
                "--protocol",
                $protocol,
                "--listen",
                "{address}",
            ],
            over: Over::$over,
            half: $half,
        }
    };
}

/// The kernel's own cost: whatever is read gets a canned answer.
macro_rules! limit {
    ($name:literal, $what:literal, $over:ident, $protocol:literal) => {
        Backend {
            name: $name,
            what: $what,
            program: Program::Peer("gateway-limit"),
            arguments: &["--protocol", $protocol, "--listen", "{address}"],
            over: Over::$over,
            half: false,
        }
    };
}

static BACKENDS: [Backend; 15] = [
    uwsgi!("peer", "uWSGI, `uwsgi_pass`, TCP", Tcp),
    uwsgi!("peer-threads", "uWSGI with 64 threads, `uwsgi_pass`, TCP", Tcp, "--threads", "64"),
    limit!("limit", "the kernel alone, `uwsgi_pass`, TCP", Tcp, "uwsgi"),
    ours!("uwsgi", "rsgi-gateway, `uwsgi_pass`, TCP", Tcp, "uwsgi", true),
    limit!("limit-kept", "the kernel alone, `fastcgi_pass`, `fastcgi_keep_conn on`, TCP", Tcp, "fastcgi"),
    ours!("fastcgi", "rsgi-gateway, `fastcgi_pass`, `fastcgi_keep_conn on`, TCP", Tcp, "fastcgi", true),
    ours!("scgi", "rsgi-gateway, `scgi_pass`, TCP", Tcp, "scgi", false),
    ours!("http", "rsgi-std, `proxy_pass`, `keepalive`, TCP", Tcp, "http", false),
    uwsgi!("peer-unix", "uWSGI, `uwsgi_pass`, unix", Unix),
    uwsgi!("peer-threads-unix", "uWSGI with 64 threads, `uwsgi_pass`, unix", Unix, "--threads", "64"),
    limit!("limit-unix", "the kernel alone, `uwsgi_pass`, unix", Unix, "uwsgi"),
    ours!("uwsgi-unix", "rsgi-gateway, `uwsgi_pass`, unix", Unix, "uwsgi", true),
    limit!(
        "limit-kept-unix",
        "the kernel alone, `fastcgi_pass`, `fastcgi_keep_conn on`, unix",
        Unix,
        "fastcgi"
    ),
    ours!(
        "fastcgi-unix",
        "rsgi-gateway, `fastcgi_pass`, `fastcgi_keep_conn on`, unix",
        Unix,
        "fastcgi",
        true
    ),
    ours!("scgi-unix", "rsgi-gateway, `scgi_pass`, unix", Unix, "scgi", false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_has_a_server_for_each_backend() {
        let template = std::fs::read_to_string(benches().join("nginx/gateways.conf.in")).unwrap();
        for Backend { name, .. } in &BACKENDS {
            for place in [format!("listen @listen {name}@ "), format!("@backend {name}@;")] {
                assert!(template.contains(&place), "{place}");
            }
        }
    }

    #[test]
    fn the_plan_is_read_from_the_command_line() {
        let parse = |arguments: &[&str]| Plan::parse(arguments.iter().map(OsString::from));
        assert_eq!(parse(&[]).unwrap(), Plan { rounds: 11, seconds: 1, programs: None });
        assert_eq!(parse(&["gateways", "--programs", "x"]).unwrap().programs, Some("x".into()));
        assert!(parse(&["gateways", "--rounds", "0"]).is_err());
    }
}
