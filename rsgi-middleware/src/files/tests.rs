//! What `Files` serves of a real folder, what it never does, and what its answers say.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rsgi_core::http::{HeaderMap, HeaderValue, StatusCode};
use rsgi_core::{App, BoxApp, Middleware as _, Mount, Offload, Server, StartResponse, app_fn};
use rsgi_test::{Answer, Client, Memory};

use super::Files;
use crate::Coding;
use crate::elsewhere::Elsewhere;

/// A folder of its own for each test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let name = format!("rsgi-files-{}-{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed));
        let folder = Self(std::env::temp_dir().join(name).join("root"));
        std::fs::create_dir_all(&folder.0).unwrap();
        folder
    }

    /// Writes a file that was last changed when RFC 9110's example was.
    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.dated(name, content, UNIX_EPOCH + Duration::from_secs(784_111_777))
    }

    fn dated(self, name: &str, content: impl AsRef<[u8]>, modified: SystemTime) -> Self {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        self
    }

    fn link(self, name: &str, to: impl AsRef<Path>) -> Self {
        symlink(to, self.0.join(name)).unwrap();
        self
    }

    fn files(&self) -> Files {
        Files::new(&self.0).unwrap()
    }

    fn client(&self) -> Client {
        Client::new(self.files())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

const DIGITS: &str = "0123456789";
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn inner() -> impl App {
    app_fn(|environ, start_response: StartResponse| async move {
        Ok(start_response.status(StatusCode::OK).body(format!("inner {}", environ.path_info())))
    })
}

fn ranged(client: &Client, range: &str) -> Answer {
    client.get("/d.txt").header("range", range).answer()
}

#[test]
fn a_file_comes_with_its_type_length_and_validators() {
    let folder = Folder::new().with("d.txt", DIGITS).with("x.unknown", "?").with("a b.svg", "<svg/>");
    let client = folder.client();
    let answer = client.get("/d.txt").answer();
    assert_eq!((answer.status(), answer.text()), (200, DIGITS));
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", "10"),
        ("last-modified", DATE),
        ("etag", "\"a-ae1b981bc490a00\""),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(answer.field(name), Some(value), "{name}");
    }
    assert_eq!((answer.field("cache-control"), answer.field("vary")), (None, None));
    assert_eq!(client.get("/x.unknown").answer().field("content-type"), Some("application/octet-stream"));
    assert_eq!(client.get("/a%20b.svg").answer().field("content-type"), Some("image/svg+xml"));
    let plain = Client::new(folder.files().without_charset());
    assert_eq!(plain.get("/d.txt").answer().field("content-type"), Some("text/plain"));
}

/// The fields but the time of the answer.
fn undated(answer: &Answer) -> HeaderMap {
    let mut fields = answer.headers().clone();
    fields.remove("date");
    fields
}

#[test]
fn head_gets_the_fields_of_get() {
    let folder = Folder::new().with("d.txt", DIGITS).with("index.html", "hi");
    let client = folder.client();
    for path in ["/d.txt", "/", "/nothing"] {
        let (head, get) = (client.head(path).answer(), client.get(path).answer());
        assert_eq!((head.status(), undated(&head)), (get.status(), undated(&get)), "{path}");
        assert!(head.body().is_empty());
    }
    let head = client.head("/d.txt").header("range", "bytes=0-1").answer();
    assert_eq!((head.status(), head.field("content-length")), (200, Some("10")), "ranges are GET's alone");
}

#[test]
fn other_methods_are_told_which_there_are_or_left_to_the_app_inside() {
    let folder = Folder::new().with("d.txt", DIGITS);
    for method in ["POST", "PUT", "DELETE", "PURGE"] {
        let answer = folder.client().request(method, "/d.txt").answer();
        assert_eq!((answer.status(), answer.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
        let inside = Client::new(folder.files().wrap(inner()));
        assert_eq!(inside.request(method, "/d.txt").answer().text(), "inner /d.txt");
    }
    let options = folder.client().options("/d.txt").answer();
    assert_eq!((options.status(), options.field("allow")), (204, Some("GET, HEAD, OPTIONS")));
}

#[test]
fn one_range_is_a_part_with_its_place() {
    let folder = Folder::new().with("d.txt", DIGITS).with("empty.txt", "");
    let client = folder.client();
    for (range, text, place) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-5", "2345", "bytes 2-5/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=5-100", "56789", "bytes 5-9/10"),
    ] {
        let answer = ranged(&client, range);
        assert_eq!((answer.status(), answer.text()), (206, text), "{range}");
        assert_eq!(answer.field("content-range"), Some(place));
        assert_eq!(answer.field("content-length"), Some(&*text.len().to_string()));
        assert_eq!(answer.field("etag"), Some("\"a-ae1b981bc490a00\""));
    }
    let beyond = ranged(&client, "bytes=10-");
    assert_eq!((beyond.status(), beyond.field("content-range")), (416, Some("bytes */10")));
    assert!(beyond.body().is_empty());
    assert_eq!((ranged(&client, "bytes=x").status(), ranged(&client, "bytes=x").text()), (200, DIGITS));
    let empty = client.get("/empty.txt").header("range", "bytes=0-").answer();
    assert_eq!((empty.status(), empty.field("content-range")), (416, Some("bytes */0")));
}

#[test]
fn several_ranges_are_parts_each_with_its_head() {
    let folder = Folder::new().with("d.txt", DIGITS);
    let answer = ranged(&folder.client(), "bytes=0-1,4-4,-2");
    assert_eq!((answer.status(), answer.field("content-range")), (206, None));
    let kind = answer.field("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |place: &str, text: &str| {
        format!(
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {place}/10\r\n\r\n{text}\r\n"
        )
    };
    let expected = [part("0-1", "01"), part("4-4", "4"), part("8-9", "89"), format!("--{boundary}--\r\n")];
    assert_eq!(answer.text(), expected.concat());
    assert_eq!(answer.field("content-length"), Some(&*answer.body().len().to_string()));
    assert_eq!(ranged(&folder.client(), "bytes=0-5,3-9").text(), DIGITS, "overlapping: the whole");
}

#[test]
fn conditions_are_heeded() {
    let folder = Folder::new().with("d.txt", DIGITS);
    let client = folder.client();
    let asked = |fields: &[(&str, &str)]| {
        let request =
            fields.iter().fold(client.get("/d.txt"), |request, (name, value)| request.header(name, value));
        request.answer()
    };
    let tag = "\"a-ae1b981bc490a00\"";
    let unmodified = asked(&[("if-none-match", tag)]);
    assert_eq!((unmodified.status(), unmodified.field("etag")), (304, Some(tag)));
    assert_eq!((unmodified.field("last-modified"), unmodified.field("content-type")), (None, None));
    assert_eq!(asked(&[("if-modified-since", DATE)]).status(), 304);
    assert_eq!(asked(&[("if-match", "\"other\"")]).status(), 412);
    assert_eq!(asked(&[("if-unmodified-since", "Sun, 06 Nov 1994 08:49:36 GMT")]).status(), 412);
    let range = ("range", "bytes=0-1");
    assert_eq!(asked(&[range, ("if-range", tag)]).status(), 206);
    assert_eq!(asked(&[range, ("if-range", DATE)]).status(), 206);
    assert_eq!(asked(&[range, ("if-range", "\"other\"")]).status(), 200);
    assert_eq!(asked(&[range, ("if-none-match", tag)]).status(), 304);
    assert_eq!(asked(&[("range", "bytes=99-"), ("if-match", "\"other\"")]).status(), 412);
}

#[test]
fn a_file_that_may_change_within_its_stamp_has_a_weak_tag_and_an_undated_one_none() {
    let ahead = SystemTime::now() + Duration::from_hours(1);
    let settled = SystemTime::now() - Duration::from_hours(1);
    let folder = Folder::new().dated("ahead", "a", ahead).dated("settled", "a", settled).dated(
        "undated",
        "a",
        UNIX_EPOCH + Duration::from_secs(1),
    );
    let client = folder.client();
    let ahead = client.get("/ahead").answer();
    assert!(ahead.field("etag").unwrap().starts_with("W/\""));
    assert_eq!(ahead.field("last-modified"), None, "no date later than the answer's");
    assert!(client.get("/settled").answer().field("etag").unwrap().starts_with('"'));
    let undated = client.get("/undated").header("if-modified-since", DATE).answer();
    assert_eq!((undated.status(), undated.field("etag"), undated.field("last-modified")), (200, None, None));
}

#[test]
fn a_folder_is_its_index_under_its_path_with_a_slash() {
    let folder =
        Folder::new().with("index.html", "top").with("sub/index.html", "sub").with("bare/x.txt", "x");
    let files = folder.files();
    let client = Client::new(Mount::new().at("/m", files.clone()).at("/", files.clone()));
    assert_eq!((client.get("/").answer().text(), client.get("/sub/").answer().text()), ("top", "sub"));
    for (path, location) in
        [("/sub?a=b", "/sub/?a=b"), ("/m/sub", "/m/sub/"), ("/m", "/m/"), ("/%73ub", "/%73ub/")]
    {
        let answer = client.get(path).answer();
        assert_eq!((answer.status(), answer.field("location")), (301, Some(location)), "{path}");
    }
    for path in ["/bare", "/bare/", "/sub/index.html/", "/bare/x.txt/", "//sub", "/sub//"] {
        assert_eq!(client.get(path).answer().status(), 404, "{path}");
    }
    let other = Client::new(files.clone().index("x.txt"));
    assert_eq!((other.get("/bare/").answer().text(), other.get("/sub/").answer().status()), ("x", 404));
    let none = Client::new(files.without_index());
    for path in ["/", "/sub/", "/sub"] {
        assert_eq!(none.get(path).answer().status(), 404, "{path}");
    }
    assert_eq!(none.get("/sub/index.html").answer().text(), "sub");
}

#[test]
fn nothing_outside_of_the_folder_is_served() {
    let folder =
        Folder::new().with("in.txt", "in").with("../secret.txt", "secret").with("../elsewhere/s", "secret");
    let folder = folder
        .link("file-out", "../secret.txt")
        .link("folder-out", "../elsewhere")
        .link("back", ".")
        .link("inside", "in.txt");
    let absolute = folder.0.join("../secret.txt");
    let folder = folder.link("absolute", absolute);
    let client = folder.client();
    assert_eq!(
        (client.get("/inside").answer().text(), client.get("/back/in.txt").answer().text()),
        ("in", "in")
    );
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/back/../../secret.txt",
        "/file-out",
        "/folder-out/s",
        "/folder-out/",
        "/absolute",
        "/in.txt%00",
    ] {
        assert_eq!(client.get(path).answer().status(), 404, "{path}");
    }
    let trusting = Client::new(folder.files().follow_links());
    for path in ["/file-out", "/folder-out/s", "/absolute"] {
        assert_eq!(trusting.get(path).answer().text(), "secret", "{path}");
    }
    assert_eq!(trusting.get("/../secret.txt").answer().status(), 404);
}

#[test]
fn hidden_files_and_what_is_no_file_are_not_served() {
    let folder =
        Folder::new().with(".env", "secret").with(".git/config", "secret").with(".well-known/x", "known");
    let socket = std::os::unix::net::UnixListener::bind(folder.0.join("socket")).unwrap();
    let client = folder.client();
    for path in ["/.env", "/.git/config", "/socket"] {
        assert_eq!(client.get(path).answer().status(), 404, "{path}");
    }
    assert_eq!(client.get("/.well-known/x").answer().text(), "known");
    assert_eq!(Client::new(folder.files().dot_files()).get("/.env").answer().text(), "secret");
    drop(socket);
}

#[test]
fn what_is_not_there_is_the_app_s_inside() {
    let folder = Folder::new().with("d.txt", DIGITS).with("sub/x", "x");
    let client = Client::new(folder.files().wrap(inner()));
    assert_eq!(client.get("/d.txt").answer().text(), DIGITS);
    for path in ["/other", "/sub", "/sub/", "/d.txt/", "/%2e%2e/x", "/d.txt/more"] {
        assert_eq!(client.get(path).answer().text(), format!("inner {path}"));
    }
    let long = format!("/{}", "x".repeat(5000));
    assert_eq!(client.get(&long).answer().status(), 200, "too long for a name is no file");
}

#[test]
fn a_file_beside_is_served_in_a_coding_that_the_client_accepts() {
    let old = UNIX_EPOCH + Duration::from_secs(700_000_000);
    let folder = Folder::new()
        .with("a.js", "plain")
        .with("a.js.gz", "gzipped")
        .with("a.js.br", "brotlied")
        .with("b.js", "plain")
        .dated("b.js.gz", "stale", old);
    let files = folder.files().precompressed([Coding::Brotli, Coding::Gzip, Coding::Zstd]);
    let client = Client::new(files);
    let got = |path: &str, accepted: &str| client.get(path).header("accept-encoding", accepted).answer();
    for (accepted, text, coding) in [
        ("gzip, br", "brotlied", Some("br")),
        ("gzip, br;q=0.5", "gzipped", Some("gzip")),
        ("zstd, gzip;q=0.1", "gzipped", Some("gzip")),
        ("zstd", "plain", None),
        ("", "plain", None),
    ] {
        let answer = got("/a.js", accepted);
        assert_eq!((answer.text(), answer.field("content-encoding")), (text, coding), "{accepted}");
        assert_eq!(answer.field("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.field("vary"), Some("accept-encoding"));
    }
    assert_ne!(got("/a.js", "gzip").field("etag"), got("/a.js", "br").field("etag"));
    assert_eq!(got("/b.js", "gzip").text(), "plain", "older than what it stands for");
    let gone = got("/a.js", "gzip").field("etag").unwrap().to_owned();
    let unmodified =
        client.get("/a.js").header("accept-encoding", "gzip").header("if-none-match", gone).answer();
    assert_eq!((unmodified.status(), unmodified.field("vary")), (304, Some("accept-encoding")));
    assert_eq!(folder.client().get("/a.js").header("accept-encoding", "gzip").answer().text(), "plain");
}

#[test]
fn caches_are_told_what_the_settings_say() {
    let folder = Folder::new().with("d.txt", DIGITS);
    let files = folder.files().cache_control(HeaderValue::from_static("public, max-age=60"));
    let client = Client::new(files);
    for request in [
        client.get("/d.txt"),
        client.get("/d.txt").header("range", "bytes=0-1"),
        client.get("/d.txt").header("if-none-match", "*"),
    ] {
        assert_eq!(request.answer().field("cache-control"), Some("public, max-age=60"));
    }
    assert_eq!(client.get("/nothing").answer().field("cache-control"), None);
}

#[test]
fn a_folder_that_is_none_is_found_at_boot() {
    let folder = Folder::new().with("file", "x");
    let told = |name: &str| Files::new(folder.0.join(name)).unwrap_err().to_string();
    assert!(told("missing").contains("missing") && told("missing").contains("name one that exists"));
    assert!(told("file").contains("no folder"), "{}", told("file"));
}

#[test]
fn a_file_is_looked_up_where_blocking_is_allowed() {
    let folder = Folder::new().with("d.txt", DIGITS);
    let app = BoxApp::new(folder.files().wrap(inner()));
    let pool = std::sync::Arc::new(Elsewhere::default());
    let mut server = Server::new("test", "1");
    server.offload = Offload::Pool(std::sync::Arc::clone(&pool) as _);
    let client = Client::with(app, Memory::new().server(server));
    assert_eq!(client.get("/other").answer().text(), "inner /other");
    assert_eq!(pool.jobs(), 1);
    assert_eq!(client.get("/d.txt").answer().text(), DIGITS);
    assert!(pool.jobs() > 1);
}

#[test]
fn a_file_goes_out_as_one_that_the_system_can_send() {
    let folder = Folder::new().with("d.txt", DIGITS);
    let request = rsgi_core::http::Request::get("/d.txt").body(()).unwrap();
    let environ = rsgi_core::Environ::for_test(request);
    let started = rsgi_core::wait(folder.files().call(environ, StartResponse::new())).unwrap();
    assert_eq!((started.body().length(), started.body().blocks()), (Some(10), true));
    assert!(format!("{:?}", started.body()).contains("File"), "{:?}", started.body());
}

/// What a client gets that asks for a file by a name that the app has.
fn by_name(files: Files) -> Client {
    Client::new(rsgi_core::blocking(move |environ: rsgi_core::Environ, start_response: StartResponse| {
        let name = rsgi_core::path::decode(environ.query().unwrap_or_default()).into_owned();
        let name = String::from_utf8(name)?;
        match files.open(&name, environ.headers())? {
            Some(file) => file.respond(environ.method(), environ.headers(), start_response),
            None => Ok(start_response.status(StatusCode::NOT_FOUND).empty()),
        }
    }))
}

#[test]
fn a_file_of_the_folder_is_opened_by_its_name_and_answers_as_one_by_its_path() {
    let folder =
        Folder::new().with("sub/d.txt", DIGITS).with("sub/d.txt.gz", "gzipped").with(".env", "secret");
    let folder = folder.with("../secret.txt", "secret").link("out", "../secret.txt").with("a b%.txt", "odd");
    let files =
        folder.files().cache_control(HeaderValue::from_static("no-cache")).precompressed([Coding::Gzip]);
    let (named, by_path) = (by_name(files.clone()), Client::new(files));
    for fields in [
        &[][..],
        &[("range", "bytes=2-4")],
        &[("range", "bytes=0-1,4-5")],
        &[("range", "bytes=20-")],
        &[("if-none-match", "*")],
        &[("if-match", "\"x\"")],
        &[("accept-encoding", "gzip")],
    ] {
        let asked = |client: &Client, path: &str| {
            let request =
                fields.iter().fold(client.get(path), |request, (name, value)| request.header(name, value));
            let answer = request.answer();
            let all = [
                "content-type",
                "content-range",
                "etag",
                "last-modified",
                "cache-control",
                "vary",
                "content-encoding",
            ];
            // The border of parts is another one each time.
            let is_parts = answer.field("content-type").is_some_and(|kind| kind.starts_with("multipart/"));
            let all = all.map(|name| answer.field(name).map(ToOwned::to_owned));
            (answer.status(), if is_parts { None } else { Some((answer.text().to_owned(), all)) })
        };
        assert_eq!(asked(&named, "/?sub/d.txt"), asked(&by_path, "/sub/d.txt"), "{fields:?}");
    }
    assert_eq!(named.get("/?a%20b%25.txt").answer().text(), "odd");
    for name in
        ["sub", "sub/", "", "/sub/d.txt", "sub//d.txt", "../secret.txt", "out", ".env", "sub/../.env", "d%00"]
    {
        assert_eq!(named.get(&format!("/?{name}")).answer().status(), 404, "{name}");
    }
}

#[test]
fn any_file_that_the_program_names_is_opened_and_what_is_none_says_which() {
    let folder = Folder::new().with("d.bin", DIGITS);
    let path = folder.0.join("d.bin");
    let client = Client::new(rsgi_core::blocking(
        move |environ: rsgi_core::Environ, start_response: StartResponse| {
            let file = super::OpenFile::open(&path)?.content_type(HeaderValue::from_static("text/x-digits"));
            let file = file.cache_control(HeaderValue::from_static("private"));
            file.respond(environ.method(), environ.headers(), start_response)
        },
    ));
    let answer = client.get("/").header("range", "bytes=-3").answer();
    assert_eq!((answer.status(), answer.text()), (206, "789"));
    assert_eq!(answer.field("content-type"), Some("text/x-digits"));
    assert_eq!(answer.field("cache-control"), Some("private"));
    let head = client.head("/").answer();
    assert_eq!((head.status(), head.field("content-length")), (200, Some("10")));
    for (name, what) in [("missing", "missing: "), ("", "no regular file")] {
        let told = super::OpenFile::open(folder.0.join(name)).unwrap_err().to_string();
        assert!(told.contains(what), "{told}");
    }
}
