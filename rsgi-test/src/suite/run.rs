//! Runs a case against a subject in all its variations, and tells the verdict.
//!
//! A case above the wire runs in memory or over each protocol of the server; every case runs with the lint on and off,
//! and, where it has an app, at the root and under a mount prefix. A failure says in which variation. Read next:
//! `report.rs`, which gathers the verdicts by rule.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rsgi_core::{BoxApp, Mount};

use super::case::{Case, Steps};
use super::endpoint::{Endpoint, Reach, Remote, ask};
use super::ground::{Difference, Ground, Lack, Server};
use super::linting::Findings;
use super::panics;
use super::probe::{Facts, Probe};
use super::store::Store;
use super::talk::{Book, Talk, Way};
use super::within::Within;
use crate::Client;
use crate::wire::deadline::hurried;

/// What the suite is run against.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Subject {
    /// An adapter, started by the suite.
    Adapter(Ground),
    /// The test client's own road, without a socket.
    Memory,
    /// Middleware, on the test client's own road: the cases must come out as without it.
    Middleware(Within),
    /// A server of another process that hosts the [`Probe`]; whether lint is on there is its host's matter.
    Endpoint(Remote),
}

/// What a case showed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the results of rule 157, and the mark beside them")]
pub enum Verdict {
    /// All its variations passed.
    Pass,
    /// One failed: in which, and why.
    Fail(String),
    /// It fails, and is marked: what the server does instead, and why that stands.
    Differs(String),
    /// The subject lacks what it takes: what that is.
    NotAdvertised(String),
}

/// What a case must show, by its data and what the server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "what a verdict is compared with")]
pub enum Expected {
    /// It passes.
    Pass,
    /// It is marked, and fails.
    Differs,
    /// The server lacks what it takes.
    NotAdvertised,
    /// It can't be run there: a case of the wire in memory, one that needs a factory elsewhere.
    NotHere,
}

/// One variation.
#[derive(Debug, Clone, Copy)]
struct Variation {
    way: Way,
    lint: bool,
    prefix: bool,
}

/// Where the probe is mounted in the variations with a prefix.
const PREFIX: &str = "/pre/fix";

/// How long a marked case of an endpoint waits for anything.
const HURRIED: Duration = Duration::from_secs(1);

static TOKENS: AtomicU64 = AtomicU64::new(1);

impl Subject {
    /// Its name in tables.
    pub fn name(&self) -> &str {
        match self {
            Self::Adapter(ground) => ground.name(),
            Self::Memory => "in memory",
            Self::Middleware(within) => within.name(),
            Self::Endpoint(remote) => remote.name,
        }
    }

    /// What the server says of itself.
    ///
    /// # Panics
    ///
    /// If it doesn't start, or doesn't host the probe.
    pub fn facts(&self) -> Facts {
        let json = match self {
            Self::Adapter(ground) => {
                let server = ground.clone().linted(None).serve(Probe::new());
                ask(&Endpoint { reach: Reach::Tcp(server.address()), prefix: String::new() }, "*server")
            }
            Self::Memory | Self::Middleware(_) => {
                let client = Client::new(Probe::new()).default_header(super::probe::FIELD, "*server");
                Some(client.get("/").answer().text().to_owned())
            }
            Self::Endpoint(remote) => ask(&remote.endpoint, "*server"),
        };
        let json = json.expect("the probe tells of its server");
        let mut facts: Facts = serde_json::from_str(&json).expect("the facts of the probe");
        if matches!(self, Self::Adapter(ground) if ground.has_tls()) {
            facts.capabilities.push_str(", tls");
        }
        if let Self::Endpoint(remote) = self {
            let hidden = remote.without.to_string();
            let left =
                facts.capabilities.split(", ").filter(|name| !hidden.split(", ").any(|it| it == *name));
            facts.capabilities = left.collect::<Vec<_>>().join(", ");
        }
        facts
    }

    /// Runs a case.
    ///
    /// # Panics
    ///
    /// As [`facts`](Self::facts) does; a case that fails doesn't panic.
    pub fn run(&self, case: &Case, facts: &Facts) -> Verdict {
        if let Some(lack) = self.is_no_place_for(case).or_else(|| self.lacks(case, facts)) {
            return Verdict::NotAdvertised(lack);
        }
        let run = || match case.steps {
            Steps::Hosted(steps) => self.run_hosted(case, steps),
            Steps::Message(steps) | Steps::Wire(steps) | Steps::Frames(steps) => {
                self.run_talks(case, steps, facts)
            }
        };
        let mark = self.mark(case);
        // What is expected to fail isn't waited for as long: a web server's silence is what most marks of that kind are about.
        let result = match (self, mark) {
            (Self::Endpoint(_), Some(_)) => hurried(HURRIED, run),
            _ => run(),
        };
        match (result, mark) {
            (Err(Ended::Lacking(lack)), _) => Verdict::NotAdvertised(lack),
            (Ok(()), None) => Verdict::Pass,
            (Err(Ended::Failed(failure)), None) => Verdict::Fail(failure),
            (Ok(()), Some(_)) => {
                Verdict::Fail("marked as different, but it passes: take the mark away".into())
            }
            (Err(_), Some(mark)) => Verdict::Differs(format!("{}: {}", mark.instead, mark.reason)),
        }
    }

    /// What a case must show, without running it.
    pub fn expects(&self, case: &Case, facts: &Facts) -> Expected {
        if self.is_no_place_for(case).is_some() {
            Expected::NotHere
        } else if self.lacks(case, facts).is_some() {
            Expected::NotAdvertised
        } else if self.mark(case).is_some() {
            Expected::Differs
        } else {
            Expected::Pass
        }
    }

    fn mark(&self, case: &Case) -> Option<&Difference> {
        self.differences().iter().find(|it| it.case == case.name)
    }

    /// The marks.
    pub fn differences(&self) -> &[Difference] {
        match self {
            Self::Adapter(ground) => ground.differences(),
            Self::Memory => &[],
            Self::Middleware(within) => within.differences(),
            Self::Endpoint(remote) => &remote.differences,
        }
    }

    /// Why a case can't be run against such a subject at all.
    fn is_no_place_for(&self, case: &Case) -> Option<String> {
        match (self, case.steps) {
            (Self::Endpoint(Remote { endpoint: Endpoint { reach: Reach::Unix(_), .. }, .. }), _)
                if case.tcp =>
            {
                Some("the case takes resets, which are TCP's".into())
            }
            (Self::Memory | Self::Middleware(_), Steps::Wire(_) | Steps::Frames(_)) => {
                Some("a case of the wire".into())
            }
            (Self::Memory | Self::Middleware(_) | Self::Endpoint(_), Steps::Hosted(_)) => {
                Some("the case starts servers with settings of its own, which takes a factory".into())
            }
            _ => None,
        }
    }

    /// What the case needs and the subject hasn't.
    fn lacks(&self, case: &Case, facts: &Facts) -> Option<String> {
        let has = |name: &str| facts.capabilities.split(", ").any(|it| it == name);
        let needs = case.needs.to_string();
        let lack = needs.split(", ").find(|name| *name != "none" && !has(name));
        if let Some(lack) = lack {
            return Some(format!("the server doesn't say `{lack}`"));
        }
        if case.worker && matches!(self, Self::Adapter(ground) if !ground.can_be_worker()) {
            return Some("the server isn't made to be one of several processes".into());
        }
        if case.parallel && !facts.multithread && !matches!(self, Self::Memory | Self::Middleware(_)) {
            return Some("the server handles one request at a time".into());
        }
        None
    }

    fn run_hosted(&self, case: &Case, steps: fn(&Ground)) -> Result<(), Ended> {
        let Self::Adapter(ground) = self else { return Err(Ended::Lacking("there is no factory".into())) };
        for lint in [false, true] {
            let findings = lint.then(Findings::new);
            let ground = ground.clone().linted(findings.clone());
            let told = if lint { "with lint" } else { "without lint" };
            caught(|| steps(&ground)).map_err(|ended| ended.within(told))?;
            found_as_said(case, findings.as_ref()).map_err(Ended::Failed)?;
        }
        Ok(())
    }

    fn run_talks(&self, case: &Case, steps: fn(&mut Talk), facts: &Facts) -> Result<(), Ended> {
        let ways = self.ways(case, facts);
        for lint in [false, true] {
            for prefix in [false, true] {
                let here = !matches!(self, Self::Endpoint(_));
                if (prefix && !case.prefix) || (!here && (lint || prefix)) {
                    continue;
                }
                let stage = Stage::set(self, lint, prefix);
                for way in &ways {
                    let variation = Variation { way: *way, lint, prefix };
                    let result = caught(|| steps(&mut stage.talk(case, variation)));
                    result.map_err(|ended| ended.within(variation))?;
                }
                // The server ends first, so that everything has been told.
                let findings = stage.strike();
                found_as_said(case, findings.as_ref()).map_err(Ended::Failed)?;
            }
        }
        Ok(())
    }

    fn ways(&self, case: &Case, facts: &Facts) -> Vec<Way> {
        let http2 = facts.capabilities.split(", ").any(|it| it == "http2");
        match (case.steps, self) {
            (_, Self::Memory | Self::Middleware(_)) => vec![Way::Memory],
            (Steps::Message(_), _) if http2 => vec![Way::Http1, Way::ByteByByte, Way::Http2],
            (Steps::Message(_) | Steps::Wire(_), _) => vec![Way::Http1, Way::ByteByByte],
            (Steps::Frames(_) | Steps::Hosted(_), _) => vec![Way::Http2],
        }
    }
}

/// A probe that is served, or callable in memory.
struct Stage {
    app: BoxApp,
    book: Book,
    server: Option<Server>,
    reach: Option<Reach>,
    findings: Option<Findings>,
    endpoint: Option<Endpoint>,
}

impl Stage {
    fn set(subject: &Subject, lint: bool, prefix: bool) -> Self {
        let store = Arc::new(Store::default());
        let probe = Probe::with_store(Arc::clone(&store));
        let app = if prefix { BoxApp::new(Mount::new().at(PREFIX, probe)) } else { BoxApp::new(probe) };
        let findings = lint.then(Findings::new);
        let mut stage =
            Self { app, book: Book::Here(store), server: None, reach: None, findings, endpoint: None };
        match subject {
            Subject::Adapter(ground) => {
                let ground = ground.clone().linted(stage.findings.clone());
                let server = ground.serve(stage.app.clone());
                stage.reach = Some(Reach::Tcp(server.address()));
                stage.server = Some(server);
            }
            Subject::Memory => {
                if let Some(findings) = &stage.findings {
                    stage.app = BoxApp::new(findings.watch(stage.app.clone()));
                }
            }
            Subject::Middleware(within) => {
                stage.app = within.stage(stage.app.clone(), stage.findings.as_ref());
            }
            Subject::Endpoint(Remote { endpoint, .. }) => {
                stage.book = Book::There(endpoint.clone());
                stage.reach = Some(endpoint.reach.clone());
                stage.endpoint = Some(endpoint.clone());
            }
        }
        stage
    }

    fn talk(&self, case: &Case, variation: Variation) -> Talk {
        let token = format!("{}-{}", std::process::id(), TOKENS.fetch_add(1, Ordering::Relaxed));
        let named = format!("{}/{token}", case.name);
        let client = match (&self.reach, variation.way) {
            (None, _) | (_, Way::Memory) => Ok(Client::new(self.app.clone())),
            (Some(reach), Way::ByteByByte) => Client::live_byte_by_byte(&reach.url()),
            (Some(reach), Way::Http1) => Client::live(&reach.url()),
            (Some(reach), Way::Http2) => Client::live_http2(&reach.url()),
        };
        let client = client.unwrap_or_else(|error| panic!("{error}"));
        let talk = Talk::new(client, variation.way, self.reach.clone(), self.book.clone(), named);
        match &self.endpoint {
            Some(endpoint) => talk.under(&endpoint.prefix),
            None if variation.prefix => talk.under(PREFIX),
            None => talk,
        }
    }

    fn strike(self) -> Option<Findings> {
        drop(self.server);
        drop(self.app);
        self.findings
    }
}

/// Whether the lint found what the case's app breaks, and nothing else.
fn found_as_said(case: &Case, findings: Option<&Findings>) -> Result<(), String> {
    let Some(findings) = findings else { return Ok(()) };
    let all = findings.all();
    if let Some(finding) = all.iter().find(|it| !case.breaks.contains(&it.clause())) {
        return Err(format!("the lint finds: {finding}"));
    }
    match case.breaks.iter().find(|clause| !all.iter().any(|it| it.clause() == **clause)) {
        Some(clause) => Err(format!("the lint doesn't find that {clause} is broken")),
        None => Ok(()),
    }
}

/// How steps ended that didn't pass.
enum Ended {
    Failed(String),
    /// The server refused a setting that it may lack.
    Lacking(String),
}

impl Ended {
    /// Says in which variation it was.
    fn within(self, variation: impl fmt::Display) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(format!("{variation}: {failure}")),
            lacking @ Self::Lacking(_) => lacking,
        }
    }
}

/// Runs steps and gives what their panic says.
fn caught(steps: impl FnOnce()) -> Result<(), Ended> {
    let _quiet = panics::quiet();
    catch_unwind(AssertUnwindSafe(steps)).map_err(|payload| match payload.downcast_ref::<Lack>() {
        Some(Lack(lack)) => Ended::Lacking(lack.clone()),
        None => Ended::Failed(panics::told().unwrap_or_else(|| text(&*payload))),
    })
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

impl fmt::Display for Variation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lint = if self.lint { ", with lint" } else { "" };
        let prefix = if self.prefix { ", under a prefix" } else { "" };
        write!(formatter, "{}{lint}{prefix}", self.way)
    }
}
