//! What can't be started says why and what to do, and exits with an error.

use std::net::TcpListener;
use std::process::{Command, Output};

use crate::child::SERVERS;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hello")).args(arguments).output().unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!((text.lines().count(), text.starts_with("error: ")), (1, true), "{text}");
    text
}

#[test]
fn a_wrong_flag_is_named_with_its_remedy() {
    for server in SERVERS {
        for (flag, value, remedy) in [
            ("--bind", "nowhere", "add one, such as :8000"),
            ("--bind", "127.0.0.1:65536", "write host:8000"),
            ("--bind", "unix:/no/such/folder/a.sock", "create it or choose another path"),
            ("--threads", "none", "choose a number from 1"),
        ] {
            let text = refused(&["--server", server, flag, value]);
            assert!(text.contains(&format!("{} {value}", &flag[2..])) && text.contains(remedy), "{text}");
        }
    }
    assert!(refused(&["--server", "apache"]).contains("choose one of: std, hyper"));
    assert!(refused(&["--colour"]).contains("--help shows what there is"));
}

#[test]
fn an_address_in_use_is_named_with_its_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for server in SERVERS {
        let text = refused(&["--server", server, "--bind", &address]);
        assert!(text.contains(&format!("bind {address}: address already in use; ")), "{text}");
        assert!(text.contains("choose another address with --bind"), "{text}");
    }
}

#[test]
fn help_names_every_flag() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for flag in ["--server", "--bind", "--threads"] {
        assert!(text.contains(flag), "{text}");
    }
}
