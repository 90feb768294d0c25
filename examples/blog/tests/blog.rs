//! The blog through the test client: accounts, posts, pictures, and who may do what.
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

use std::process::{Command, Stdio};

use frasco::Config;
use rsgi_test::{Answer, Client};
use tempfile::TempDir;

/// A blog of its own, and clients of it.
struct Blog {
    app: frasco::App,
    _folder: TempDir,
}

impl Blog {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config =
            rsgi_blog::defaults().value("blog.folder", folder.path()).value("secret_key", "x".repeat(32));
        Self { app: rsgi_blog::create_app(config).unwrap(), _folder: folder }
    }

    fn visitor(&self) -> Client {
        self.app.test_client().follow_redirects(1)
    }

    fn user(&self, name: &str) -> Client {
        let client = self.visitor();
        let answer = send(&client, "/auth/register", &[("name", name), ("password", "long enough")]);
        assert!(answer.text().contains(&format!("Welcome, {name}.")), "{}", answer.text());
        client
    }
}

#[test]
fn workers_that_start_together_make_one_database() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let start = |_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_rsgi-blog"));
            command.arg("routes").env("FRASCO_BLOG__FOLDER", folder.path()).current_dir(folder.path());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let started: Vec<_> = (0..8).map(start).collect();
        for worker in started {
            let end = worker.wait_with_output().unwrap();
            assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
        }
    }
}

/// Sends a form as its page has it, with the token.
fn send(client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = token(client, path);
    let fields: Vec<_> = fields.iter().copied().chain([("csrf_token", token.as_str())]).collect();
    client.post(path).form(&fields).answer()
}

/// The token in a page.
fn token(client: &Client, path: &str) -> String {
    let page = client.get(path).answer();
    let (_, rest) = page
        .text()
        .split_once("name=\"csrf_token\" value=\"")
        .unwrap_or_else(|| panic!("{path}: {}", page.text()));
    rest.split('"').next().unwrap().to_owned()
}

/// Sends a post's form, with a picture.
fn post(client: &Client, path: &str, title: &str, picture: Option<&[u8]>) -> Answer {
    let token = token(client, path);
    let mut body = Vec::new();
    for (name, value) in [("csrf_token", token.as_str()), ("title", title), ("body", "one\n\ntwo <b>")] {
        body.extend(
            format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    body.extend(b"--cut\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"");
    body.extend(picture.map_or(&b""[..], |_| b"../mine.png"));
    body.extend(b"\"\r\nContent-Type: image/png\r\n\r\n");
    body.extend(picture.unwrap_or_default());
    body.extend(b"\r\n--cut--\r\n");
    client.post(path).header("content-type", "multipart/form-data; boundary=cut").body(body).answer()
}

#[test]
fn a_new_blog_says_that_nothing_is_there() {
    let page = Blog::new().visitor().get("/").answer();
    assert_eq!(page.status(), 200);
    assert!(
        page.text().contains("Nothing here yet") && page.text().contains("href=\"/static/style.css\""),
        "{}",
        page.text()
    );
}

#[test]
fn who_registers_is_logged_in_and_can_log_out_and_in_again() {
    let blog = Blog::new();
    let client = blog.user("Ada");
    assert!(client.get("/").answer().text().contains("Log out"));
    let out = send(&client, "/", &[]);
    assert_eq!(out.status(), 405, "the index takes no form");
    let token = token(&client, "/");
    let out = client.post("/auth/logout").form(&[("csrf_token", &*token)]).answer();
    assert!(out.text().contains("You have logged out."));
    let wrong = send(&client, "/auth/login", &[("name", "Ada"), ("password", "wrong")]);
    assert_eq!(wrong.status(), 422);
    assert!(wrong.text().contains("Name or password is wrong.") && wrong.text().contains("value=\"Ada\""));
    let nobody = send(&client, "/auth/login", &[("name", "Bob"), ("password", "wrong")]);
    assert_eq!(nobody.status(), 422);
    let right = send(&client, "/auth/login?next=/post/new", &[("name", "ada"), ("password", "long enough")]);
    assert!(right.text().contains("New post"));
}

#[test]
fn a_login_never_leads_to_another_site() {
    let blog = Blog::new();
    blog.user("Ada");
    for next in ["//evil.example", "https://evil.example", "/%5Cevil.example", "/\\evil.example"] {
        let client = blog.app.test_client();
        let path = format!("/auth/login?next={}", next.replace('\\', "%5C"));
        let answer = send(&client, &path, &[("name", "Ada"), ("password", "long enough")]);
        assert_eq!((answer.status(), answer.field("location")), (303, Some("/")), "{next}");
    }
}

#[test]
fn names_are_taken_once_and_passwords_have_a_length() {
    let blog = Blog::new();
    blog.user("Ada");
    let client = blog.visitor();
    for (name, password, told) in [
        ("ADA", "long enough", "That name is taken."),
        ("Bob", "short", "eight characters"),
        (" ", "long enough", "one to forty characters"),
    ] {
        let answer = send(&client, "/auth/register", &[("name", name), ("password", password)]);
        assert_eq!(answer.status(), 422);
        assert!(answer.text().contains(told), "{}", answer.text());
    }
}

#[test]
fn a_post_is_written_read_changed_and_deleted() {
    let blog = Blog::new();
    let client = blog.user("Ada");
    let page = post(&client, "/post/new", "First & <foremost>", None);
    assert!(page.text().contains("Your post is published."));
    assert!(page.text().contains("<h1>First &amp; &lt;foremost&gt;</h1>"), "{}", page.text());
    assert!(page.text().contains("<p>two &lt;b&gt;</p>"));
    assert!(blog.visitor().get("/").answer().text().contains("one two &lt;b&gt;"));
    let page = post(&client, "/post/1/edit", "Second", None);
    assert!(page.text().contains("Your post is changed.") && page.text().contains("<h1>Second</h1>"));
    let token = token(&client, "/post/1");
    let page = client.post("/post/1/delete").form(&[("csrf_token", &*token)]).answer();
    assert!(page.text().contains("Your post is deleted."));
    assert_eq!(client.get("/post/1").answer().status(), 404);
    let refused = post(&client, "/post/new", " ", None);
    assert_eq!(refused.status(), 422);
    assert!(refused.text().contains("one to 120 characters") && refused.text().contains("two &lt;b&gt;"));
}

#[test]
fn only_who_wrote_a_post_may_change_it() {
    let blog = Blog::new();
    post(&blog.user("Ada"), "/post/new", "Mine", None);
    let visitor = blog.app.test_client();
    let answer = visitor.get("/post/1/edit").answer();
    assert_eq!(
        (answer.status(), answer.field("location")),
        (303, Some("/auth/login?next=%2Fpost%2F1%2Fedit"))
    );
    let other = blog.user("Bob");
    for path in ["/post/1/edit", "/post/1/delete"] {
        let token = token(&other, "/post/new");
        let answer =
            other.post(path).form(&[("csrf_token", &*token), ("title", "x"), ("body", "y")]).answer();
        assert_eq!(answer.status(), 403, "{path}");
        assert!(answer.text().contains("Only who wrote a post may change it."));
    }
    assert_eq!(other.get("/post/2/edit").answer().status(), 404);
    assert!(!other.get("/post/1").answer().text().contains("/post/1/edit"));
}

#[test]
fn a_picture_is_kept_served_and_replaced() {
    let blog = Blog::new();
    let client = blog.user("Ada");
    let png = include_bytes!("picture.png");
    let page = post(&client, "/post/new", "With a picture", Some(png));
    let source = |page: &Answer| {
        let (_, rest) = page.text().split_once("<img src=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let first = source(&page);
    assert!(first.starts_with("/pictures/") && first.contains(".png") && !first.contains("mine"), "{first}");
    let served = client.get(&first).answer();
    assert_eq!((served.field("content-type"), &served.body()[..]), (Some("image/png"), &png[..]));
    assert_eq!(client.get(&first).header("range", "bytes=1-3").answer().text(), "PNG");
    let second = source(&post(&client, "/post/1/edit", "Another", Some(b"GIF89a and so on")));
    assert!(second.contains(".gif"));
    assert_eq!(client.get(&first).answer().status(), 404, "the old one is gone");
    let refused = post(&client, "/post/1/edit", "None", Some(b"<script>alert(1)</script>"));
    assert_eq!(refused.status(), 422);
    assert!(refused.text().contains("A picture is a PNG"));
    assert_eq!(source(&client.get("/post/1").answer()), second);
}

#[test]
fn posts_come_in_pages() {
    let blog = Blog::new();
    let client = blog.user("Ada");
    for number in 1..=7 {
        post(&client, "/post/new", &format!("Note {number}"), None);
    }
    let titles = |path: &str| {
        let page = client.get(path).answer();
        (1..=7).rev().filter(|number| page.text().contains(&format!("Note {number}<"))).collect::<Vec<_>>()
    };
    assert_eq!(titles("/"), [7, 6, 5, 4, 3]);
    assert_eq!(titles("/?page=2"), [2, 1]);
    assert_eq!(client.get("/?page=3").answer().status(), 404);
    assert_eq!(client.get("/?page=x").answer().status(), 400);
    assert!(client.get("/").answer().text().contains("href=\"/?page=2\""));
}

#[test]
fn a_form_without_its_token_is_refused() {
    let blog = Blog::new();
    let client = blog.user("Ada");
    let answer = client.post("/post/new").form(&[("title", "x"), ("body", "y")]).answer();
    assert_eq!(answer.status(), 403);
    assert!(blog.visitor().get("/").answer().text().contains("Nothing here yet"));
}

#[test]
fn errors_look_like_the_blog() {
    let client = Blog::new().visitor();
    let page = client.get("/nowhere").answer();
    assert_eq!(page.status(), 404);
    assert!(
        page.text().contains("<h1>Not Found</h1>") && page.text().contains("class=\"name\""),
        "{}",
        page.text()
    );
    let page = client.request("PUT", "/").answer();
    assert_eq!(
        (page.status(), page.field("allow")),
        (403, None),
        "a method that changes something wants a token"
    );
}

#[test]
fn without_a_key_the_blog_says_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        Config::new().value("blog", rsgi_blog::Settings::default()).value("blog.folder", folder.path());
    let told = rsgi_blog::create_app(config).unwrap_err().to_string();
    assert!(told.contains("secret_key"), "{told}");
}
