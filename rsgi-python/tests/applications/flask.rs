//! Flask beyond the talk's application: sessions, streams, files, uploads, hooks and faults.

use rsgi_test::{Client, ClientErrorKind};

use crate::served::{Application, Served, digest, noise};

const FEATURES: Application = Application { needs: "flask", folder: "features", name: "app:create_app()" };

#[test]
fn a_request_arrives_whole() {
    FEATURES.alike(|served| {
        assert!(served.get("/").text().contains(r#""greeting":"hello""#));
        let answer = served.ask(
            served
                .client
                .request("PATCH", "/mirror/a%20b/%C3%A9/c%2Fd?x=1&x=%26&%C3%BC=y+z")
                .header("x-one", "1, 2")
                .header("x-latin", b"caf\xe9".as_slice())
                .header("cookie", "a=1; b=\"2\"")
                .body("gr\u{fc}n"),
        );
        let text = answer.text();
        for told in [
            r#""path":"/mirror/a b/\u00e9/c/d""#,
            r#""args":{"x":["1","&"],"\u00fc":["y z"]}"#,
            r#""X-Latin":"caf\u00e9""#,
            r#""cookies":{"a":"1","b":"2"}"#,
            r#""data":"gr\u00fcn""#,
            r#""remote":"127.0.0.1""#,
            r#""url":"http://HOST/mirror/a%20b/"#,
        ] {
            assert!(text.contains(told), "{told} is not in {text}");
        }
        // Gunicorn joins them by a comma alone; RFC 9110 section 5.3 asks for a space, too.
        let repeated = served.client.get("/mirror/x").header("x-many", "1").header("x-many", "2").answer();
        assert!(repeated.text().replace(", ", ",").contains(r#""X-Many":"1,2""#), "{}", repeated.text());
    });
}

#[test]
fn answers_without_content_redirects_and_cookies_are_whole() {
    FEATURES.alike(|served| {
        let nothing = served.get("/nothing");
        assert_eq!((nothing.status(), nothing.body().len()), (204, 0));
        let old = served.get("/old");
        assert_eq!((old.status(), old.field("location")), (308, Some("/?name=new")));
        let cookies = served.get("/cookies");
        assert_eq!(cookies.status(), 202);
        assert_eq!(cookies.all("set-cookie").len(), 2);
        assert_eq!(cookies.all("set-cookie")[0], "a=1; HttpOnly; Path=/; SameSite=Lax");
        // Behind each of these the connection goes on.
        assert_eq!(served.get("/nothing").status(), 204);
    });
}

#[test]
fn a_session_lasts_from_request_to_request() {
    FEATURES.alike(|served| {
        let client = Client::live(&format!("http://{}", served.address)).unwrap();
        let client = client.keep_cookies().follow_redirects(2);
        assert_eq!(served.ask(client.get("/me")).text(), "nobody");
        assert_eq!(served.ask(client.post("/login").form(&[("user", "Zo\u{eb}")])).text(), "Zo\u{eb}");
        assert_eq!(served.ask(client.get("/me")).text(), "Zo\u{eb}");
        // Another client has none of it.
        assert_eq!(served.get("/me").text(), "nobody");
        let lines = served.ask(client.get("/lines?count=2"));
        assert_eq!(lines.text(), "/lines 0 Zo\u{eb}\n/lines 1 Zo\u{eb}\n");
        assert_eq!(served.ask(client.post("/logout")).status(), 204);
        assert_eq!(served.ask(client.get("/me")).text(), "nobody");
        let forged = client.get("/me").header("cookie", "session=eyJ1c2VyIjoiZXZlIn0.aaaa.bbbb");
        assert_eq!(served.ask(forged).text(), "nobody");
    });
}

#[test]
fn each_piece_of_a_stream_goes_on_as_it_comes() {
    FEATURES.alike(|served| {
        let mut open = served.client.get("/pieces").open().unwrap();
        assert_eq!(open.head().unwrap().status(), 200);
        assert_eq!(open.piece().unwrap().unwrap(), "first\n");
        // What the generator waits for comes from another request, while this one is under way.
        assert_eq!(served.ask_on_another_connection("POST", "/go").status(), 204);
        assert_eq!(open.piece().unwrap().unwrap(), "second\n");
        assert!(open.piece().is_none());
        let many = served.get("/lines?count=10000");
        assert_eq!(many.text().lines().count(), 10_000);
    });
}

#[test]
fn a_stream_whose_client_went_away_is_closed() {
    FEATURES.alike(|served| {
        let mut open = served.client.get("/endless").open().unwrap();
        for _ in 0..10 {
            assert!(!open.piece().unwrap().unwrap().is_empty());
        }
        open.vanish();
        served.log().said("the endless stream was closed");
    });
}

#[test]
fn a_stream_that_breaks_is_not_taken_for_whole() {
    FEATURES.alike(|served| {
        let error = served.client.get("/breaks").send().unwrap_err();
        assert_eq!(error.kind(), ClientErrorKind::Broken);
        let came = error.came().unwrap();
        assert_eq!((came.status(), came.text()), (200, "so far so good"));
        served.log().said("Traceback (most recent call last)");
        served.log().said("RuntimeError: the stream broke");
        assert_eq!(served.get("/me").text(), "nobody");
    });
}

#[test]
fn a_file_is_sent_whole_in_parts_and_not_again() {
    FEATURES.alike(|served| {
        let whole = served.get("/file");
        assert_eq!((whole.status(), whole.text()), (200, "abcdefghijklmnopqrstuvwxyz"));
        assert_eq!(whole.field("content-length"), Some("26"));
        let (tag, day) = (whole.field("etag").unwrap(), whole.field("last-modified").unwrap());
        let with = |name: &str, value: &str| served.ask(served.client.get("/file").header(name, value));
        let head = served.ask(served.client.head("/file"));
        assert_eq!((head.status(), head.field("content-length"), head.body().len()), (200, Some("26"), 0));
        for (range, part, told) in [
            ("bytes=0-0", "a", "bytes 0-0/26"),
            ("bytes=3-7", "defgh", "bytes 3-7/26"),
            ("bytes=-2", "yz", "bytes 24-25/26"),
            ("bytes=20-", "uvwxyz", "bytes 20-25/26"),
        ] {
            let answer = with("range", range);
            assert_eq!(
                (answer.status(), answer.text(), answer.field("content-range")),
                (206, part, Some(told)),
                "{range}"
            );
        }
        assert_eq!(with("range", "bytes=26-").status(), 416);
        for (name, value) in [("if-none-match", tag), ("if-modified-since", day)] {
            let answer = with(name, value);
            assert_eq!((answer.status(), answer.body().len()), (304, 0), "{name}");
        }
        let stale = served.client.get("/file").header("range", "bytes=0-0").header("if-range", "\"another\"");
        assert_eq!(served.ask(stale).status(), 200);
        let attachment = served.get("/attachment");
        let disposition = attachment.field("content-disposition").unwrap();
        assert!(disposition.contains("filename*=UTF-8''gr%C3%B6%C3%9Fe%201.txt"), "{disposition}");
    });
}

#[test]
fn files_are_uploaded_by_a_form() {
    FEATURES.alike(|served| {
        let (small, big) = (b"two\r\nlines".to_vec(), noise(2_000_000));
        let content = [
            part("name=\"title\"", "", "Gr\u{fc}n".as_bytes()),
            part("name=\"title\"", "", b"again"),
            part("name=\"f\"; filename=\"sm\u{e4}ll.txt\"", "Content-Type: text/plain\r\n", &small),
            part("name=\"f\"; filename=\"big.bin\"", "Content-Type: application/x-big\r\n", &big),
            b"--frontier--\r\n".to_vec(),
        ]
        .concat();
        let kind = "multipart/form-data; boundary=frontier";
        let known = served.client.post("/upload").header("content-type", kind).body(content.clone());
        let answer = served.ask(known);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        for told in [
            r#""form":{"title":["Gr\u00fcn","again"]}"#,
            r#""name":"sm\u00e4ll.txt""#,
            r#""length":10,"#,
            r#""type":"application/x-big""#,
            &digest(&small),
            &digest(&big),
        ] {
            assert!(answer.text().contains(told), "{told} is not in {}", answer.text());
        }
        // Of unknown length it is the same; Flask reads it as `wsgi.input_terminated` is true.
        let pieces: Vec<Vec<u8>> = content.chunks(33_333).map(<[u8]>::to_vec).collect();
        let unknown = served.ask(served.client.post("/upload").header("content-type", kind).pieces(pieces));
        assert_eq!(unknown.text(), answer.text());
    });
}

#[test]
fn content_of_any_length_is_read_or_left() {
    FEATURES.alike(|served| {
        for length in [0, 1, 8_191, 65_536, 3_000_000] {
            let content = noise(length);
            let whole = served.ask(served.client.post("/digest").body(content.clone()));
            assert_eq!(whole.text(), digest(&content), "{length} bytes");
            let pieces: Vec<Vec<u8>> = content.chunks(10_007).map(<[u8]>::to_vec).collect();
            let chunked = served.ask(served.client.post("/digest").pieces(pieces));
            assert_eq!(chunked.text(), digest(&content), "{length} bytes in chunks");
            let unread = served.ask(served.client.post("/unread").body(noise(length.min(50_000))));
            assert_eq!(unread.text(), "not looked at");
        }
        let mut open = served
            .client
            .post("/digest")
            .header("content-length", "4")
            .expect_continue()
            .by_hand()
            .open()
            .unwrap();
        open.feed("abcd");
        assert_eq!(served.see(open.finish()).text(), digest(b"abcd"));
    });
}

#[test]
fn what_is_too_long_for_flask_is_refused() {
    let limited = Application { name: "app:create_app(limit=1000)", ..FEATURES };
    limited.alike(|served| {
        assert_eq!(served.ask(served.client.post("/digest").body(noise(1000))).status(), 200);
        let refused = served.ask(served.client.post("/digest").body(noise(1001)));
        assert_eq!(refused.status(), 413);
        assert_eq!(refused.text().trim(), r#"{"code":413,"name":"Request Entity Too Large"}"#);
        // Of unknown length Flask reads no more than that.
        served.ask(served.client.post("/digest").pieces(vec![noise(700), noise(700)]));
    });
}

#[test]
fn hooks_run_around_each_request_and_after_its_end() {
    FEATURES.alike(|served| {
        assert_eq!(served.get("/").field("x-after"), Some("seen"));
        let stopped = served.ask(served.client.get("/").header("x-stop", "1"));
        assert_eq!((stopped.status(), stopped.text()), (403, "stopped before"));
        assert_eq!(served.get("/closes").text(), "closes");
        served.log().said("called on close");
    });
}

#[test]
fn faults_are_answered_by_their_handlers_and_told_to_the_log_alone() {
    FEATURES.alike(|served| {
        let missing = served.get("/nowhere");
        assert_eq!((missing.status(), missing.text()), (404, "nothing at /nowhere"));
        let stock = served.get("/stock");
        assert_eq!((stock.status(), stock.text().trim()), (409, r#"{"fault":"no more of it"}"#));
        assert_eq!(served.get("/teapot").status(), 418);
        let fault = served.get("/fault");
        assert_eq!(fault.status(), 500);
        assert!(!fault.text().contains("nobody handles"), "{}", fault.text());
        served.log().said("Exception on /fault [GET]");
        served.log().said("Traceback (most recent call last)");
        served.log().said("RuntimeError: a fault that nobody handles");
        // Past Flask it is the server that answers, each in its own words.
        let bare = served.client.get("/bare").answer();
        assert_eq!(bare.status(), 500);
        assert!(!bare.text().contains("framework"), "{}", bare.text());
        served.log().said("Traceback (most recent call last)");
        served.log().said("RuntimeError: a fault past the framework");
        assert_eq!(served.get("/me").text(), "nobody");
    });
}

#[test]
fn a_factory_gets_its_arguments() {
    let greets = Application { name: "app:create_app('g\u{fc}n', limit=10)", ..FEATURES };
    greets.alike(|served: &mut Served| {
        assert!(served.get("/?name=a").text().contains(r#""greeting":"g\u00fcn","name":"a""#));
    });
}

/// A part of a form (RFC 7578).
fn part(disposition: &str, fields: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--frontier\r\nContent-Disposition: form-data; {disposition}\r\n{fields}\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}
