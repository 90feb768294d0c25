//! `upload`: what arrives whole is kept and summed, what arrives broken leaves nothing.

use std::fs;

use crate::child::{Child, SERVERS};

#[test]
fn an_upload_is_stored_and_its_sum_told() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_upload"), server);
        let head = "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
        for body in [
            "Content-Length: 3\r\n\r\nabc",
            "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        ] {
            let answer = child.exchange(&format!("{head}{body}"));
            assert_eq!(answer.status(), "201", "{}", answer.text());
            let text = answer.text();
            let (path, sum) =
                text.trim_end().strip_prefix("3 bytes in ").unwrap().split_once(", SHA-256 ").unwrap();
            assert_eq!(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
            assert_eq!(fs::read(path).unwrap(), b"abc");
            fs::remove_file(path).unwrap();
        }
        assert_eq!(child.ask("GET /", "").field("allow"), "put, post");
        child.end();
    }
}

#[test]
fn a_truncated_upload_leaves_no_file() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_upload"), server);
        let mut client = child.connect();
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
        client.finish();
        client.rest();
        let left = format!("rsgi-upload-{}-", child.id());
        child.end();
        let names = fs::read_dir(std::env::temp_dir()).unwrap().flatten().map(|entry| entry.file_name());
        assert!(!names.into_iter().any(|name| name.to_string_lossy().starts_with(&left)));
    }
}
