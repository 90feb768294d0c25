//! Templates: what they see, who wins, what is found at boot, and what an error tells to whom.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use rsgi_test::Client;

use crate::{App, Blueprint, Builder, Error, Page, Path, Render, Rendered, Request, Route, context, render};

/// A folder of its own for each test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        let name =
            format!("frasco-templates-{}-{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed));
        let folder = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&folder.0).unwrap();
        folder
    }

    fn with(self, name: &str, text: &str) -> Self {
        self.write(name, text, 1);
        self
    }

    fn write(&self, name: &str, text: &str, seconds: u64) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// Renders the template that the path names.
async fn named(Path(name): Path<String>) -> Rendered {
    render(name, context! { text => "<b> & 'c' \"d\" /e" })
}

fn app() -> Builder {
    App::builder("app").route(Route::new("/t/<path:name>", named).endpoint("named"))
}

fn client(builder: Builder) -> Client {
    Client::new(builder.build().unwrap())
}

fn faults(builder: Builder) -> String {
    builder.build().map(drop).unwrap_err().to_string()
}

fn shown(builder: Builder, path: &str) -> String {
    client(builder).get(path).answer().text().to_owned()
}

#[test]
fn values_are_escaped_by_the_name_s_extension() {
    let raw = "<b> & 'c' \"d\" /e";
    let escaped = "&lt;b&gt; &amp; &#39;c&#39; &#34;d&#34; /e";
    for (name, expected) in [
        ("a.html", escaped),
        ("a.htm", escaped),
        ("a.xml", escaped),
        ("a.xhtml", escaped),
        ("b/a.svg", escaped),
        ("a.txt", raw),
        ("a.html.txt", raw),
        ("a", raw),
    ] {
        assert_eq!(shown(app().template(name, "{{ text }}"), &format!("/t/{name}")), expected, "{name}");
    }
    assert_eq!(shown(app().template("a.html", "{{ text|safe }}"), "/t/a.html"), raw);
    let text = async |request: Request| request.render_text("{{ it }}", context! { it => "<i>" });
    let app = app().template("a", "").route(Route::new("/text", text).endpoint("text"));
    assert_eq!(shown(app, "/text"), "&lt;i&gt;");
}

#[test]
fn a_template_sees_its_request_and_builds_urls() {
    let text = "{{ request.method }} {{ request.path }} {{ request.args.q }} {{ request.args.getlist('q')|join('+') }} \
        {{ request.args.get('no', 'none') }} {{ request.endpoint }} {{ request.blueprint }} {{ request.view_args.name }} \
        {{ request.headers['X-Some'] }} {{ url_for('.show', name='a b', _anchor='x', q='1&2', left=none) }} \
        {{ url_for('named', name='n', _external=true) }} {{ url_for('named', name='n', _scheme='https') }}";
    let show = async || render("blog/show.html", context! {});
    let blog = Blueprint::new("blog")
        .url_prefix("/blog")
        .template("blog/show.html", text)
        .route(Route::new("/<name>", show).endpoint("show"));
    let client = client(app().register(blog));
    let answer =
        client.get("/blog/ad%C3%A9?q=1&q=2").header("x-some", "<v>").header("host", "example.org").answer();
    assert_eq!(
        answer.text(),
        "GET /blog/adé 1 1+2 none blog.show blog adé &lt;v&gt; /blog/a%20b?q=1%262#x http://example.org/t/n https://example.org/t/n"
    );
}

#[test]
fn imported_macros_and_included_templates_see_the_request_too() {
    let app = app()
        .template(
            "macros.html",
            "{% macro link(text) %}<a href='{{ url_for('named', name=text) }}'>{{ text }}</a>{% endmacro %}",
        )
        .template("part.html", "{{ request.endpoint }} {{ text|length }}")
        .template("a.html", "{% from 'macros.html' import link %}{{ link('<') }} {% include 'part.html' %}");
    assert_eq!(shown(app, "/t/a.html"), "<a href='/t/%3C'>&lt;</a> named 16");
}

#[test]
fn the_app_s_templates_win_over_a_blueprint_s_and_the_first_over_later_ones() {
    let folder = Folder::new().with("a.txt", "of the folder").with("sub/b.txt", "b of the folder");
    let blueprint =
        |name: &str, text: &str| Blueprint::new(name).template("a.txt", text).template("c.txt", text);
    let apps = app().register(blueprint("one", "of one")).register(blueprint("two", "of two"));
    let client =
        client(apps.templates(&folder.0).template("a.txt", "embedded").template("sub/b.txt", "embedded"));
    for (name, expected) in
        [("a.txt", "of the folder"), ("sub/b.txt", "b of the folder"), ("c.txt", "of one")]
    {
        assert_eq!(client.get(&format!("/t/{name}")).answer().text(), expected, "{name}");
    }
}

#[test]
fn context_processors_add_values_of_their_scope() {
    let show = async || render("a.txt", context! { given => "given" });
    let blog = Blueprint::new("blog")
        .context_processor(|_| Ok(context! { where_from => "blog", given => "never" }))
        .route(Route::new("/blog", show).endpoint("show"));
    let app = app()
        .context_processor(|request| Ok(context! { where_from => "app", path => request.path_info() }))
        .template("a.txt", "{{ given|default('-') }} {{ where_from }} {{ path }}")
        .template_global("path", "global")
        .register(blog);
    let client = client(app);
    assert_eq!(client.get("/blog").answer().text(), "given blog /blog");
    assert_eq!(client.get("/t/a.txt").answer().text(), "- app /t/a.txt");
}

#[test]
fn a_context_processor_that_fails_is_an_error_of_the_request() {
    let app = app().template("a", "x").context_processor(|_| Err::<(), _>(Error::msg("no menu")));
    assert_eq!(client(app).get("/t/a").answer().status(), 500);
}

#[test]
fn filters_tests_functions_and_globals_are_of_all_templates() {
    let app = app()
        .template_filter("shout", |text: &str| format!("{}!", text.to_uppercase()))
        .template_test("short", |text: &str| text.len() < 3)
        .template_function("twice", |number: i64| number * 2)
        .template_global("site", context! { name => "S" })
        .template("a.txt", "{{ 'a'|shout }} {{ 'ab' is short }} {{ twice(4) }} {{ site.name }}");
    assert_eq!(shown(app, "/t/a.txt"), "A! True 8 S");
}

#[test]
fn faults_of_templates_are_found_at_boot_with_file_and_line() {
    let folder = Folder::new()
        .with("broken.html", "one\n{% if %}")
        .with("child.html", "{% extends 'missing.html' %}")
        .with("list.html", "\n{% include ['no.html', 'broken.html'] %}{% include 'none' ignore missing %}")
        .with(".hidden.html", "{% if %}")
        .with("old.html~", "{% if %}");
    let told = faults(app().templates(&folder.0));
    let path = folder.0.join("broken.html");
    assert!(told.contains(&format!("the template {}: syntax error", path.display())), "{told}");
    assert!(told.contains("(in broken.html:2)"), "{told}");
    assert!(
        told.contains(
            "the template child.html, line 1: extends \"missing.html\", which is no template of the app"
        ),
        "{told}"
    );
    assert!(told.contains("there are broken.html, child.html, list.html"), "{told}");
    assert_eq!(told.matches("\n- ").count(), 2, "{told}");

    let told = faults(app().register(Blueprint::new("blog").templates(folder.0.join("not-there"))));
    assert!(
        told.contains("blueprint \"blog\": the folder of templates") && told.contains("CARGO_MANIFEST_DIR"),
        "{told}"
    );
    let binary = Folder::new();
    std::fs::write(binary.0.join("logo.png"), [0xff, 0xfe]).unwrap();
    assert!(faults(app().templates(&binary.0)).contains("logo.png can't be read"));
}

#[derive(serde::Serialize)]
struct Index {
    posts: Vec<String>,
}

impl Page for Index {
    const TEMPLATE: &'static str = "index.html";
}

#[test]
fn a_page_s_template_is_looked_for_at_boot_wherever_it_stands_in_the_answer() {
    async fn index() -> Result<Option<(u16, Render<Index>)>, Error> {
        Ok(Some((201, Render(Index { posts: vec!["a".to_owned(), "b".to_owned()] }))))
    }
    let answer = client(App::builder("app").get("/", index).template("index.html", "{{ posts|join('<') }}"))
        .get("/")
        .answer();
    assert_eq!((answer.status(), answer.text()), (201, "a&lt;b"));
    assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"));
    let told = faults(App::builder("app").get("/", index).template("indx.html", ""));
    assert!(
        told.contains("the handler of / (index): it renders \"index.html\", which is no template"),
        "{told}"
    );
    let told = faults(App::builder("app").on_status(404, index));
    assert!(
        told.contains("the handler of 404: it renders \"index.html\", and the app has no templates"),
        "{told}"
    );
}

#[test]
fn what_nobody_gave_is_an_error_unless_templates_are_lenient() {
    let app = || {
        app()
            .template("a.txt", "[{{ msising }}]")
            .template("b.txt", "{% if x %}{% endif %}[{{ x|default('') }}]")
    };
    let client = client(app());
    assert_eq!(client.get("/t/a.txt").answer().status(), 500);
    assert_eq!(client.get("/t/b.txt").answer().text(), "[]");
    assert_eq!(shown(app().lenient_templates(), "/t/a.txt"), "[]");
}

#[test]
fn an_error_names_file_and_line_but_not_to_the_client() {
    let told = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&told);
    let app = app()
        .template("layout.html", "{% block main %}{% endblock %}")
        .template("a.html", "{% extends 'layout.html' %}{% block main %}\n{{ secret_name }}{% endblock %}")
        .template("url.html", "\n\n{{ url_for('nowhere') }}")
        .teardown_request(move |_, error| {
            *heard.lock().unwrap() = error.map_or(String::new(), ToString::to_string);
        });
    let client = client(app);
    for (name, place, what) in [
        ("a.html", "a.html:2", "secret_name"),
        ("url.html", "url.html:3", "no such endpoint"),
        ("missing.html", "\"missing.html\" does not exist", ""),
    ] {
        let answer = client.get(&format!("/t/{name}")).answer();
        assert_eq!(answer.status(), 500, "{name}");
        let told = told.lock().unwrap().clone();
        assert!(told.contains(place) && told.contains(what), "{told}");
        assert!(!answer.text().contains(name) && !answer.text().contains("secret_name"), "{}", answer.text());
    }
}

#[test]
fn changed_files_are_read_again_if_that_is_wanted() {
    let folder = Folder::new().with("a.txt", "{% include 'b.txt' %}").with("b.txt", "one");
    let built = |reload| client(app().templates(&folder.0).templates_auto_reload(reload));
    let (fixed, reloading) = (built(false), built(true));
    let texts = || [&fixed, &reloading].map(|client| client.get("/t/a.txt").answer().text().to_owned());
    assert_eq!(texts(), ["one", "one"]);
    folder.write("b.txt", "two", 2);
    assert_eq!(texts(), ["one", "two"]);
    folder.write("b.txt", "{% if %}", 3);
    assert_eq!(reloading.get("/t/a.txt").answer().status(), 500);
    folder.write("b.txt", "three", 4);
    assert_eq!(texts(), ["one", "three"]);
    for path in ["/t/..%2Fa.txt", "/t/../a.txt", "/t/.hidden"] {
        assert_eq!(reloading.get(path).answer().status(), 500, "{path}");
    }
}

#[test]
fn a_template_sees_the_config_but_no_secret() {
    let config = crate::Config::new()
        .value(
            "blog",
            serde_json::json!({ "title": "Notes & more", "tags": ["a", "b"], "api_key": "hidden" }),
        )
        .value("secret_key", "x".repeat(40))
        .value("database_url", "postgres://user:hidden@host/db");
    let text = "{{ config.blog.title }} {{ config.blog.tags|join }} {{ config.secret_key is defined }} \
                {{ config.blog.api_key is defined }} {{ config.database_url is defined }} {{ config.nothing is defined }}";
    let app = App::builder("app").config(config).template("a.html", text).get("/<name>", named);
    assert_eq!(shown(app, "/a.html"), "Notes &amp; more ab False False False False");
}

#[cfg(all(feature = "csrf", feature = "sessions"))]
#[test]
fn a_template_shows_what_was_flashed_and_has_the_token_of_its_form() {
    use crate::{Csrf, Session, SessionKey, Sessions, flash};
    async fn add(session: Session) -> Result<(), Error> {
        flash(&session, "error", "<one>")?;
        Ok(flash(&session, "info", "two")?)
    }
    let text = "{% for kind, text in get_flashed_messages(with_categories=true) %}{{ kind }}={{ text }};{% endfor %}\
                {{ get_flashed_messages(category_filter=['info'])|join }} {{ csrf_field() }} {{ csrf_token()|length > 20 }}";
    let app = App::builder("app")
        .sessions(Sessions::new(SessionKey::generate()))
        .middleware(Csrf::new().in_session())
        .template("a.html", text)
        .get("/add", add)
        .get("/page/<name>", named);
    let client = client(app).keep_cookies();
    assert_eq!(client.get("/add").answer().status(), 204);
    let page = client.get("/page/a.html").answer().text().to_owned();
    assert!(
        page.starts_with(
            "error=&lt;one&gt;;info=two;two <input type=\"hidden\" name=\"csrf_token\" value=\""
        ),
        "{page}"
    );
    assert!(page.ends_with("True"), "{page}");
    assert!(client.get("/page/a.html").answer().text().starts_with(" <input"), "they were shown");
}
