//! Walks the work tree and takes Rust files apart just far enough for the house rules.
//!
//! Not a parser: a line's code is what is left when its string literals and its comment are taken away. That is enough to ask whether a
//! word stands in code, and wrong only for literals that span lines.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the work tree.
pub(crate) struct SourceFile {
    /// Path from the workspace's root, with `/`.
    pub(crate) path: String,
    /// All of its text.
    pub(crate) text: String,
}

impl SourceFile {
    /// The name behind the last slash.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Numbered lines, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Numbered lines with only their code left.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, String)> {
        self.lines().map(|(number, line)| (number, code_of(line)))
    }
}

/// The workspace's root folder.
pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// Every file whose name ends in `extension`, sorted, without build output and hidden folders.
pub(crate) fn with_extension(extension: &str) -> Vec<SourceFile> {
    let mut found = Vec::new();
    let root = root();
    walk(&root, &mut |path| {
        if path.extension().is_some_and(|it| it == extension) {
            let relative = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().replace('\\', "/");
            let text = read(&relative);
            found.push(SourceFile { path: relative, text });
        }
    });
    found.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(!found.is_empty(), "no .{extension} file under {}", root.display());
    found
}

/// The text of one file, by its path from the root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with all offences, or passes if there is none.
pub(crate) fn expect_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

/// Whether `word` stands in `line` with no letter, digit or underscore beside it.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |it: char| it.is_alphanumeric() || it == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(part_of_word)
            && !line[at + word.len()..].chars().next().is_some_and(part_of_word)
    })
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() { walk(&path, visit) } else { visit(&path) }
    }
}

fn code_of(line: &str) -> String {
    let mut code = String::new();
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '/' if characters.peek() == Some(&'/') => break,
            '"' => {
                while let Some(inside) = characters.next() {
                    match inside {
                        '\\' => drop(characters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
                code.push_str("\"\"");
            }
            other => code.push(other),
        }
    }
    code
}
