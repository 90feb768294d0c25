//! That the Python of the pages runs, and that its WSGI applications answer as the page says.
//!
//! `wsgi.py` runs a page's blocks in one namespace and asks each callable of the shape `(environ, start_response)` under
//! `wsgiref.validate`. What imports Flask runs by the Python that `./check tools` installs it for, and is skipped, with a line
//! that says so, where there is none.
#![expect(clippy::print_stdout, reason = "what is skipped is said")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::page::{Block, page, pages};

/// What an application is asked, and answers: its name, method, path, content; status and content.
type Asked = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

/// The WSGI applications of `from-wsgi.md`.
const ANSWERS: &[Asked] = &[
    ("simple_app", "GET", "/", "", "200 OK", "Hello world!\n"),
    ("table", "GET", "/", "", "200 OK", "1: 1\n2: 4\n3: 9\n"),
    ("report", "GET", "/", "", "200 OK", "one\ntwo\n"),
    ("fragile", "GET", "/7", "", "200 OK", "7\n"),
    ("fragile", "GET", "/x", "", "404 Not Found", "no number\n"),
    ("shout", "POST", "/", "quiet", "200 OK", "QUIET"),
    ("loud", "GET", "/", "", "200 OK", "HELLO WORLD!\n"),
    ("download", "GET", "/", "", "200 OK", include_str!("../../Cargo.toml")),
];

/// The same of the factory that is written with Flask: as the page's, in Rust, would without a title in its settings.
const FLASK: &[Asked] = &[("create_app()", "GET", "/ping", "", "200 OK", "shop: pong")];

#[test]
fn every_block_of_python_is_python() {
    for page in pages() {
        for block in page.blocks_of("python") {
            let output = run(PYTHON, "import ast, sys; ast.parse(sys.stdin.read())", &block.code);
            assert!(output.is_empty(), "{}:{}: {output}", page.path, block.line);
        }
    }
}

#[test]
fn every_wsgi_application_of_the_book_keeps_pep_3333_and_answers_as_it_says() {
    let blocks: Vec<Block> = page("from-wsgi.md").blocks_of("python");
    let (flask, plain): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|block| block.code.contains("flask"));
    let answers = answers(PYTHON, &plain, ANSWERS);
    let found: Vec<&str> =
        answers["applications"].as_array().unwrap().iter().filter_map(|it| it.as_str()).collect();
    let unasked: Vec<_> =
        found.iter().filter(|name| !ANSWERS.iter().any(|answer| answer.0 == **name)).collect();
    assert!(unasked.is_empty(), "applications that no line of ANSWERS asks: {unasked:?}");
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/.venv/bin/python");
    if Path::new(python).exists() {
        self::answers(python, &flask, FLASK);
    } else {
        println!("skipped: no Flask here to run its block with; `./check tools` installs it");
    }
}

/// Runs blocks and asks the applications in them, which answer as they should; gives what was found.
fn answers(python: &str, blocks: &[Block], expected: &[Asked]) -> serde_json::Value {
    let code: Vec<_> = blocks.iter().map(|block| &block.code).collect();
    let requests: Vec<_> =
        expected.iter().map(|(name, method, path, content, ..)| [name, method, path, content]).collect();
    let given = serde_json::json!({ "code": code, "requests": requests }).to_string();
    let output = run(python, include_str!("../../wsgi.py"), &given);
    let answers: serde_json::Value =
        serde_json::from_str(&output).unwrap_or_else(|_| panic!("it failed:\n{output}"));
    for (index, (name, .., status, content)) in expected.iter().enumerate() {
        let answer = &answers["answers"][index];
        assert_eq!((answer[0].as_str(), answer[1].as_str()), (Some(*status), Some(*content)), "{name}");
    }
    answers
}

/// What a program printed: its output, or what is wrong with it.
fn run(python: &str, program: &str, input: &str) -> String {
    try_run(python, program, input).unwrap_or_else(|error| panic!("{python}: {error}"))
}

fn try_run(python: &str, program: &str, input: &str) -> std::io::Result<String> {
    let mut child = Command::new(python)
        .args(["-I", "-W", "error", "-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let printed = if output.status.success() { output.stdout } else { output.stderr };
    Ok(String::from_utf8_lossy(&printed).into_owned())
}

/// The machine's own.
const PYTHON: &str = "python3";
