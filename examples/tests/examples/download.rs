//! `download`: the whole file, a part of it, and parts that don't exist.

use std::fs;

use crate::child::{Child, SERVERS};

#[test]
fn a_file_is_sent_whole_or_in_part() {
    let program = env!("CARGO_BIN_EXE_download");
    let file = fs::read(program).unwrap();
    for server in SERVERS {
        let child = Child::start(program, server);
        let whole = child.ask("GET /", "");
        assert_eq!((whole.status(), whole.field("accept-ranges")), ("200", "bytes"));
        assert!(whole.body == file, "{} bytes of {}", whole.body.len(), file.len());
        let (length, tag) = (file.len(), whole.field("etag").to_owned());

        let part = child.ask("GET /", "Range: bytes=1-3\r\n");
        assert_eq!((part.status(), &*part.body), ("206", &file[1..=3]));
        assert_eq!(part.field("content-range"), format!("bytes 1-3/{length}"));
        let part = child.ask("GET /", &format!("Range: bytes=-5\r\nIf-Range: {tag}\r\n"));
        assert_eq!((part.status(), &*part.body), ("206", &file[length - 5..]));

        let outside = child.ask("GET /", &format!("Range: bytes={length}-\r\n"));
        assert_eq!(
            (outside.status(), outside.field("content-range")),
            ("416", &*format!("bytes */{length}"))
        );
        for fields in
            ["Range: bytes=0-1\r\nIf-Range: \"old\"\r\n", "Range: lines=1-2\r\n", "Range: bytes=0-1,5-6\r\n"]
        {
            assert_eq!(child.ask("GET /", fields).status(), "200", "{fields}");
        }
        let head = child.ask("HEAD /", "Range: bytes=1-3\r\n");
        assert_eq!((head.status(), head.field("content-length")), ("200", &*length.to_string()));
        assert!(head.body.is_empty());
        child.end();
    }
}
