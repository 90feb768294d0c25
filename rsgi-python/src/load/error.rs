//! [`LoadError`]: why there is no application under a name, and what to do.
//!
//! The first line says it all; where Python code raised something, its traceback follows in lines of their own.

use std::fmt;
use std::path::Path;

use pyo3::exceptions::{PyImportError, PyModuleNotFoundError, PyTypeError};
use pyo3::prelude::*;

use super::folders::Folders;
use super::target::Target;
use crate::host::{spelled, traceback};

/// An application couldn't be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    kind: LoadErrorKind,
    problem: String,
    remedy: String,
    traceback: Option<String>,
}

/// Tells errors of loading apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The name is none of an application: neither an attribute nor a call of one.
    Spelling,
    /// An argument in the name is no literal.
    Argument,
    /// There is no such module.
    NoModule,
    /// There is the module, and importing it raised something.
    Import,
    /// The module has no such attribute.
    NoAttribute,
    /// The factory can't be called with these arguments, or at all.
    Call,
    /// The factory raised something.
    Factory,
    /// There is something, and it can't be called.
    NotCallable,
}

impl LoadError {
    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> LoadErrorKind {
        self.kind
    }

    /// Python's traceback, where its code raised something.
    #[must_use]
    pub fn traceback(&self) -> Option<&str> {
        self.traceback.as_deref()
    }

    fn new(kind: LoadErrorKind, problem: String, remedy: impl Into<String>) -> Self {
        Self { kind, problem, remedy: remedy.into(), traceback: None }
    }

    fn raised(mut self, py: Python<'_>, error: &PyErr) -> Self {
        self.traceback = Some(shortened(traceback(py, error)));
        self
    }

    pub(super) fn path(py: Python<'_>, error: &PyErr) -> Self {
        let problem = format!("Python's standard library doesn't work: {}", summary(py, error));
        Self::new(LoadErrorKind::Import, problem, "see PYTHONHOME, PYTHONPATH and VIRTUAL_ENV")
            .raised(py, error)
    }

    pub(super) fn spelling(target: &Target) -> Self {
        let problem = format!("\"{target}\" is no name of an application");
        let remedy = "write module:attribute, or module:factory() with literal arguments";
        Self::new(LoadErrorKind::Spelling, problem, remedy)
    }

    pub(super) fn argument(target: &Target, written: &str) -> Self {
        let problem = format!("in \"{target}\" the argument {written} is no literal");
        let remedy =
            "write texts in quotes, numbers, True, False, None, or lists, tuples and dictionaries of them";
        Self::new(LoadErrorKind::Argument, problem, remedy)
    }

    pub(super) fn file(target: &Target) -> Self {
        let path = Path::new(target.module());
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let expression = target.expression();
        let remedy = match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => format!("write {stem}:{expression} with --chdir {}", folder.display()),
            None => format!("write {stem}:{expression}"),
        };
        let problem = format!("{} is a file, and no module's name", path.display());
        Self::new(LoadErrorKind::Spelling, problem, remedy)
    }

    pub(super) fn nothing(target: &Target) -> Self {
        let problem = format!("{target} is None");
        Self::new(LoadErrorKind::NotCallable, problem, "name what holds the application")
    }

    pub(super) fn returned_nothing(target: &Target) -> Self {
        let problem = format!("{target} returned None");
        Self::new(LoadErrorKind::NotCallable, problem, "let it return the application")
    }

    pub(super) fn not_callable(target: &Target, found: &Bound<'_, PyAny>) -> Self {
        let problem = format!("{target} can't be called: it is {}", a_type(found));
        Self::new(LoadErrorKind::NotCallable, problem, "name a callable(environ, start_response)")
    }

    pub(super) fn no_factory(target: &Target, found: &Bound<'_, PyAny>) -> Self {
        let problem = format!("{target} can't be called: it is {}", a_type(found));
        Self::new(LoadErrorKind::Call, problem, "name a function that returns the application")
    }

    /// A factory raised something: for want of the right arguments, or by its own doing.
    pub(super) fn factory(
        py: Python<'_>,
        target: &Target,
        factory: &Bound<'_, PyAny>,
        error: &PyErr,
    ) -> Self {
        let said = summary(py, error);
        // Without a frame beside ours none of its own code has run.
        if error.is_instance_of::<PyTypeError>(py) && error.traceback(py).is_none() {
            let signature =
                py.import("inspect").and_then(|inspect| inspect.call_method1("signature", (factory,)));
            let remedy = match signature.and_then(|signature| signature.str()?.extract::<String>()) {
                Ok(signature) => format!("it takes {signature}"),
                Err(_) => "give the arguments that it takes".to_owned(),
            };
            return Self::new(
                LoadErrorKind::Call,
                format!("{target} has the wrong arguments: {said}"),
                remedy,
            );
        }
        let problem = format!("{target} raised {said}");
        Self::new(LoadErrorKind::Factory, problem, "").raised(py, error)
    }
}

/// Importing the module failed: it isn't there, one that it needs isn't, or its code raised something.
pub(super) fn missing_module(py: Python<'_>, target: &Target, folders: &Folders, error: &PyErr) -> LoadError {
    let name = target.module();
    let missing = error
        .is_instance_of::<PyModuleNotFoundError>(py)
        .then(|| error.value(py).getattr("name").and_then(|name| name.extract::<String>()).ok())
        .flatten();
    let is_own = |missing: &str| name == missing || name.starts_with(&format!("{missing}."));
    match missing {
        Some(missing) if is_own(&missing) => {
            let folders: Vec<_> = folders.all().iter().rev().map(|it| it.display().to_string()).collect();
            let problem = format!("there is no module {missing} in {}", folders.join(", "));
            let remedy = "see --chdir and --pythonpath, and VIRTUAL_ENV where it is installed";
            LoadError::new(LoadErrorKind::NoModule, problem, remedy)
        }
        Some(missing) => {
            let problem = format!("module {name} needs {missing}, and there is no such module");
            let remedy = "install it for this Python, or see VIRTUAL_ENV and --pythonpath";
            LoadError::new(LoadErrorKind::Import, problem, remedy).raised(py, error)
        }
        None => {
            let problem = format!("importing module {name} raised {}", summary(py, error));
            let remedy = if error.is_instance_of::<PyImportError>(py) {
                "is it installed for this version of Python?"
            } else {
                ""
            };
            LoadError::new(LoadErrorKind::Import, problem, remedy).raised(py, error)
        }
    }
}

/// A module, or something in it, has no such attribute.
pub(super) fn missing_attribute(
    py: Python<'_>,
    target: &Target,
    name: &str,
    of: &Bound<'_, PyAny>,
    error: &PyErr,
) -> LoadError {
    if !error.is_instance_of::<pyo3::exceptions::PyAttributeError>(py) {
        let problem = format!("{target} raised {}", summary(py, error));
        return LoadError::new(LoadErrorKind::Import, problem, "").raised(py, error);
    }
    let problem = format!("module {} has no attribute {name}", target.module());
    let near = ["application", "app", "create_app", "make_app", "wsgi"].into_iter();
    let near = near.filter(|it| *it != name).find(|it| of.hasattr(*it).unwrap_or_default());
    let remedy = match near {
        Some(near @ ("create_app" | "make_app")) => format!("did you mean {}:{near}()?", target.module()),
        Some(near) => format!("did you mean {}:{near}?", target.module()),
        None => format!("name the one that holds the application: {}:attribute", target.module()),
    };
    LoadError::new(LoadErrorKind::NoAttribute, problem, remedy)
}

/// What was raised, in a line.
fn summary(py: Python<'_>, error: &PyErr) -> String {
    spelled(py, error).lines().next().unwrap_or_default().to_owned()
}

/// The end of a long traceback tells more than its beginning, and a worker's last words are bounded.
fn shortened(traceback: String) -> String {
    if traceback.len() <= MOST {
        return traceback;
    }
    let lines: Vec<_> = traceback.lines().collect();
    let mut left = MOST;
    let fits = |line: &&&str| {
        left = left.saturating_sub(line.len() + 1);
        left > 0
    };
    let kept = lines.iter().rev().take_while(fits).count();
    let (out, kept) = lines.split_at(lines.len() - kept);
    format!("(without its first {} lines)\n{}", out.len(), kept.join("\n"))
}

fn a_type(found: &Bound<'_, PyAny>) -> String {
    let name = found.get_type().name().map(|name| name.to_string());
    format!("of type {}", name.unwrap_or_else(|_| "unknown".to_owned()))
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        match &self.traceback {
            Some(traceback) => write!(f, "\n{}", traceback.trim_end()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for LoadError {}

/// Bytes of a traceback that are kept.
const MOST: usize = 3000;
