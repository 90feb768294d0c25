//! Deliberately wrong adapters and apps, one for each rule: each must be caught by a case of that rule (rule 158).
//!
//! A wrong server is a right one with something put between: an app that tampers with the environ or the answer, a
//! proxy that tampers with bytes, or other settings than were asked for. So what is caught is that one thing. Where a
//! proxy stands between, a faithful one is the control: the case that catches the wrong must pass through it.
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

mod between;
mod bytes;
mod connections;
mod environ;
mod errors;
mod heads;
mod http2;
mod inputs;
mod outputs;
mod tamper;
mod workers;

use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use rsgi_core::http::Request;
use rsgi_core::server::Config;
use rsgi_core::{BoxApp, Connection, Environ, Input};
use rsgi_test::suite::rules::{ELSEWHERE, RULES};
use rsgi_test::suite::{Ground, Subject, Verdict, cases};
use rsgi_test::wire::deadline::set_patience;

use between::Lie;
use tamper::{Behind, Direction, MakeTamper, faithful};
use workers::Alone;

/// One wrong server.
#[derive(Clone, Copy)]
pub(crate) struct Wrong {
    /// The rule that it breaks.
    rule: u16,
    /// What it does.
    what: &'static str,
    base: Base,
    how: How,
}

/// The adapter that is made wrong.
#[derive(Clone, Copy)]
enum Base {
    Std,
    Hyper,
}

/// What makes it wrong.
#[derive(Clone, Copy)]
enum How {
    /// An app round the right one, between it and the server.
    App(fn(BoxApp) -> BoxApp),
    /// A lie to the right app about its request.
    Lie(Lie),
    /// Settings other than those asked for.
    Config(fn(Config) -> Config),
    /// The convention of a server that knows of no other process.
    Alone,
    /// A proxy.
    Bytes(Direction, MakeTamper),
}

impl Wrong {
    /// An app between.
    const fn app(rule: u16, what: &'static str, wrap: fn(BoxApp) -> BoxApp) -> Self {
        Self { rule, what, base: Base::Std, how: How::App(wrap) }
    }

    /// An environ other than the right one.
    const fn environ(rule: u16, what: &'static str, change: fn(&mut Environ)) -> Self {
        Self { rule, what, base: Base::Std, how: How::Lie(Lie::Environ(change)) }
    }

    /// Another head of the request.
    const fn request(rule: u16, what: &'static str, change: fn(&mut Request<Input>)) -> Self {
        Self { rule, what, base: Base::Std, how: How::Lie(Lie::Request(change)) }
    }

    /// Other facts of the connection.
    const fn connection(rule: u16, what: &'static str, change: fn(&mut Connection)) -> Self {
        Self { rule, what, base: Base::Std, how: How::Lie(Lie::Connection(change)) }
    }

    /// Other settings.
    const fn config(rule: u16, what: &'static str, change: fn(Config) -> Config) -> Self {
        Self { rule, what, base: Base::Std, how: How::Config(change) }
    }

    /// A server that knows of no other process.
    const fn worker(rule: u16, what: &'static str) -> Self {
        Self { rule, what, base: Base::Std, how: How::Alone }
    }

    /// Tampers with what comes from the client.
    const fn inbound(rule: u16, what: &'static str, make: MakeTamper) -> Self {
        Self { rule, what, base: Base::Std, how: How::Bytes(Direction::In, make) }
    }

    /// Tampers with what goes to the client.
    const fn outbound(rule: u16, what: &'static str, make: MakeTamper) -> Self {
        Self { rule, what, base: Base::Std, how: How::Bytes(Direction::Out, make) }
    }

    /// On rsgi-hyper, for what rsgi-std hasn't.
    const fn on_hyper(mut self) -> Self {
        self.base = Base::Hyper;
        self
    }

    /// The wrong server, or its control.
    fn ground(self, control: bool) -> Ground {
        match self.base {
            Base::Std => self.ground_of::<rsgi_std::Server>(control),
            Base::Hyper => self.ground_of::<rsgi_hyper::Server>(control),
        }
    }

    fn ground_of<A: rsgi_core::Adapter>(self, control: bool) -> Ground
    where
        A::Running: 'static,
    {
        match self.how {
            _ if control && !matches!(self.how, How::Bytes(..)) => Ground::of::<A>(),
            How::App(wrap) => Ground::new("wrong", move |config, app| A::start(config, wrap(app))),
            How::Lie(lie) => Ground::new("wrong", move |config, app| A::start(config, lie.to(app))),
            How::Config(change) => Ground::new("wrong", move |config, app| A::start(change(config), app)),
            How::Alone => Ground::new("wrong", |config, app| Ok(Alone(A::start(config, app)?))),
            How::Bytes(direction, make) => {
                let make = if control { faithful } else { make };
                Ground::new("wrong", move |config, app| {
                    Ok(Behind::new(A::start(config, app)?, direction, make))
                })
            }
        }
    }

    /// Whether a case of the rule catches it, and passes without it.
    fn is_caught(self) -> Result<(), Failed> {
        set_patience(Duration::from_secs(3));
        let wrong = Subject::Adapter(self.ground(false));
        // The facts are those of the right server: a wrong one may not be able to tell them.
        let right = Subject::Adapter(self.ground(true));
        let facts = right.facts();
        let mut seen = Vec::new();
        for case in cases().filter(|case| case.rules.contains(&self.rule)) {
            match wrong.run(case, &facts) {
                Verdict::Fail(_) => match right.run(case, &facts) {
                    Verdict::Pass => return Ok(()),
                    other => seen.push(format!("{} fails without it too: {other:?}", case.name)),
                },
                other => seen.push(format!("{}: {other:?}", case.name)),
            }
        }
        Err(format!(
            "no case of rule {} catches a server that {}:\n  {}",
            self.rule,
            self.what,
            seen.join("\n  ")
        )
        .into())
    }
}

fn all() -> impl Iterator<Item = &'static Wrong> {
    let tables = [
        connections::WRONG,
        environ::WRONG,
        errors::WRONG,
        heads::WRONG,
        http2::WRONG,
        inputs::WRONG,
        outputs::WRONG,
        workers::WRONG,
    ];
    tables.into_iter().flatten()
}

fn every_rule_has_a_wrong_server() -> Result<(), Failed> {
    let missing = RULES.iter().map(|rule| rule.number).filter(|number| {
        let elsewhere = ELSEWHERE.iter().any(|(rule, _)| rule == number);
        elsewhere == all().any(|wrong| wrong.rule == *number)
    });
    let missing: Vec<u16> = missing.collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("neither, or both: {missing:?}").into()) }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = all()
        .map(|wrong| {
            let name = format!("rule_{}::{}", wrong.rule, wrong.what.replace(' ', "_"));
            Trial::test(name, || wrong.is_caught())
        })
        .collect();
    trials.push(Trial::test("every_rule_has_a_wrong_server", every_rule_has_a_wrong_server));
    libtest_mimic::run(&arguments, trials).exit_code()
}
