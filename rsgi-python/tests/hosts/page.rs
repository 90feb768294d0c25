//! `docs/python-hosts-decide.md` is made of the marks: what each host decides, whoever's app it calls.
//!
//! So the page can't say more than what the suite holds the hosts to. `RSGI_WRITE=1 cargo test -p rsgi-python --all-features --test hosts page`
//! writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::marks::{CHANCES, MARKS};

#[test]
fn the_page_says_what_the_marks_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/python-hosts-decide.md");
    let page = page();
    if std::env::var_os("RSGI_WRITE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "docs/python-hosts-decide.md is old: RSGI_WRITE=1 writes it anew");
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut before = "";
    for mark in MARKS.into_iter().flatten() {
        if mark.instead != before {
            write!(page, "\n## It {}\n\n{}.\n\n", mark.instead, capital(mark.reason)).unwrap();
            before = mark.instead;
        }
        item(&mut page, mark.on, mark.cases);
    }
    page.push_str("\n## By chance\n\n");
    for chance in CHANCES {
        write!(page, "{}.\n\n", capital(chance.reason)).unwrap();
        item(&mut page, chance.on, chance.cases);
    }
    page
}

fn item(page: &mut String, on: &[&str], cases: &[&str]) {
    let on = if on.is_empty() { "all".to_owned() } else { on.join(", ") };
    let cases: Vec<String> = cases.iter().map(|case| case.replace('_', " ")).collect();
    writeln!(page, "- {on}: *{}*", cases.join("; ")).unwrap();
}

fn capital(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}

const INTRODUCTION: &str = "\
# What WSGI servers decide

Written by a test from the marks of `rsgi-python/tests/hosts`; not by hand. The conformance suite runs through each WSGI server, with an app in \
Rust as its application ([python-hosts.md](python-hosts.md)), and once more with `wsgiref.validate` in between. What isn't named here passes as \
it does on a server of our own. A marked case that passes, or an unmarked one that fails, fails the tests; a case that passes or not by \
chance may fail in no other way than is said. The names are those of the hosts in their ways to work and, in italics, of the cases: \
sentences that don't hold. What the suite asks of HTTP/2, of upgrades, of trailers and informational answers is not advertised there.
";
