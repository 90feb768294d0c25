//! `docs/web-servers.md` is made of the marks: what each web server decides, whoever is behind it.
//!
//! So the page can't say more than what the suite holds the fronts to. `RSGI_WRITE=1 cargo test -p rsgi-tests --all-features --test gateway
//! page` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rsgi_tests::marks::{Chance, Mark};

use crate::marks::{apache, haproxy, lighttpd, nginx};

#[test]
fn the_page_says_what_the_marks_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/web-servers.md");
    let page = page();
    if std::env::var_os("RSGI_WRITE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "docs/web-servers.md is old: RSGI_WRITE=1 writes it anew");
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let servers = [
        ("nginx", nginx::MARKS, nginx::CHANCES),
        ("Apache", apache::MARKS, apache::CHANCES),
        ("lighttpd", lighttpd::MARKS, lighttpd::CHANCES),
        ("HAProxy", haproxy::MARKS, haproxy::CHANCES),
    ];
    for (name, marks, chances) in servers {
        write!(page, "\n## {name}\n\n").unwrap();
        let mut before = String::new();
        for Mark { on, instead, reason, cases } in marks {
            let text = format!("It {instead}: {reason}.");
            item(&mut page, &mut before, text, on, cases);
        }
        page.push_str("\nBy chance:\n\n");
        for Chance { on, reason, cases, .. } in chances {
            item(&mut page, &mut before, format!("{}.", capital(reason)), on, cases);
        }
    }
    page
}

/// One that says what the one before said is part of that.
fn item(page: &mut String, before: &mut String, text: String, on: &[&str], cases: &[&str]) {
    if *before != text {
        writeln!(page, "- {text}").unwrap();
        *before = text;
    }
    let on = if on.is_empty() { "all".to_owned() } else { on.join(", ") };
    let cases: Vec<String> = cases.iter().map(|case| case.replace('_', " ")).collect();
    writeln!(page, "  - {on}: *{}*", cases.join("; ")).unwrap();
}

fn capital(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}

const INTRODUCTION: &str = "\
# What web servers decide

Written by a test from the marks of `tests/tests/gateway`; not by hand. The conformance suite runs through each web server by each protocol \
that it speaks with an app ([gateway.md](gateway.md)). What isn't named here passes through as it does without a web server in between. A \
marked case that passes, or an unmarked one that fails, fails the tests; a case that passes or not as the packets fall may fail in no other \
way than its chance says. The names are those of the fronts (web server, protocol, server behind) and, in italics, of the cases: sentences \
that don't hold.
";
