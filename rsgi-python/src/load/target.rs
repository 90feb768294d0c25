//! [`Target`]: the name of an application, taken apart, and what is found under it.

use std::fmt;
use std::str::FromStr;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::error::{LoadError, missing_attribute, missing_module};
use super::folders::Folders;

/// The name of a WSGI application: `module`, `module:attribute`, or `module:factory()` with literal arguments.
///
/// Without a colon the attribute is `application`, as PEP 3333's own example has it. An attribute may be of another one
/// (`module:site.wsgi`), which Gunicorn hasn't.
///
/// # Examples
///
/// ```
/// use rsgi_python::load::Target;
///
/// let target: Target = "app:create_app('production', debug=False)".parse()?;
/// assert_eq!(target.module(), "app");
/// assert_eq!("project.wsgi".parse::<Target>()?.to_string(), "project.wsgi:application");
/// # Ok::<(), rsgi_python::load::LoadError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    module: String,
    /// An attribute, or the call of one.
    expression: String,
}

/// What an expression asks for.
struct Wanted<'py> {
    /// An attribute, and of that another.
    names: Vec<String>,
    call: Option<Call<'py>>,
}

struct Call<'py> {
    positional: Bound<'py, PyTuple>,
    named: Bound<'py, PyDict>,
}

impl Target {
    /// The module's name.
    #[must_use]
    pub fn module(&self) -> &str {
        &self.module
    }

    /// Imports the module and finds the application, or has its factory make it.
    ///
    /// # Errors
    ///
    /// Anything from a folder that isn't there to a factory that returns no callable: [`LoadError::kind`] tells which.
    ///
    /// # Panics
    ///
    /// There is no interpreter: see [`crate::interpreter::start`].
    pub fn load(&self, folders: &Folders) -> Result<Py<PyAny>, LoadError> {
        crate::interpreter::attach(|py| {
            folders.lead(py)?;
            // Before the import: a slip of the pen costs no time.
            let wanted = self.wanted(py)?;
            let module =
                py.import(&*self.module).map_err(|error| missing_module(py, self, folders, &error))?;
            let mut found = module.into_any();
            for name in &wanted.names {
                found = found
                    .getattr(&**name)
                    .map_err(|error| missing_attribute(py, self, name, &found, &error))?;
            }
            if let Some(call) = wanted.call {
                found = self.call(py, &found, &call)?;
            } else if found.is_none() {
                return Err(LoadError::nothing(self));
            }
            if found.is_callable() { Ok(found.unbind()) } else { Err(LoadError::not_callable(self, &found)) }
        })
    }

    fn call<'py>(
        &self,
        py: Python<'py>,
        factory: &Bound<'py, PyAny>,
        call: &Call<'py>,
    ) -> Result<Bound<'py, PyAny>, LoadError> {
        if !factory.is_callable() {
            return Err(LoadError::no_factory(self, factory));
        }
        match factory.call(&call.positional, Some(&call.named)) {
            Ok(made) if made.is_none() => Err(LoadError::returned_nothing(self)),
            Ok(made) => Ok(made),
            Err(error) => Err(LoadError::factory(py, self, factory, &error)),
        }
    }

    /// Takes the expression apart with Python's own parser.
    fn wanted<'py>(&self, py: Python<'py>) -> Result<Wanted<'py>, LoadError> {
        let ast = py.import("ast").map_err(|error| LoadError::path(py, &error))?;
        let parse = || -> PyResult<Bound<'py, PyAny>> {
            let keywords = PyDict::new(py);
            keywords.set_item("mode", "eval")?;
            ast.call_method("parse", (&*self.expression,), Some(&keywords))?.getattr("body")
        };
        let body = parse().map_err(|_| LoadError::spelling(self))?;
        let is = |node: &Bound<'py, PyAny>, class: &str| {
            ast.getattr(class).and_then(|class| node.is_instance(&class)).unwrap_or_default()
        };
        let names = |node: &Bound<'py, PyAny>| -> Option<Vec<String>> {
            let (mut names, mut node) = (Vec::new(), node.clone());
            while is(&node, "Attribute") {
                names.push(node.getattr("attr").ok()?.extract().ok()?);
                node = node.getattr("value").ok()?;
            }
            is(&node, "Name").then_some(())?;
            names.push(node.getattr("id").ok()?.extract().ok()?);
            names.reverse();
            Some(names)
        };
        let (function, call) = if is(&body, "Call") {
            let call = self.arguments(py, &ast, &body)?;
            (body.getattr("func").map_err(|_| LoadError::spelling(self))?, Some(call))
        } else {
            (body, None)
        };
        let names = names(&function).ok_or_else(|| LoadError::spelling(self))?;
        Ok(Wanted { names, call })
    }

    fn arguments<'py>(
        &self,
        py: Python<'py>,
        ast: &Bound<'py, PyModule>,
        call: &Bound<'py, PyAny>,
    ) -> Result<Call<'py>, LoadError> {
        let literal = |node: &Bound<'py, PyAny>| {
            ast.call_method1("literal_eval", (node,)).map_err(|_| {
                let written = ast.call_method1("unparse", (node,)).and_then(|text| text.extract());
                LoadError::argument(self, &written.unwrap_or_else(|_| "an argument".to_owned()))
            })
        };
        let nodes = |name: &str| -> Result<Vec<Bound<'py, PyAny>>, LoadError> {
            let nodes = call.getattr(name).and_then(|nodes| nodes.extract());
            nodes.map_err(|_| LoadError::spelling(self))
        };
        let positional = PyList::empty(py);
        for node in nodes("args")? {
            positional.append(literal(&node)?).map_err(|_| LoadError::spelling(self))?;
        }
        let named = PyDict::new(py);
        for node in nodes("keywords")? {
            let name: Option<String> =
                node.getattr("arg").and_then(|name| name.extract()).map_err(|_| LoadError::spelling(self))?;
            let value = node.getattr("value").map_err(|_| LoadError::spelling(self))?;
            // `**{...}` has no name.
            let name = name.ok_or_else(|| LoadError::argument(self, "**"))?;
            named.set_item(name, literal(&value)?).map_err(|_| LoadError::spelling(self))?;
        }
        Ok(Call { positional: positional.to_tuple(), named })
    }
}

impl FromStr for Target {
    type Err = LoadError;

    /// Takes the name apart at its first colon. What stands behind it is looked at when it is loaded.
    fn from_str(text: &str) -> Result<Self, LoadError> {
        let (module, expression) = text.split_once(':').unwrap_or((text, DEFAULT));
        let target = Self { module: module.trim().to_owned(), expression: expression.trim().to_owned() };
        target.check().map(|()| target)
    }
}

impl Target {
    /// Whether the module's name can be one at all.
    fn check(&self) -> Result<(), LoadError> {
        let path = self.module.contains('/') || self.module.strip_suffix(".py").is_some();
        if path {
            return Err(LoadError::file(self));
        }
        let whole =
            self.module.split('.').all(|part| !part.is_empty() && !part.contains(char::is_whitespace));
        if !whole || self.expression.is_empty() {
            return Err(LoadError::spelling(self));
        }
        Ok(())
    }

    /// What stands behind the colon.
    pub(super) fn expression(&self) -> &str {
        &self.expression
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.module, self.expression)
    }
}

/// The attribute of a module that none was named of.
const DEFAULT: &str = "application";
