//! A case, and one run of it: an application that is served in one way, and the test's means to ask it and to hear of it.

use rsgi_test::suite::log;

use crate::asked::{Asked, Got};
use crate::doors::{Door, Served, Stream};
use crate::python::{self, Told};

/// One thing that PEP 3333 asks of a server, and the application (`apps/`) of the same name that shows it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) is_validated: bool,
    mount: &'static str,
    is_for: fn(Door) -> bool,
    /// Clauses of our own contract that the application breaks on purpose, by the lint.
    breaks: &'static [&'static str],
    /// And those of which it finds out only where it looks on behind the answer's end.
    may_break: &'static [&'static str],
    steps: fn(&Scene),
}

/// A case that runs.
pub(crate) struct Scene {
    pub(crate) door: Door,
    case: &'static Case,
    told: Told,
    served: Served,
}

impl Case {
    /// With the validator around the application, everywhere, at the root.
    pub(crate) const fn new(name: &'static str, steps: fn(&Scene)) -> Self {
        Self { name, is_validated: true, mount: "", is_for: |_| true, breaks: &[], may_break: &[], steps }
    }

    /// Without the validator: it refuses what the case is about, or hides it from the server.
    pub(crate) const fn bare(self) -> Self {
        Self { is_validated: false, ..self }
    }

    /// Where the application is mounted.
    pub(crate) const fn at(self, mount: &'static str) -> Self {
        Self { mount, ..self }
    }

    /// Only in some ways.
    pub(crate) const fn only(self, is_for: fn(Door) -> bool) -> Self {
        Self { is_for, ..self }
    }

    /// The lint is to find these clauses broken.
    pub(crate) const fn breaks(self, breaks: &'static [&'static str]) -> Self {
        Self { breaks, ..self }
    }

    /// The lint may find these broken.
    pub(crate) const fn may_break(self, may_break: &'static [&'static str]) -> Self {
        Self { may_break, ..self }
    }

    /// The ways in which it is run.
    pub(crate) fn doors(&self) -> impl Iterator<Item = Door> + '_ {
        Door::ALL.into_iter().filter(|door| (self.is_for)(*door))
    }

    /// Runs it in one of them.
    pub(crate) fn run(&'static self, door: Door) {
        let (app, told) = python::stage(self.name, self.is_validated, None);
        let served = door.serve(self.name, app, self.mount);
        let scene = Scene { door, case: self, told, served };
        (self.steps)(&scene);
        let Scene { served, told, .. } = scene;
        let lint = served.lint.clone();
        drop(served);
        let found: Vec<_> = lint.iter().flat_map(rsgi_test::lint::Findings::all).collect();
        let allowed = [self.breaks, self.may_break].concat();
        let unexpected = found.iter().find(|it| !allowed.contains(&it.clause()));
        assert!(unexpected.is_none(), "the lint finds: {}", unexpected.expect("one"));
        let silent = self.breaks.iter().find(|clause| !found.iter().any(|it| it.clause() == **clause));
        assert!(lint.is_none() || silent.is_none(), "the lint doesn't find {silent:?}");
        let findings = python::findings();
        assert!(
            findings.is_empty(),
            "the validator finds, here or in a case that runs meanwhile: {findings:#?}"
        );
        assert!(told.is_empty(), "the application told more: {}", told.next());
    }
}

impl Scene {
    /// A path of this run's own, by which its log is found.
    pub(crate) fn here(&self) -> String {
        format!("{}/{}/{}", self.case.mount, self.case.name, self.door.name())
    }

    /// Asks, and reads the whole answer.
    pub(crate) fn ask(&self, asked: Asked) -> Got {
        let asked = Asked { mount: self.case.mount, ..asked };
        let mut got = self.served.ask(&asked);
        got.errors = self.heard(&got.errors);
        got
    }

    /// Asks for this run's own path.
    pub(crate) fn get(&self) -> Got {
        self.ask(Asked::get(self.here()))
    }

    /// Asks for it with a query.
    pub(crate) fn query(&self, query: &str) -> Got {
        self.ask(Asked::get(format!("{}?{query}", self.here())))
    }

    /// Asks for it with content.
    pub(crate) fn post(&self, content: impl Into<Vec<u8>>) -> Got {
        self.ask(Asked::post(self.here(), content))
    }

    /// Asks for it, to read the answer step by step.
    pub(crate) fn open(&self) -> Stream {
        self.served.open(&Asked { mount: self.case.mount, ..Asked::get(self.here()) })
    }

    /// Goes away from an answer.
    pub(crate) fn vanish(&self, stream: Stream) {
        let errors = stream.vanish();
        self.heard(&errors);
    }

    /// Waits for the next thing that the application tells.
    pub(crate) fn told(&self) -> String {
        self.told.next()
    }

    /// Waits for several.
    pub(crate) fn all_told(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.told()).collect()
    }

    /// Lets the application go on that waits at its gate.
    pub(crate) fn open_gate(&self) {
        self.told.open_gate();
    }

    /// Waits until all these texts were logged, in one line of the log or in what came with the answer.
    #[track_caller]
    pub(crate) fn logged(&self, got: &Got, texts: &[&str]) {
        if texts.iter().all(|text| got.errors.contains(text)) {
            return;
        }
        assert!(self.door.is_here(), "no {texts:?} in {}", got.errors);
        log::line_with(texts);
    }

    /// Takes out what a program told in its errors.
    fn heard(&self, errors: &str) -> String {
        let mut rest = String::new();
        for line in errors.lines() {
            if let Some(what) = line.strip_prefix(TOLD) {
                self.told.add(what);
                continue;
            }
            assert!(!line.starts_with(FOUND), "the validator finds: {line}");
            rest.push_str(line);
            rest.push('\n');
        }
        rest
    }
}

/// Begins a line of a program's in which its application tells something.
pub(crate) const TOLD: &str = "told: ";

/// Begins a line in which it tells what the validator found.
pub(crate) const FOUND: &str = "found: ";
