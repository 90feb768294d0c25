//! Record and replay: a request and its body as a file, which survives the round trip and asks the same again.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rsgi_core::http::{StatusCode, Version};
use rsgi_core::{App, Environ, Mount, Scheme, app_fn, blocking};
use rsgi_test::{Client, ClientErrorKind, Fixture, Memory, recording};

use crate::apps::{echo, echo_blocking};

/// A folder that goes with its test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rsgi-test-fixtures-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone_already = fs::remove_dir_all(&self.0);
    }
}

/// Keeps what it records of each request, mounted under `/shop`.
fn keeping(kept: &Arc<Mutex<Vec<Fixture>>>) -> impl App {
    let kept = Arc::clone(kept);
    let recorder = app_fn(move |mut environ: Environ, start_response| {
        let kept = Arc::clone(&kept);
        async move {
            let fixture = Fixture::record(&mut environ).await?;
            kept.lock().unwrap().push(fixture);
            Ok(start_response.status(StatusCode::OK).empty())
        }
    });
    Mount::new().at("/shop", recorder)
}

#[test]
fn a_replayed_request_is_recorded_as_the_one_before() {
    let kept = Arc::default();
    let peer: SocketAddr = "192.0.2.7:4711".parse().unwrap();
    let client = Client::with(keeping(&kept), Memory::new().peer(peer).scheme(Scheme::Https));
    let bytes: Vec<u8> = (0..=255).collect();
    client.post("/shop/cart?a=b%20c").header("x-odd", b"caf\xe9 \\n".as_slice()).body(bytes).answer();
    client.put("/shop/x").pieces(["in", "pieces"]).trailers(&[("x-sum", "8")]).answer();
    client.get("/shop").version(Version::HTTP_10).answer();
    client.post("/shop/").body("").answer();
    client.get("http://example.com/shop/abs").version(Version::HTTP_2).answer();
    client.post("/shop/").body("ends with breaks\r\n\n\n").answer();
    let first = std::mem::take(&mut *kept.lock().unwrap());
    assert_eq!(first.len(), 6);
    let other = Arc::default();
    for fixture in &first {
        let read: Fixture = fixture.to_string().parse().unwrap();
        assert_eq!(&read, fixture, "{fixture}");
        // Recorded within the mount: replayed there.
        let recorder = Arc::clone(&other);
        let within = app_fn(move |mut environ: Environ, start_response| {
            let other: Arc<Mutex<Vec<Fixture>>> = Arc::clone(&recorder);
            async move {
                let fixture = Fixture::record(&mut environ).await?;
                other.lock().unwrap().push(fixture);
                Ok(start_response.status(StatusCode::OK).empty())
            }
        });
        assert_eq!(Client::new(within).replay(&read).answer().status(), 200);
    }
    assert_eq!(*other.lock().unwrap(), first);
}

#[test]
fn the_middleware_writes_a_file_a_request_and_the_app_notices_nothing() {
    let folder = Folder::new();
    for client in [
        Client::new(recording(echo, &folder.0)),
        Client::new(recording(blocking(echo_blocking), &folder.0)),
        Client::with(recording(blocking(echo_blocking), &folder.0), Memory::new().threads()),
    ] {
        let bytes: Vec<u8> = (0..=255).rev().collect();
        let answer = client.post("/").body(bytes.clone()).answer();
        assert_eq!(answer.body(), &bytes);
        assert_eq!(client.post("/").pieces(["two ", "pieces"]).answer().text(), "two pieces");
    }
    let files = folder.files();
    assert_eq!(files.len(), 6);
    let client = Client::new(echo);
    for file in &files {
        let fixture = Fixture::read(file).unwrap();
        assert!(matches!(client.replay(&fixture).answer().body().len(), 256 | 10), "{fixture}");
    }
}

#[test]
fn a_file_can_be_written_by_hand() {
    let folder = Folder::new();
    let path = folder.0.join("order.http");
    let text = "# An order that once went wrong.\n## script-name: /shop\nPOST /shop/order HTTP/1.1\nhost: a.example\ncontent-length: 5\n\nthree\n";
    fs::write(&path, text).unwrap();
    let client = Client::new(app_fn(|mut environ: Environ, start_response| async move {
        assert_eq!((environ.script_name(), environ.path_info()), ("/shop", "/order"));
        let body = environ.input_mut().collect(10).await?;
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    assert_eq!(client.replay(&Fixture::read(&path).unwrap()).answer().text(), "three");
}

#[test]
fn a_replay_adds_nothing_of_the_clients_own() {
    let fixture: Fixture = "GET /x HTTP/1.0\n\n".parse().unwrap();
    let client = Client::new(app_fn(|environ: Environ, start_response| async move {
        let fields = environ.headers().len();
        Ok(start_response.status(StatusCode::OK).body(format!("{} {fields}", environ.target())))
    }));
    assert_eq!(client.default_header("x-a", "1").base("/pre").replay(&fixture).answer().text(), "/x 0");
}

#[test]
fn what_is_no_fixture_is_told_with_the_line_at_fault() {
    for (text, fault) in [
        ("", "no empty line"),
        ("## colour: red\nGET / HTTP/1.1\n\n", "colour"),
        ("## peer: nowhere\nGET / HTTP/1.1\n\n", "nowhere"),
        ("# only a comment\n\n", "no request line"),
        ("GET /\n\n", "GET /"),
        ("GET / HTTP/9\n\n", "HTTP/9"),
        ("GET / HTTP/1.1\nno colon\n\n", "no colon"),
        ("POST / HTTP/1.1\n\n\\q", "escape"),
    ] {
        let error = text.parse::<Fixture>().unwrap_err();
        assert!(error.kind() == ClientErrorKind::Fixture && error.to_string().contains(fault), "{error}");
    }
    let missing = Fixture::read("/no/such/file.http").unwrap_err();
    assert_eq!(missing.kind(), ClientErrorKind::Fixture);
}
