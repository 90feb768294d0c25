//! The applications, in the interpreter of this process: loaded once, staged with or without the validator.

use std::ffi::CString;

use pyo3::prelude::*;
use pyo3::types::PyModule;
use rsgi_python::{WsgiApp, interpreter, pyo3};

/// What an application tells its test.
pub(crate) struct Told(Py<PyAny>);

/// Starts the interpreter, and loads all applications.
pub(crate) fn load() {
    interpreter::start().expect("Python starts");
    interpreter::attach(|py| {
        for (name, source) in MODULES {
            let source = CString::new(*source).expect("text");
            let file = CString::new(format!("{name}.py")).expect("text");
            let name = CString::new(*name).expect("text");
            PyModule::from_code(py, &source, &file, &name)
                .unwrap_or_else(|error| panic!("{name:?}: {error}"));
        }
    });
}

/// Stages an application by its name.
pub(crate) fn stage(name: &str, is_validated: bool, tell: Option<fn(String)>) -> (WsgiApp, Told) {
    interpreter::attach(|py| -> PyResult<_> {
        let modules = MODULES.iter().map(|(module, _)| py.import(*module));
        let modules = modules.collect::<PyResult<Vec<_>>>()?;
        let application = modules.iter().find_map(|module| module.getattr(name).ok());
        let application = application.unwrap_or_else(|| panic!("there is no application {name}"));
        let tell = tell.map(|tell| {
            pyo3::types::PyCFunction::new_closure(py, None, None, move |arguments, _| -> PyResult<()> {
                tell(arguments.get_item(0)?.extract()?);
                Ok(())
            })
        });
        let scene = py.import("prelude")?.getattr("Scene")?.call1((tell.transpose()?,))?;
        let staged = scene.call_method1("stage", (application, is_validated))?;
        Ok((WsgiApp::new(staged.unbind()), Told(scene.unbind())))
    })
    .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What the validator found up to now, in any application.
pub(crate) fn findings() -> Vec<String> {
    let taken = interpreter::attach(|py| py.import("prelude")?.call_method0("taken_findings")?.extract());
    taken.unwrap_or_else(|error: PyErr| panic!("{error}"))
}

impl Told {
    /// Waits for the next thing that was told.
    pub(crate) fn next(&self) -> String {
        let next = interpreter::attach(|py| self.0.bind(py).call_method0("next")?.extract());
        next.unwrap_or_else(|error: PyErr| panic!("nothing was told: {error}"))
    }

    /// Takes in what was told elsewhere.
    pub(crate) fn add(&self, what: &str) {
        let added =
            interpreter::attach(|py| self.0.bind(py).getattr("told")?.call_method1("put", (what,)).map(drop));
        added.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Lets the application go on that waits at its gate.
    pub(crate) fn open_gate(&self) {
        let opened =
            interpreter::attach(|py| self.0.bind(py).getattr("gate")?.call_method1("put", ("go",)).map(drop));
        opened.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Tells that nothing else was told.
    pub(crate) fn is_empty(&self) -> bool {
        let empty =
            interpreter::attach(|py| self.0.bind(py).getattr("told")?.call_method0("empty")?.extract());
        empty.unwrap_or_else(|error: PyErr| panic!("{error}"))
    }
}

const MODULES: &[(&str, &str)] = &[
    ("prelude", include_str!("apps/prelude.py")),
    ("environ", include_str!("apps/environ.py")),
    ("input", include_str!("apps/input.py")),
    ("heads", include_str!("apps/heads.py")),
    ("bodies", include_str!("apps/bodies.py")),
    ("closing", include_str!("apps/closing.py")),
];
