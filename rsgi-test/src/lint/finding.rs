//! What the lint found: a value that names the clause, the value at fault and what to do; and the list of them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rsgi_core::RequestLine;

use super::checks::Check;

/// A breach of the contract, found at run time.
///
/// Its text begins with the clause, as conformance rule 123 asks: `clause A10 (rule 81): content without a
/// Content-Type: 5 bytes; say what it is, … (GET / HTTP/1.1)`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked for, with clause, rule and remedy.
    pub check: &'static Check,
    /// The value at fault, shortened and escaped.
    pub value: String,
    /// The request it was found at; `None` for what belongs to none, as the end of an app.
    pub request: Option<RequestLine>,
}

impl Finding {
    pub(super) fn new(check: &'static Check, value: &str, request: Option<RequestLine>) -> Self {
        // Shortened: it goes to a log, and a peer may have chosen it.
        let value = value.chars().take(VALUE_MOST).flat_map(escape).collect();
        Self { check, value, request }
    }

    /// The clause of `SPEC.md` that is broken.
    #[must_use]
    pub fn clause(&self) -> &'static str {
        self.check.clause
    }

    /// The conformance rule it falls under, if there is one.
    #[must_use]
    pub fn rule(&self) -> Option<u16> {
        self.check.rule
    }

    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.check.remedy
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Check { clause, rule, what, remedy, .. } = self.check;
        write!(formatter, "clause {clause}")?;
        if let Some(rule) = rule {
            write!(formatter, " (rule {rule})")?;
        }
        write!(formatter, ": {what}: {}; {remedy}", self.value)?;
        if let Some(request) = &self.request {
            write!(formatter, " ({request})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Finding {}

/// What a lint has found so far; clones share the list.
///
/// Complete once the outcome of the requests in question was told and their bodies were dropped: nothing is looked
/// at later.
#[derive(Debug, Clone, Default)]
pub struct Findings(Arc<Mutex<Vec<Finding>>>);

impl Findings {
    /// All findings, in the order they were made.
    #[must_use]
    pub fn all(&self) -> Vec<Finding> {
        self.lock().clone()
    }

    /// Takes the findings out, leaving none.
    #[must_use]
    pub fn take(&self) -> Vec<Finding> {
        std::mem::take(&mut self.lock())
    }

    /// Tells whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn push(&self, finding: Finding) {
        self.lock().push(finding);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Finding>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One finding a line; empty without any, as an assertion's text.
impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock().iter().try_for_each(|finding| writeln!(formatter, "{finding}"))
    }
}

fn escape(character: char) -> impl Iterator<Item = char> {
    let control = character.is_control();
    control.then(|| character.escape_default()).into_iter().flatten().chain((!control).then_some(character))
}

/// Characters of a value that are kept.
const VALUE_MOST: usize = 120;
