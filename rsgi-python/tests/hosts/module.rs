//! The Python modules under test: built once, in a target folder of their own, as what embeds Python is built otherwise.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rsgi_tests::driving::printed;

/// The library of an example of this crate, built as an extension of Python's.
pub(crate) fn library(example: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("extension");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "rsgi-python", "--no-default-features"]);
        cargo.args(["--features", "export", "--examples", "--target-dir"]).arg(&target);
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env("PYO3_BUILD_EXTENSION_MODULE", "1");
        printed(&mut cargo).unwrap();
        target.join("debug/examples")
    });
    folder.join(format!("lib{example}.so"))
}

/// A program of the tests' Python environment; `None` if its package can't be had here.
pub(crate) fn program(package: &str, name: &str) -> Option<Command> {
    let bin = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.venv/bin");
    let mut python = Command::new(bin.join("python"));
    let found =
        printed(python.args(["-c", &format!("import importlib.metadata as m; m.version({package:?})")]));
    found.is_ok().then(|| Command::new(bin.join(name)))
}
