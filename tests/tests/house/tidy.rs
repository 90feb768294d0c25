//! The shape of the tree: sizes, headers, names, where `unsafe` may stand, links that lead somewhere.
//!
//! Not what rustfmt and clippy see already. Each rule is a line of CONTRIBUTING.md; an exception is an entry in a list here, with its
//! reason.

use std::collections::HashSet;
use std::path::Path;

use crate::files::{SourceFile, expect_none, has_word, read, root, with_extension};

const MAX_LINES: usize = 500;

/// Files that may be longer than [`MAX_LINES`], each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

const FORBIDDEN_NAMES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "misc", "types", "manager", "attic", "prelude"];

#[test]
fn no_rust_file_is_longer_than_five_hundred_lines() {
    let mut offences = Vec::new();
    for file in with_extension("rs") {
        let lines = file.text.lines().count();
        if lines > MAX_LINES && !LONG_FILES.iter().any(|(path, _)| *path == file.path) {
            offences.push(format!("{}: {lines} lines", file.path));
        }
    }
    expect_none("a file holds one idea", &offences);
}

#[test]
fn every_rust_file_opens_with_a_header() {
    let headless = |file: &SourceFile| !file.text.starts_with("//! ");
    let offences: Vec<_> =
        with_extension("rs").iter().filter(|it| headless(it)).map(|it| it.path.clone()).collect();
    expect_none("the first line is `//! ` and says what the file is", &offences);
}

#[test]
fn no_file_or_folder_has_a_name_that_says_nothing() {
    let mut offences = Vec::new();
    for file in with_extension("rs") {
        let stem = file.path.trim_end_matches(".rs");
        if stem.split('/').any(|part| FORBIDDEN_NAMES.contains(&part)) {
            offences.push(file.path.clone());
        }
    }
    expect_none("a file is named for its idea", &offences);
}

#[test]
fn unsafe_code_stands_in_sys_rs_only() {
    let mut offences = Vec::new();
    for file in with_extension("rs").iter().filter(|it| it.name() != "sys.rs") {
        for (number, code) in file.code_lines().filter(|(_, code)| has_word(code, "unsafe")) {
            offences.push(format!("{}:{number}: {}", file.path, code.trim()));
        }
    }
    expect_none("unsafe code belongs into a file `sys.rs`", &offences);
}

#[test]
fn every_library_forbids_unsafe_code_or_denies_it_beside_its_sys() {
    let all = with_extension("rs");
    let mut offences = Vec::new();
    for library in all.iter().filter(|it| it.path.ends_with("/src/lib.rs")) {
        let folder = library.path.trim_end_matches("lib.rs");
        let has_sys = all.iter().any(|it| it.path == format!("{folder}sys.rs"));
        // A `forbid` can't be relaxed for one file, so a crate with a `sys.rs` denies it, and that file alone allows it.
        let wanted = if has_sys { "#![deny(unsafe_code)]" } else { "#![forbid(unsafe_code)]" };
        if !library.text.contains(wanted) {
            offences.push(format!("{}: no {wanted}", library.path));
        }
    }
    expect_none("lib.rs refuses unsafe code", &offences);
}

#[test]
fn no_note_to_self_is_without_an_issue_number() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let mut offences = Vec::new();
    for file in with_extension("rs").iter().chain(&with_extension("toml")) {
        for (number, line) in file.lines() {
            let noted = marks.iter().any(|mark| has_word(line, mark));
            if noted && !line.contains("(#") {
                offences.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    expect_none("a note names its issue, like (#12)", &offences);
}

#[test]
fn no_test_is_ignored_and_nothing_is_left_unwritten() {
    let marks = [concat!("#[", "ignore"), concat!("unimpl", "emented!("), concat!("to", "do!(")];
    let mut offences = Vec::new();
    for file in with_extension("rs") {
        for (number, code) in
            file.code_lines().filter(|(_, code)| marks.iter().any(|mark| code.contains(mark)))
        {
            offences.push(format!("{}:{number}: {}", file.path, code.trim()));
        }
    }
    expect_none("what is there runs", &offences);
}

#[test]
fn every_local_link_of_the_documents_leads_somewhere() {
    let mut offences = Vec::new();
    for document in with_extension("md") {
        for target in local_links(&document.text) {
            let (path, anchor) = target.split_once('#').unwrap_or((target.as_str(), ""));
            let folder = Path::new(&document.path).parent().unwrap_or(Path::new("")).to_path_buf();
            let full =
                if path.is_empty() { Path::new(&document.path).to_path_buf() } else { folder.join(path) };
            if !root().join(&full).exists() {
                offences.push(format!("{}: {target}: no such file", document.path));
            } else if !anchor.is_empty() && !anchors(&read(&full.to_string_lossy())).contains(anchor) {
                offences.push(format!("{}: {target}: no such heading", document.path));
            }
        }
    }
    expect_none("links between our documents", &offences);
}

#[test]
fn a_line_loses_its_comment_and_its_literals() {
    let file = SourceFile { path: "a.rs".into(), text: "let a = \"un\\\"safe // b\"; // unsafe\n".into() };
    let code: Vec<_> = file.code_lines().map(|(_, code)| code).collect();
    assert_eq!(code, ["let a = \"\"; "]);
}

/// The targets of `[text](target)` outside code, those with a scheme left out.
fn local_links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let target: String = line[at + 2..].chars().take_while(|it| *it != ')').collect();
            if !target.contains("://") && !target.starts_with("mailto:") {
                links.push(target);
            }
        }
    }
    links
}

/// The anchors of a document's headings, as code hosts make them.
fn anchors(text: &str) -> HashSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| slug(line.trim_start_matches('#').trim())).collect()
}

fn slug(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}
