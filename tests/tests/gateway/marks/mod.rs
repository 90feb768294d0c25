//! What web servers decide, whoever is behind them: cases of the suite that fail through them, a file a server.
//!
//! A mark is checked: a marked case that passes fails the run. A chance is checked, too: where a case passes or not as the packets fall, it
//! may fail in no other way than is said here. What the server behind could do better is neither.

pub(crate) mod apache;
pub(crate) mod haproxy;
pub(crate) mod lighttpd;
pub(crate) mod nginx;

use rsgi_test::suite::Difference;

/// Cases that fail for one reason.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// Through which fronts; all of the web server's, if none is named.
    pub(crate) on: &'static [&'static str],
    /// What the web server does instead.
    pub(crate) instead: &'static str,
    /// Why that stands.
    pub(crate) reason: &'static str,
    /// The cases' names.
    pub(crate) cases: &'static [&'static str],
}

/// Cases that pass through a web server or not, as the packets fall.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    /// Through which fronts; all of the web server's, if none is named.
    pub(crate) on: &'static [&'static str],
    /// Why.
    pub(crate) reason: &'static str,
    /// What their failures say, if they fail: one of these.
    pub(crate) says: &'static [&'static str],
    /// The cases' names.
    pub(crate) cases: &'static [&'static str],
}

impl Chance {
    /// Whether this case may fail so.
    pub(crate) fn allows(&self, case: &str, failure: &str) -> bool {
        self.cases.contains(&case) && self.says.iter().any(|text| failure.contains(text))
    }
}

impl Mark {
    /// As the suite has them.
    pub(crate) fn differences(&self) -> impl Iterator<Item = Difference> {
        let Self { instead, reason, .. } = *self;
        self.cases.iter().map(move |case| Difference { case, instead, reason })
    }
}
