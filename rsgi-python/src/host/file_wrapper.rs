//! `wsgi.file_wrapper`: a file-like object as an iterable, which a server may send by other means than iterating (PEP 3333,
//! "Optional Platform-Specific File Handling").

use std::fs::File;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::sys;

/// Iterates over a file-like object in blocks.
#[pyclass(frozen, module = "rsgi")]
pub(super) struct FileWrapper {
    file: Py<PyAny>,
    block: isize,
}

/// What is left of a file of the system's.
pub(super) struct Rest {
    pub(super) file: File,
    pub(super) offset: u64,
    pub(super) length: u64,
}

#[pymethods]
impl FileWrapper {
    #[new]
    #[pyo3(signature = (filelike, block_size = 8192))]
    fn new(filelike: Py<PyAny>, block_size: isize) -> Self {
        Self { file: filelike, block: block_size }
    }

    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let block = self.file.bind(py).call_method1(intern!(py, "read"), (self.block,))?;
        Ok(if block.is_truthy()? { Some(block) } else { None })
    }

    /// What else the file can do: `seek` and `tell`, for who sends ranges of it, and `close` where it has one.
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.file.bind(py).getattr(name)
    }
}

impl FileWrapper {
    /// What is left of the file, if it is a regular one that the system can send: then as a file of our own.
    pub(super) fn rest(&self, py: Python<'_>) -> Option<Rest> {
        let file = self.file.bind(py);
        // A text file's position is no offset.
        let is_binary =
            file.call_method1(intern!(py, "read"), (0,)).is_ok_and(|read| read.is_instance_of::<PyBytes>());
        let number: i32 =
            file.call_method0(intern!(py, "fileno")).ok()?.extract().ok().filter(|_| is_binary)?;
        let offset: u64 = file.call_method0(intern!(py, "tell")).ok()?.extract().ok()?;
        let file = sys::duplicate(number).ok()?;
        let facts = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some(Rest { file, offset, length: facts.len().saturating_sub(offset) })
    }
}
