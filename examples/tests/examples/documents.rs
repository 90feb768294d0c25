//! That the documents show what is there: the README's code, the ranking of the examples, their size and their first lines.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn an_example_fits_a_screen_and_begins_with_the_command_to_try_it() {
    for path in examples() {
        let (name, text) = (name(&path), fs::read_to_string(&path).unwrap());
        let command = format!("`cargo run -p rsgi-examples --bin {name}");
        let with_feature = format!("`cargo run -p rsgi-examples --features {name} --bin {name}");
        let header: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let header = header.join("\n");
        assert!(
            header.contains("//! Try it: ") && header.contains(&command) || header.contains(&with_feature),
            "{name}"
        );
        // The adapter is the README's, and is a whole server.
        let lines = text.lines().count();
        assert!(lines <= 60 || name == "adapter", "{name}: {lines} lines");
    }
}

#[test]
fn every_example_is_ranked() {
    let ranking = fs::read_to_string(package().join("README.md")).unwrap();
    let row = |path: &PathBuf| format!("| [`{}`](", name(path));
    let missing: Vec<_> = examples().iter().map(row).filter(|row| !ranking.contains(row)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_readme_shows_the_files_that_it_quotes() {
    let readme = fs::read_to_string(package().join("../README.md")).unwrap();
    for quoted in ["hello.rs", "adapter/main.rs", "adapter/codec.rs"] {
        let text = fs::read_to_string(package().join("src/bin").join(quoted)).unwrap();
        // Without the header: it says what the README says around it.
        let code = text.lines().skip_while(|line| line.starts_with("//!") || line.is_empty());
        let code = code.collect::<Vec<_>>().join("\n");
        assert!(readme.contains(&format!("\n{code}\n```\n")), "README.md doesn't show {quoted} as it is");
    }
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files that hold the examples' `main`.
fn examples() -> Vec<PathBuf> {
    let folder = fs::read_dir(package().join("src/bin")).unwrap();
    folder
        .flatten()
        .map(|entry| entry.path())
        .map(|path| if path.is_dir() { path.join("main.rs") } else { path })
        .collect()
}

fn name(path: &Path) -> String {
    let stem = if path.ends_with("main.rs") { path.parent().unwrap() } else { path };
    stem.file_stem().unwrap().to_string_lossy().into_owned()
}
