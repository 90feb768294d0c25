//! That the launcher has every flag and command that a page names.
//!
//! A command line of a block is tried as it stands, with `--print-config` so that nothing is served; of one that begins with a command
//! the help of that command is asked. A flag within a sentence is tried by itself. The program is `shop`; cargo's own flags end
//! at `--`.

use std::process::{Command, Output};

use crate::page::pages;

/// Flags in sentences that are another program's.
const OTHERS: [(&str, &str); 2] =
    [("--pythonpath", "of rsgi-python"), ("--enable-shared", "of Python's own configure")];

#[test]
fn the_launcher_takes_every_command_line_of_the_book() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for page in pages() {
        for block in page.blocks_of("sh") {
            for line in block.code.replace("\\\n", " ").lines() {
                let Some((variables, arguments)) = to_the_launcher(line) else { continue };
                tried += 1;
                let output = try_line(&variables, &arguments);
                if !output.status.success() {
                    wrong.push(format!("{}:{}: {line}\n{}", page.path, block.line, text(&output)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 5, "the lines weren't found: {tried}");
}

#[test]
fn the_launcher_has_every_flag_that_a_sentence_names() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for page in pages() {
        for (line, code) in
            page.inline().into_iter().filter(|(_, code)| code.starts_with("--") && code.len() > 2)
        {
            for flag in code.split_whitespace().filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap_or_default();
                if OTHERS.iter().any(|(other, _)| *other == flag) {
                    continue;
                }
                tried += 1;
                let text = text(&launch(&[], &["--print-config", flag]));
                if text.contains("unexpected argument") || text.contains("this server hasn't") {
                    wrong.push(format!("docs/{}:{line}: {flag}", page.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "no such flags: {wrong:#?}");
    assert!(tried >= 20, "the flags weren't found: {tried}");
}

#[test]
fn a_command_line_is_taken_apart() {
    let line = "RSGI_THREADS=2 ./shop -w 5 # five processes";
    let (variables, arguments) = to_the_launcher(line).unwrap();
    assert_eq!((variables, arguments), (vec![("RSGI_THREADS", "2")], vec!["-w", "5"]));
    assert_eq!(to_the_launcher("cargo run --release -- -w 5").unwrap().1, ["-w", "5"]);
    assert!(to_the_launcher("gunicorn -w 5 shop:app").is_none());
    assert!(to_the_launcher("cargo test --workspace").is_none());
    assert!(!try_line(&[], &["--nowhere"]).status.success());
    assert!(!try_line(&[], &["nothing", "--json"]).status.success());
    assert!(!try_line(&[], &["show", "--nowhere"]).status.success());
}

type Taken<'a> = (Vec<(&'a str, &'a str)>, Vec<&'a str>);

/// The variables and arguments that a line gives the launcher; `None` if it starts another program.
fn to_the_launcher(line: &str) -> Option<Taken<'_>> {
    let line =
        line.split(" #").next().unwrap_or_default().split(['|', ';', '>']).next()?.trim_end_matches(" &");
    let mut words = line.split_whitespace().peekable();
    let mut variables = Vec::new();
    while let Some(pair) = words.peek().and_then(|word| word.split_once('=')) {
        variables.push(pair);
        words.next();
    }
    match words.next()?.rsplit('/').next()? {
        "shop" => {}
        "cargo" if words.next() == Some("run") => {
            // The examples but `ping` have flags of their own.
            let cargo: Vec<_> = words.by_ref().take_while(|word| *word != "--").collect();
            let own = cargo.iter().any(|word| word.starts_with("rsgi-")) && !cargo.contains(&"ping");
            if own || words.peek().is_none() {
                return None;
            }
        }
        _ => return None,
    }
    Some((variables, words.collect()))
}

fn try_line(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    match arguments {
        [name, rest @ ..] if !name.starts_with('-') => {
            // A command's name and flags; its operands need a running master.
            let help = launch(&[], &[name, "--help"]);
            let known = String::from_utf8_lossy(&help.stdout).into_owned();
            let unknown =
                rest.iter().filter(|word| word.starts_with('-')).find(|flag| !known.contains(**flag));
            unknown.map_or(help, |flag| launch(&[], &[flag]))
        }
        flags => launch(variables, &[&["--print-config"], flags].concat()),
    }
}

/// Runs the program with neither a file nor variables of whoever runs the tests.
fn launch(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.env_clear().current_dir(std::env::temp_dir()).envs(variables.iter().copied()).args(arguments);
    command.output().unwrap_or_else(|error| panic!("shop: {error}"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
