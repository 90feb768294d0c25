//! Files as answers, through the test client: what is sent, and what never is.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use rsgi_core::{Job, Offload, Pool, Server};
use rsgi_test::{Client, Memory};

use crate::{App, Blueprint, Builder, Path, Route, SendFile, StaticFolder, send_file, send_from_directory};

/// A folder of its own for each test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let name = format!("frasco-files-{}-{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed));
        let folder = Self(std::env::temp_dir().join(name).join("root"));
        std::fs::create_dir_all(&folder.0).unwrap();
        folder
    }

    /// Writes a file that was last changed when RFC 9110's example was.
    fn with(self, name: &str, text: &str) -> Self {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(784_111_777)).unwrap();
        self
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

fn client(builder: Builder) -> Client {
    Client::new(builder.build().unwrap())
}

/// An app that sends this at `/`.
fn sending(send: SendFile) -> Builder {
    let handler = move || {
        let send = send.clone();
        async move { send }
    };
    App::builder("app").route(Route::new("/", handler).endpoint("send"))
}

#[test]
fn a_static_folder_is_served_with_conditions_and_ranges_under_its_endpoint() {
    let folder =
        Folder::new().with("css/a b.css", "0123456789").with("index.html", "index").with(".env", "secret");
    let client = client(App::builder("app").static_folder(&folder.0));
    let answer = client.get("/static/css/a%20b.css").answer();
    assert_eq!((answer.status(), answer.text()), (200, "0123456789"));
    assert_eq!(answer.field("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(answer.field("cache-control"), Some("no-cache"));
    assert_eq!(answer.field("last-modified"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    let tag = answer.field("etag").unwrap().to_owned();
    let again = client.get("/static/css/a%20b.css").header("if-none-match", tag).answer();
    assert_eq!((again.status(), again.text()), (304, ""));
    let part = client.get("/static/css/a%20b.css").header("range", "bytes=2-4").answer();
    assert_eq!((part.status(), part.text(), part.field("content-range")), (206, "234", Some("bytes 2-4/10")));
    assert_eq!(client.get("/static/css/a%20b.css").header("range", "bytes=10-").answer().status(), 416);
    let head = client.head("/static/css/a%20b.css").answer();
    assert_eq!((head.status(), head.field("content-length"), head.text()), (200, Some("10"), ""));
    let post = client.post("/static/css/a%20b.css").answer();
    assert_eq!((post.status(), post.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
    for path in
        ["", "/", "css", "css/", "nothing", ".env", "%2e%2e/secret", "..%2Fsecret", "css%5C..%5Cindex.html"]
    {
        let answer = client.get(&format!("/static/{path}")).answer();
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[test]
fn a_blueprint_has_a_static_folder_of_its_own() {
    let (own, admins) = (Folder::new().with("a.txt", "own"), Folder::new().with("a.txt", "the admin's"));
    let admin = Blueprint::new("admin").url_prefix("/admin").static_folder(&admins.0);
    let links = async |request: crate::Request| {
        let url = |endpoint: &str| request.url_for(endpoint).with("filename", "a.txt").build();
        Ok::<_, crate::UrlError>(format!("{} {}", url("static")?, url(".static")?))
    };
    let admin = admin.route(Route::new("/", links).endpoint("links"));
    let client = client(App::builder("app").static_folder(&own.0).register(admin));
    assert_eq!(client.get("/admin/").answer().text(), "/static/a.txt /admin/static/a.txt");
    assert_eq!(client.get("/static/a.txt").answer().text(), "own");
    assert_eq!(client.get("/admin/static/a.txt").answer().text(), "the admin's");
}

#[test]
fn a_static_folder_that_is_none_or_is_hidden_by_another_is_found_at_boot() {
    let folder = Folder::new().with("a.txt", "a");
    let told = |builder: Builder| builder.build().map(drop).unwrap_err().to_string();
    let missing = told(App::builder("app").static_folder(folder.0.join("missing")));
    assert!(missing.contains("the static folder: ") && missing.contains("name one that exists"), "{missing}");
    let blueprint = Blueprint::new("blog").static_folder(&folder.0);
    let hidden = told(App::builder("app").static_folder(&folder.0).register(blueprint.clone()));
    assert!(hidden.contains("GET of the same paths leads to static already"), "{hidden}");
    let moved = StaticFolder::new(&folder.0).url_path("/assets/");
    let client = client(App::builder("app").static_folder(moved).register(blueprint));
    assert_eq!(client.get("/assets/a.txt").answer().text(), "a");
    assert_eq!(client.get("/static/a.txt").answer().text(), "a");
}

#[test]
fn a_sent_file_says_what_it_is_told_to() {
    let folder = Folder::new().with("r.csv", "0123456789");
    let file = || send_file(folder.0.join("r.csv"));
    let answer = client(sending(file())).get("/").answer();
    assert_eq!(
        (answer.text(), answer.field("content-type")),
        ("0123456789", Some("text/csv; charset=utf-8"))
    );
    assert_eq!(
        (answer.field("cache-control"), answer.field("content-disposition")),
        (Some("no-cache"), None)
    );
    let answer = client(sending(file().as_attachment().max_age(Duration::from_mins(1)))).get("/").answer();
    assert_eq!(answer.field("content-disposition"), Some("attachment; filename=\"r.csv\""));
    assert_eq!(answer.field("cache-control"), Some("public, max-age=60"));
    let named = client(sending(file().download_name("x.txt").content_type("text/plain")));
    let answer = named.get("/").header("range", "bytes=0-0").answer();
    assert_eq!((answer.status(), answer.text()), (206, "0"));
    assert_eq!(answer.field("content-disposition"), Some("inline; filename=\"x.txt\""));
    assert_eq!(answer.field("content-type"), Some("text/plain"));
    let unmodified = named.get("/").header("if-none-match", "*").answer();
    assert_eq!((unmodified.status(), unmodified.field("content-disposition")), (304, None));
}

#[test]
fn a_missing_file_of_the_program_is_its_fault_and_one_of_a_folder_the_client_s() {
    let folder = Folder::new().with("a.txt", "a").with("../secret.txt", "secret");
    let missing = client(sending(send_file(folder.0.join("missing")))).get("/").answer();
    assert_eq!(missing.status(), 500);
    assert!(!missing.text().contains("missing"), "{}", missing.text());
    let root = folder.0.clone();
    let upload = move |Path(name): Path<String>| send_from_directory(&root, name);
    let app = App::builder("app").route(Route::new("/<path:name>", upload).endpoint("upload"));
    let client = client(app);
    assert_eq!(client.get("/a.txt").answer().text(), "a");
    for name in ["b.txt", "../secret.txt", "%2e%2e/secret.txt", "..%2Fsecret.txt"] {
        assert_eq!(client.get(&format!("/{name}")).answer().status(), 404, "{name}");
    }
}

/// A pool that counts and works elsewhere.
#[derive(Debug, Default)]
struct Elsewhere(AtomicUsize);

impl Pool for Elsewhere {
    fn submit(&self, job: Job) {
        self.0.fetch_add(1, Ordering::Relaxed);
        std::thread::spawn(move || {
            if let Some(waiting) = job.run() {
                waiting.wake();
            }
        });
    }
}

#[test]
fn a_file_of_an_async_handler_is_opened_off_the_reactor_and_text_is_not() {
    let folder = Folder::new().with("a.txt", "a");
    let app = sending(send_file(folder.0.join("a.txt")))
        .route(Route::new("/text", async || "text").endpoint("text"));
    let app = app.static_folder(&folder.0).build().unwrap();
    let pool = Arc::new(Elsewhere::default());
    let mut server = Server::new("test", "1");
    server.offload = Offload::Pool(Arc::clone(&pool) as _);
    let client = Client::with(app, Memory::new().server(server));
    assert_eq!(client.get("/text").answer().text(), "text");
    assert_eq!(pool.0.load(Ordering::Relaxed), 0);
    for path in ["/", "/static/a.txt"] {
        let before = pool.0.load(Ordering::Relaxed);
        assert_eq!(client.head(path).answer().status(), 200);
        // Once to open it; its drop is another.
        assert!(pool.0.load(Ordering::Relaxed) > before, "{path}");
        assert_eq!(client.get(path).answer().text(), "a");
    }
}
