//! Tests of the TOML file: lines, sections, syntax, types.

use super::fault::Fault;
use super::file::{Content, Wanted, parse, read};
use super::origin::Origin;

fn told(text: &str) -> (Option<Content>, Vec<String>) {
    let mut faults = Vec::new();
    let content = parse(text, "rsgi.toml", &mut faults);
    (content, faults.iter().map(Fault::to_string).collect())
}

#[test]
fn values_come_with_their_lines() {
    let text = "[serve]\nworkers = 4\n\n# why\nbind = [\":1\", \"unix:a\"]\ntimeout = 1.5\numask = 0o22\nreload = true\n";
    let (content, faults) = told(text);
    assert_eq!(faults, [""; 0]);
    let given: Vec<_> = content
        .unwrap()
        .given
        .into_iter()
        .map(|it| (it.setting.name, it.texts, it.origin.to_string()))
        .collect();
    let expected = [
        ("workers", vec!["4"], 2),
        ("bind", vec![":1", "unix:a"], 5),
        ("timeout", vec!["1.5"], 6),
        ("umask", vec!["0o22"], 7),
        ("reload", vec!["true"], 8),
    ];
    assert_eq!(given.len(), expected.len());
    for ((name, texts, origin), (expected_name, expected_texts, line)) in given.into_iter().zip(expected) {
        assert_eq!((name, texts), (expected_name, expected_texts.into_iter().map(str::to_owned).collect()));
        assert_eq!(origin, format!("rsgi.toml:{line}"));
    }
}

#[test]
fn the_section_of_the_app_is_handed_on_as_it_is() {
    let text = "[app]\nname = \"shop\"\nsince = 2026-01-01\n[app.database]\nports = [1, 2]\n";
    let app = told(text).0.unwrap().app;
    assert_eq!(app["name"].as_str(), Some("shop"));
    assert_eq!(app["database"]["ports"].as_array().map(Vec::len), Some(2));
}

#[test]
fn every_unknown_key_is_told_with_its_line_and_the_nearest_name() {
    let faults =
        told("workers = 1\nspeed = 2\n[serve]\nwokers = 1\nkeep-alive = 3\nworker_tmp_dir = \"a\"\n[ap]\n").1;
    let expected = [
        "ap from rsgi.toml:7: there is no such setting; did you mean app?",
        "wokers from rsgi.toml:4: there is no such setting; did you mean workers?",
        "keep-alive from rsgi.toml:5: there is no such setting; did you mean keepalive?",
        "worker_tmp_dir from rsgi.toml:6: Gunicorn has this setting",
        "speed from rsgi.toml:2: there is no such setting; sections are [serve] and [app]",
        "workers from rsgi.toml:1: settings stand in the section [serve]",
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:?}");
    for part in expected {
        assert!(faults.iter().any(|fault| fault.starts_with(part)), "{part} is not in {faults:?}");
    }
}

#[test]
fn every_syntax_error_is_told_with_its_line() {
    let (content, faults) = told("[serve]\nworkers = \nbind = \"x\ntimeout = 3\n");
    assert!(content.is_none() && faults.len() >= 2, "{faults:?}");
    assert!(faults.iter().all(|fault| fault.starts_with("config from rsgi.toml:")), "{faults:?}");
}

#[test]
fn a_decimal_mode_is_refused_before_it_opens_a_socket_to_everybody() {
    let faults = told("[serve]\nunix_mode = 660\n").1;
    assert_eq!(
        faults,
        [
            "unix_mode \"660\" from rsgi.toml:2: this is a decimal number, and permission bits are octal; write 0o660 or \"660\""
        ]
    );
    assert!(told("[serve]\nunix_mode = 0o660\numask = \"022\"\n").1.is_empty());
}

#[test]
fn a_value_of_another_type_is_refused() {
    for (line, part) in [
        ("daemon = \"yes\"", "write true or false without quotes"),
        ("workers = 2026-01-01", "no such type"),
        ("workers = [1]", "no such type"),
        ("workers = { a = 1 }", "no such type"),
        ("config = \"a\"", "a file can't set this; use the flag --config or the variable RSGI_CONFIG"),
    ] {
        let faults = told(&format!("[serve]\n{line}\n")).1;
        assert!(faults.len() == 1 && faults[0].contains(part), "{line}: {faults:?}");
    }
    assert!(told("serve = 1\n").1[0].contains("begin it with [serve]"));
}

#[test]
fn a_file_that_nobody_named_need_not_be_there() {
    let path = std::env::temp_dir().join("rsgi-there-is-no-such-file.toml");
    let mut faults = Vec::new();
    assert!(read(&path, "x.toml", Wanted::May, &Origin::Default, &mut faults).is_some());
    assert!(faults.is_empty());
    let flag = Origin::Flag("--config".to_owned());
    assert!(read(&path, "x.toml", Wanted::Must, &flag, &mut faults).is_none());
    let fault = faults[0].to_string();
    assert!(fault.starts_with("config \"x.toml\" from the flag --config: it can't be read"), "{fault}");
}

#[test]
fn a_file_of_gunicorns_is_told_to_be_one_and_not_line_by_line() {
    let mut faults = Vec::new();
    assert!(parse("import os\nworkers = os.cpu_count()\n", "gunicorn.conf.py", &mut faults).is_none());
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    let said = fault.to_string();
    assert!(said.contains("gunicorn.conf.py") && said.contains("is written in Python"), "{said}");
}
