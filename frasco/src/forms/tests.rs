//! Forms through the test client: what is read, what is refused, and that nothing is held beyond its bound.

use std::fmt::Write as _;

use proptest::prelude::*;
use rsgi_test::Client;

use super::upload::Content;
use super::{FormLimits, Uploads, secure_filename};
use crate::{App, Error, Form, Request, Route};

fn part(name: &str, file_name: Option<&str>, content: &str) -> String {
    let file = file_name
        .map_or_else(String::new, |file| format!("; filename=\"{file}\"\r\nContent-Type: text/x-any"));
    format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n")
}

/// What a form comes to, in words.
async fn show(request: Request) -> Result<String, Error> {
    let form = request.form().await?;
    let mut text = String::new();
    for (name, value) in form.fields() {
        let _ = write!(text, "{name}={value};");
    }
    for file in form.take_files() {
        let content = file.bytes()?;
        let kind = file.content_type().unwrap_or("none");
        let start = String::from_utf8_lossy(&content[..content.len().min(10)]).into_owned();
        let _ = write!(text, "{}:{} {kind} {} {start};", file.name(), file.file_name(), file.len());
    }
    Ok(text)
}

fn client(limits: FormLimits) -> Client {
    Client::new(App::builder("app").form_limits(limits).post("/", show).build().unwrap())
}

fn multipart(client: &Client, parts: &[String]) -> (u16, String) {
    let body = format!("{}--cut--\r\n", parts.concat());
    let post = client.post("/").header("content-type", "multipart/form-data; boundary=\"cut\"");
    let answer = post.body(body).answer();
    (answer.status(), answer.text().to_owned())
}

#[test]
fn fields_and_files_are_read_in_order() {
    let client = client(FormLimits::default());
    let answer = client.post("/").form(&[("a", "1 2"), ("é", "&="), ("a", "")]).answer();
    assert_eq!(answer.text(), "a=1 2;é=&=;a=;");
    let parts = [
        part("a", None, "1\r\n2"),
        part("f", Some("x.txt"), "content"),
        part("none", Some(""), ""),
        part("b", None, ""),
    ];
    assert_eq!(multipart(&client, &parts), (200, "a=1\r\n2;b=;f:x.txt text/x-any 7 content;".to_owned()));
    assert_eq!(multipart(&client, &[]), (200, String::new()));
}

#[test]
fn a_large_file_is_spooled_and_the_same() {
    let limits = FormLimits { spool: 1000, ..FormLimits::default() };
    let large = "0123456789".repeat(100_000);
    let answer = multipart(&client(limits), &[part("f", Some("large"), &large)]);
    assert_eq!(answer, (200, "f:large text/x-any 1000000 0123456789;".to_owned()));
}

#[test]
fn files_share_the_room_in_memory_and_hold_no_descriptors() {
    let limits = FormLimits { spool: 1000, ..FormLimits::default() };
    let count = async |files: Uploads| {
        let paths = files.iter().filter_map(|file| match &file.content {
            Content::File { path, .. } => Some(path.to_path_buf()),
            Content::Memory(_) => None,
        });
        let paths: Vec<_> = paths.collect();
        let links = std::fs::read_dir("/proc/self/fd").unwrap();
        let open = links.filter_map(|link| std::fs::read_link(link.ok()?.path()).ok());
        format!("{} {}", paths.len(), open.filter(|path| paths.contains(path)).count())
    };
    let app = App::builder("app")
        .form_limits(limits)
        .route(Route::new("/", count).methods(["POST"]).endpoint("count"));
    let parts: Vec<String> = (0..20).map(|_| part("f", Some("x"), &"x".repeat(300))).collect();
    assert_eq!(multipart(&Client::new(app.build().unwrap()), &parts), (200, "17 0".to_owned()));
}

#[test]
fn a_file_is_saved_and_never_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    let save = move |mut files: Uploads| -> Result<String, Error> {
        let file = files.take("f").ok_or_else(|| Error::msg("no file"))?;
        let name = secure_filename(file.file_name());
        file.save(root.join(&name))?;
        Ok(name)
    };
    for spool in [10, 100_000] {
        let limits = FormLimits { spool, ..FormLimits::default() };
        let app = App::builder("app")
            .form_limits(limits)
            .route(Route::new("/", save.clone()).methods(["POST"]).endpoint("save"));
        let client = Client::new(app.build().unwrap());
        let name = format!("../{spool} file");
        let (status, saved) = multipart(&client, &[part("f", Some(&name), &"x".repeat(5000))]);
        assert_eq!((status, saved.as_str()), (200, format!("{spool}_file").as_str()));
        assert_eq!(std::fs::read(folder.path().join(&saved)).unwrap(), "x".repeat(5000).into_bytes());
        assert_eq!(multipart(&client, &[part("f", Some(&name), "y")]).0, 500, "it is there already");
        assert_eq!(std::fs::read(folder.path().join(&saved)).unwrap().len(), 5000);
    }
}

#[test]
fn what_is_too_large_is_413() {
    let limits = FormLimits { memory: 100, parts: 3, spool: 10 };
    let client = client(limits);
    let status = |parts: &[String]| multipart(&client, parts).0;
    assert_eq!(status(&[part("a", None, &"x".repeat(99))]), 200);
    assert_eq!(status(&[part("a", None, &"x".repeat(100))]), 413);
    assert_eq!(status(&[part("a", None, &"x".repeat(50)), part("b", None, &"x".repeat(50))]), 413);
    assert_eq!(status(&[part("a", Some("f"), &"x".repeat(10_000))]), 200, "files have no such bound");
    assert_eq!(status(&vec![part("a", None, ""); 3]), 200);
    assert_eq!(status(&vec![part("a", None, ""); 4]), 413);
    assert_eq!(client.post("/").form(&[("a", &*"x".repeat(98))]).answer().status(), 200);
    assert_eq!(client.post("/").form(&[("a", &*"x".repeat(99))]).answer().status(), 413);
    assert_eq!(client.post("/").form(&[("a", ""); 4]).answer().status(), 413);
}

#[test]
fn the_types_of_files_are_held_within_the_bound() {
    let client = client(FormLimits { memory: 5000, ..FormLimits::default() });
    let long = format!("text/x-{}", "a".repeat(2000));
    let file = part("f", Some("x"), "").replace("text/x-any", &long);
    assert_eq!(multipart(&client, &[file.clone(), file.clone()]).0, 200);
    assert_eq!(multipart(&client, &[file.clone(), file.clone(), file]).0, 413);
}

#[test]
fn what_is_no_form_is_refused() {
    let client = client(FormLimits::default());
    let ask =
        |kind: &str, body: String| client.post("/").header("content-type", kind).body(body).answer().status();
    let cut = "multipart/form-data; boundary=cut";
    assert_eq!(ask("text/plain", "a=b".to_owned()), 415);
    assert_eq!(client.post("/").answer().status(), 415);
    assert_eq!(ask("multipart/form-data", part("a", None, "b")), 400);
    assert_eq!(ask(cut, part("a", None, "b")), 400, "it has no end");
    assert_eq!(ask(cut, "--cut\r\n\r\nx\r\n--cut--\r\n".to_owned()), 400, "a part without a name");
    let long = format!("--cut\r\nX: {}\r\n\r\n--cut--", "x".repeat(1_000_000));
    assert_eq!(ask(cut, long), 400, "a head without an end");
    assert_eq!(ask(cut, "x".repeat(1_000_000)), 400, "no part at all");
}

#[test]
fn a_form_is_read_once_for_all_who_ask() {
    #[derive(serde::Deserialize)]
    struct Post {
        a: u8,
    }
    async fn both(Form(post): Form<Post>, files: Uploads, again: Form<Vec<(String, String)>>) -> String {
        format!("{} {} {:?}", post.a, files.iter().count(), again.0)
    }
    let client = Client::new(App::builder("app").post("/", both).build().unwrap());
    let parts = [part("a", None, "7"), part("f", Some("x"), "y")];
    assert_eq!(multipart(&client, &parts), (200, "7 1 [(\"a\", \"7\")]".to_owned()));
    let (status, told) = multipart(&client, &[part("a", None, "x")]);
    assert_eq!(status, 422, "{told}");
}

#[test]
fn a_client_that_vanishes_within_a_form_is_none_of_the_apps_errors() {
    let client = client(FormLimits::default());
    let mut open =
        client.post("/").header("content-type", "multipart/form-data; boundary=cut").open().unwrap();
    open.feed(part("a", None, "b"));
    open.break_input(rsgi_core::InputErrorKind::Truncated);
    assert_eq!(open.finish().status(), 400);
}

proptest! {
    #[test]
    fn a_secure_name_stays_in_its_folder(name in "\\PC{0,40}") {
        let secured = secure_filename(&name);
        prop_assert!(!secured.starts_with('.') && !secured.contains(['/', '\\', ':', '\0']), "{secured:?}");
        prop_assert_eq!(secure_filename(&secured), secured);
    }

    #[test]
    fn no_multipart_form_makes_it_panic(body in proptest::collection::vec(
        prop_oneof!["--cut", "\r\n", "--", "Content-Disposition: form-data; name=\"a\"", "; filename=\"b\"", "x", ": "], 0..20
    )) {
        let (status, _) = multipart(&client(FormLimits::default()), &body);
        prop_assert!([200, 400].contains(&status), "{status}");
    }
}
