//! That every page is in the table of contents, and every page's Rust in a crate that compiles it.

use std::path::Path;

use crate::page::{docs, pages, read, root};

/// Who compiles pages.
const COMPILING: [&str; 4] =
    ["tests/book/src/lib.rs", "rsgi-serve/src/lib.rs", "rsgi-gateway/src/lib.rs", "rsgi-python/src/lib.rs"];

/// Of blocks. Whatever else is shown is `text`.
const LANGUAGES: [&str; 6] = ["rust", "python", "sh", "toml", "ini", "text"];

/// Of a line, where two programs stand side by side in a window of a thousand pixels (`docs/book/beside.css`).
const COLUMNS: usize = 63;

#[test]
fn every_page_is_in_the_summary_once_and_the_summary_names_no_other() {
    let summary = read(&docs().join("SUMMARY.md"));
    let links = summary.match_indices("](").map(|(at, _)| &summary[at + 2..]);
    let mut named: Vec<_> = links.map(|rest| rest.split(')').next().unwrap_or_default().to_owned()).collect();
    named.sort();
    let there: Vec<_> = pages().into_iter().map(|page| page.path).collect();
    assert_eq!(named, there, "SUMMARY.md, and the pages that are there");
}

#[test]
fn every_page_with_rust_is_compiled() {
    let compiling = COMPILING.map(|path| read(&root().join(path))).concat();
    let with_rust = pages().into_iter().filter(|page| !page.blocks_of("rust").is_empty());
    let left_out: Vec<_> = with_rust
        .map(|page| page.path)
        .filter(|path| {
            !compiling.contains(&format!("\"{path}\"")) && !compiling.contains(&format!("docs/{path}\""))
        })
        .collect();
    assert!(left_out.is_empty(), "compiled nowhere: {left_out:?}");
}

#[test]
fn a_block_says_its_language_and_no_rust_is_passed_over() {
    let mut wrong = Vec::new();
    for page in pages() {
        for block in page.blocks() {
            let attributes = block.info.split(',').skip(1);
            let odd = attributes.filter(|it| !matches!(*it, "no_run" | "compile_fail" | "should_panic"));
            if !LANGUAGES.contains(&block.language()) || odd.count() > 0 {
                wrong.push(format!("{}:{}: {:?}", page.path, block.line, block.info));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn programs_side_by_side_fit_there() {
    let (mut wide, mut beside) = (Vec::new(), false);
    for page in pages() {
        for (number, line) in page.text.lines().enumerate() {
            beside = (beside || line == "<div class=\"beside\">") && line != "</div>";
            if beside && line.chars().count() > COLUMNS {
                wide.push(format!("docs/{}:{}: {line}", page.path, number + 1));
            }
        }
    }
    assert!(wide.is_empty(), "more than {COLUMNS} columns: {wide:#?}");
}

#[test]
fn a_file_that_a_sentence_names_is_there() {
    let is_of_the_tree = |code: &str| {
        let is_source =
            Path::new(code).extension().is_some_and(|it| ["rs", "py", "md"].iter().any(|end| it == *end));
        is_source && code.contains('/') && !code.starts_with('/') && !code.contains([' ', '*', '<', ':'])
    };
    let (mut missing, mut found) = (Vec::new(), 0);
    for page in pages() {
        for (line, code) in page.inline().into_iter().filter(|(_, code)| is_of_the_tree(code)) {
            found += 1;
            if !root().join(&code).is_file() {
                missing.push(format!("docs/{}:{line}: {code}", page.path));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(found >= 5, "the files weren't found: {found}");
}

/// Both tables have a row for each middleware: that of the crate, and that of the page.
#[test]
fn every_middleware_of_ours_is_on_its_page() {
    let library = read(&root().join("rsgi-middleware/src/lib.rs"));
    let rows = library.lines().filter_map(|line| line.strip_prefix("//! | "));
    let names = rows.filter_map(|row| row.trim_start_matches('[').strip_prefix('`')?.split('`').next());
    let ours: Vec<_> =
        names.filter(|name| library.contains(&format!("{name}App")) || *name == "Cascade").collect();
    assert!(ours.len() >= 13, "the table of rsgi-middleware wasn't found: {ours:?}");
    let page = read(&docs().join("middleware.md"));
    let missing: Vec<_> = ours.iter().filter(|name| !page.contains(&format!("\n| `{name}` |"))).collect();
    assert!(missing.is_empty(), "docs/middleware.md has no row for {missing:?}");
}
