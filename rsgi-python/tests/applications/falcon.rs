//! Falcon, nearest to the server: uploads read in every way, downloads through `wsgi.file_wrapper`, streams.

use crate::served::{Application, Host, OURS, digest, noise};

const FALCON: Application = Application { needs: "falcon", folder: "files", name: "app:app" };

#[test]
fn an_upload_is_read_in_every_way() {
    FALCON.alike(|served| {
        let long = noise(300_000);
        let texts: [&[u8]; 5] = [b"", b"one line without an end", b"a\nbc\n\ndef\r\n", b"\n", &long];
        for way in WAYS {
            for text in texts {
                let told = format!("{} {}", text.len(), digest(text));
                let target = format!("/reads/{way}");
                let known = served.ask(served.client.post(&target).body(text.to_vec()));
                assert_eq!((known.status(), known.text()), (200, &*told), "{way}");
                assert_eq!(known.field("x-behind"), Some("[b'', b'', b'', []]"), "{way}");
                // In chunks that end elsewhere than lines do.
                let pieces: Vec<Vec<u8>> = text.chunks(4_099).map(<[u8]>::to_vec).collect();
                let chunked = served.ask(served.client.post(&target).pieces(pieces));
                assert_eq!((chunked.status(), chunked.text()), (200, &*told), "{way} of chunks");
                assert_eq!(chunked.field("x-pieces"), known.field("x-pieces"), "{way} of chunks");
            }
        }
    });
}

#[test]
fn falcons_own_stream_and_forms_are_read() {
    FALCON.alike(|served| {
        let content = noise(100_000);
        let told = format!("{} {}", content.len(), digest(&content));
        assert_eq!(served.ask(served.client.post("/bounded").body(content.clone())).text(), told);
        let head = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n\"\r\n\r\n";
        let form = [head.as_bytes(), &content, b"\r\n--b--\r\n"].concat();
        let put = served.client.put("/bounded").header("content-type", "multipart/form-data; boundary=b");
        let answer = served.ask(put.body(form));
        assert_eq!(answer.text(), format!(r#"[["f", "n", 100000, "{}"]]"#, digest(&content)));
    });
}

#[test]
fn a_line_goes_back_while_the_next_is_still_to_come() {
    if !FALCON.is_here() {
        return;
    }
    // Gunicorn first reads so many bytes.
    for host in OURS {
        // Else small content is gathered before a thread is taken for it.
        let served = FALCON.on(host, &["--request-buffer", "0"]);
        let mut open = served.client.post("/echo").by_hand().open().unwrap();
        for line in ["one\n", "two\n", "three\n"] {
            open.feed(line);
            assert_eq!(open.piece().unwrap().unwrap(), line.to_uppercase());
        }
        open.end_input();
        assert!(open.piece().is_none());
        served.end();
    }
}

#[test]
fn an_empty_piece_ends_no_stream() {
    FALCON.alike(|served| {
        let mut open = served.client.get("/pieces").open().unwrap();
        assert_eq!(open.piece().unwrap().unwrap(), "first\n");
        assert_eq!(served.ask_on_another_connection("POST", "/pieces").status(), 204);
        assert_eq!(open.piece().unwrap().unwrap(), "second\n");
        assert!(open.piece().is_none());
    });
}

#[test]
fn what_is_wrapped_as_a_file_is_downloaded() {
    FALCON.alike(|served| {
        for kind in ["file", "memory", "reader"] {
            for length in [0, 1, 8_192, 1_000_000] {
                for sized in ["", "&sized=true"] {
                    // Of no content at all Gunicorn sends the end twice.
                    if (length, sized) == (0, "") {
                        continue;
                    }
                    let content: Vec<u8> = (0..=250).cycle().take(length).collect();
                    let target = format!("/download/{kind}?length={length}{sized}");
                    let answer = served.get(&target);
                    assert_eq!(answer.status(), 200, "{target}");
                    assert!(answer.body()[..] == content, "{target}: {} bytes", answer.body().len());
                    // Gunicorn answers HEAD with chunks where the length is unknown.
                    if sized.is_empty() && served.host == Host::Gunicorn {
                        continue;
                    }
                    let head = served.client.head(&target).answer();
                    assert_eq!((head.status(), head.body().len()), (200, 0), "{target}");
                }
            }
        }
        // From where the file stands.
        let rest = served.get("/download/file?length=500&from=400");
        let content: Vec<u8> = (0..=250).cycle().take(500).skip(400).collect();
        assert_eq!(rest.body()[..], content);
        served.log().said("the reader of 1000000 was closed");
        let mut open = served.client.get("/download/reader?length=20000000").open().unwrap();
        assert!(open.piece().unwrap().is_ok());
        open.vanish();
        served.log().said("the reader of 20000000 was closed");
    });
}

#[test]
fn the_server_says_what_it_is() {
    FALCON.alike(|served| {
        let answer = served.get("/facts/a//b%2Fc/%E2%82%AC;d?q=%20&r");
        let text = answer.text();
        assert_eq!(answer.status(), 200, "{text}");
        for told in [
            r#""terminated": true"#,
            r#""version": [1, 0]"#,
            r#""native": true"#,
            r#""exactly a dict": true"#,
            r#""query": "q=%20&r""#,
        ] {
            assert!(text.contains(told), "{told} is not in {text}");
        }
    });
}

/// The methods of `Reads` in the application.
const WAYS: [&str; 10] = [
    "read",
    "read_some",
    "read_none",
    "readline",
    "readline_some",
    "readlines",
    "readlines_hint",
    "iterate",
    "mixed",
    "buffered",
];
