//! What real web servers sent (`tests/data/seen`), and what becomes of it: script name, path info, URI and target.
//!
//! Each file is one configuration of one server, each block a request with the variables that it came to; the first has
//! all of them. The line behind is ours: `RSGI_WRITE=1` writes it anew, for a person to judge.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::environ_of;

#[test]
fn what_web_servers_send_comes_to_the_same_whichever_it_is() {
    let (mut blocks, mut wrong) = (0, String::new());
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/seen");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let mut parts = text.split("\n== ");
        let mut written = parts.next().unwrap().to_owned();
        for block in parts {
            blocks += 1;
            let known = block.lines().find(|line| line.starts_with("> ")).unwrap_or_default();
            let now = line_of(block);
            if known != now {
                writeln!(wrong, "{}: {}\n  {known}\n  {now}", path.display(), block.lines().next().unwrap())
                    .unwrap();
            }
            let sent: Vec<_> =
                block.lines().filter(|line| !line.starts_with("> ") && !line.is_empty()).collect();
            write!(written, "\n== {}\n{now}\n", sent.join("\n")).unwrap();
        }
        if std::env::var_os("RSGI_WRITE").is_some() {
            fs::write(&path, written).unwrap();
            wrong.clear();
        }
    }
    assert!(blocks > 190, "{blocks} blocks: the data isn't there");
    assert!(wrong.is_empty(), "{wrong}");
}

/// What a block comes to.
fn line_of(block: &str) -> String {
    let variables = block.lines().skip(1).filter(|line| !line.starts_with("> ")).filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        Some((name.to_owned(), unescaped(value)))
    });
    match environ_of(variables) {
        Ok(environ) => {
            let (script_name, path_info) = (environ.script_name(), environ.path_info());
            let query = environ.query().unwrap_or("-");
            format!("> {script_name:?} {path_info:?} ? {query:?} target {:?}", environ.target())
        }
        Err(refusal) => format!("> {} {}", refusal.status.as_u16(), refusal.reason),
    }
}

/// `\xff` for bytes that aren't ASCII.
fn unescaped(value: &str) -> Vec<u8> {
    let mut parts = value.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}
