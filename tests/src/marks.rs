//! What hosts decide that stand between the suite and the server under test: cases that fail through them, as data.
//!
//! A mark is checked: a marked case that passes fails the run. A chance is checked, too: where a case passes or not as the packets fall, it
//! may fail in no other way than is said here. What the server behind could do better is neither. Next: `through.rs`, which runs the suite
//! with them.

use rsgi_test::suite::Difference;

/// Cases that fail for one reason.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tables are made of it")]
pub struct Mark {
    /// Through which fronts; all of the web server's, if none is named.
    pub on: &'static [&'static str],
    /// What the web server does instead.
    pub instead: &'static str,
    /// Why that stands.
    pub reason: &'static str,
    /// The cases' names.
    pub cases: &'static [&'static str],
}

/// Cases that pass through a web server or not, as the packets fall.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tables are made of it")]
pub struct Chance {
    /// Through which fronts; all of the web server's, if none is named.
    pub on: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
    /// What their failures say, if they fail: one of these.
    pub says: &'static [&'static str],
    /// The cases' names.
    pub cases: &'static [&'static str],
}

impl Chance {
    /// Whether this case may fail so.
    pub fn allows(&self, case: &str, failure: &str) -> bool {
        self.cases.contains(&case) && self.says.iter().any(|text| failure.contains(text))
    }
}

impl Mark {
    /// As the suite has them.
    pub fn differences(&self) -> impl Iterator<Item = Difference> {
        let Self { instead, reason, .. } = *self;
        self.cases.iter().map(move |case| Difference { case, instead, reason })
    }
}

/// Those that hold through a front of this name.
pub fn on<'a>(name: &'a str, marks: &'static [Mark]) -> impl Iterator<Item = Difference> + 'a {
    let here = marks.iter().filter(move |mark| mark.on.is_empty() || mark.on.contains(&name));
    here.flat_map(Mark::differences)
}

/// The chances that there are through a front of this name.
pub fn chances_on<'a>(name: &'a str, all: &'static [Chance]) -> impl Iterator<Item = &'static Chance> + 'a {
    all.iter().filter(move |chance| chance.on.is_empty() || chance.on.contains(&name))
}
