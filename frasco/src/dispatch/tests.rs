//! The road of a request, through the test client: hooks and their order, errors and who answers them.

use std::sync::{Arc, Mutex};

use rsgi_test::Client;

use crate::{
    App, Blueprint, BuildError, Builder, Error, HttpError, Json, Path, Request, Response, Route, abort,
    abort_with, redirect,
};

/// What happened, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn client(builder: Builder) -> Client {
    Client::new(builder.build().unwrap())
}

fn faults(builder: Builder) -> String {
    builder.build().map(drop).unwrap_err().to_string()
}

async fn ping() -> &'static str {
    "pong"
}

fn create_app() -> Result<App, BuildError> {
    App::builder("app").register(Blueprint::new("ping").get("/ping", ping)).build()
}

#[test]
fn the_talks_app_answers_as_flasks_does() {
    let client = Client::new(create_app().unwrap());
    let answer = client.get("/ping").answer();
    assert_eq!((answer.status(), answer.text()), (200, "pong"));
    assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.field("content-length"), Some("4"));
    let head = client.head("/ping").answer();
    assert_eq!((head.status(), head.text(), head.field("content-length")), (200, "", Some("4")));
    let post = client.post("/ping").answer();
    assert_eq!((post.status(), post.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
    let options = client.request("OPTIONS", "/ping").answer();
    assert_eq!(
        (options.status(), options.text(), options.field("allow")),
        (200, "", Some("GET, HEAD, OPTIONS"))
    );
    assert_eq!(client.get("/ping/").answer().status(), 404);
    let unknown = client.get("/unknown").answer();
    assert_eq!((unknown.status(), unknown.field("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(unknown.text().starts_with("<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n"));
}

/// Hooks that note that they were called, of a scope of this name.
macro_rules! noting {
    ($scope:expr, $notes:expr, $name:literal) => {{
        let [before, after, teardown] = [$notes.clone(), $notes.clone(), $notes.clone()];
        $scope
            .before_request(move || {
                before.note(concat!($name, " before"));
            })
            .after_request(move |_, _| {
                after.note(concat!($name, " after"));
                Ok(())
            })
            .teardown_request(move |_, error| {
                let error = error.map_or(String::new(), |error| format!(": {error}"));
                teardown.note(&format!("{} teardown{error}", $name));
            })
    }};
}

#[test]
fn hooks_are_called_from_the_app_in_and_back_out() {
    let notes = Notes::default();
    let (view, later) = (notes.clone(), notes.clone());
    let show = move |request: Request| {
        let (view, later) = (view.clone(), later.clone());
        async move {
            view.note("view");
            request.after_this_request(move |_, _| {
                later.note("this request");
                Ok(())
            });
            "shown"
        }
    };
    let inner =
        noting!(Blueprint::new("inner"), notes, "inner").route(Route::new("/x", show).endpoint("show"));
    let outer = noting!(Blueprint::new("outer").url_prefix("/outer"), notes, "outer").register(inner);
    let other = noting!(Blueprint::new("other"), notes, "other");
    let app = noting!(App::builder("app"), notes, "second");
    let client = client(noting!(app, notes, "app").register(outer).register(other));
    assert_eq!(client.get("/outer/x").answer().text(), "shown");
    let expected = [
        "second before",
        "app before",
        "outer before",
        "inner before",
        "view",
        "this request",
        "inner after",
        "outer after",
        "app after",
        "second after",
        "inner teardown",
        "outer teardown",
        "app teardown",
        "second teardown",
    ];
    assert_eq!(notes.take(), expected);
    assert_eq!(client.get("/nothing").answer().status(), 404);
    let expected = [
        "second before",
        "app before",
        "app after",
        "second after",
        "app teardown: 404 Not Found: The page was not found on the server. If you entered its address by hand, please check the spelling.",
    ];
    assert_eq!(notes.take()[..5], expected);
}

#[test]
fn a_function_before_may_answer_and_what_is_behind_still_sees_it() {
    let login = |request: Request| async move {
        let answer = request.header("x-user").is_none().then(|| redirect("/login"));
        Ok::<_, Error>(answer)
    };
    let app = App::builder("app").before_request(login).get("/", ping).after_request(|_, response| {
        let seen = response.status().as_u16().into();
        response.headers_mut().insert("x-seen", seen);
        Ok(())
    });
    let client = client(app);
    let answer = client.get("/").answer();
    assert_eq!(
        (answer.status(), answer.field("location"), answer.field("x-seen")),
        (303, Some("/login"), Some("303"))
    );
    assert_eq!(client.get("/").header("x-user", "ada").answer().text(), "pong");
}

#[test]
fn teardown_is_called_after_a_panic_and_when_the_client_has_gone() {
    let notes = Notes::default();
    let app = noting!(App::builder("app"), notes, "app")
        .route(Route::new("/panic", async || -> &'static str { panic!("on purpose") }).endpoint("panic"))
        .route(Route::new("/wait", async || std::future::pending::<&'static str>().await).endpoint("wait"));
    let client = client(app);
    assert_eq!(client.get("/panic").answer().status(), 500);
    assert_eq!(notes.take(), ["app before", "app after", "app teardown: the handler panicked: on purpose"]);
    let mut open = client.get("/wait").open().unwrap();
    assert!(matches!(open.poll(), rsgi_test::Step::Pending), "it waits for ever");
    assert_eq!(notes.take(), ["app before"]);
    drop(open);
    assert_eq!(notes.take().last().map(String::as_str), Some("app teardown"));
}

#[derive(Debug)]
struct Broke(Option<std::num::ParseIntError>);

impl std::fmt::Display for Broke {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("broke")
    }
}

impl std::error::Error for Broke {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_ref().map(|error| error as _)
    }
}

async fn fail(Path(how): Path<String>) -> Result<&'static str, Error> {
    match how.as_str() {
        "broke" => Err(Broke(None).into()),
        "source" => Err(Broke("x".parse::<u8>().err()).into()),
        "teapot" => Err(abort(418).into()),
        "gone" => Err(abort(410).description("<it> is gone").into()),
        "answer" => Err(abort_with(Response::new("answered").with_status(202)).into()),
        "wrong" => Err(abort(200).into()),
        other => Err(Error::msg(other)),
    }
}

#[test]
fn an_error_is_answered_by_its_status_its_type_or_a_page() {
    let by_status =
        |error: HttpError| async move { format!("status {}: {}", error.status().as_u16(), error.told()) };
    let app = App::builder("app")
        .get("/<how>", fail)
        .on_status(500, by_status)
        .on_status(418, async || (200, "a pot of tea"))
        .on_error::<std::num::ParseIntError, _>(async || (400, "no number"));
    let client = client(app);
    let ask = |path: &str| {
        let answer = client.get(path).answer();
        (answer.status(), answer.text().to_owned())
    };
    let sentence = "The server met an error and could not complete your request.";
    assert_eq!(ask("/broke"), (500, format!("status 500: {sentence}")));
    assert_eq!(ask("/source"), (400, "no number".to_owned()));
    assert_eq!(ask("/teapot"), (200, "a pot of tea".to_owned()));
    assert_eq!(ask("/answer"), (202, "answered".to_owned()));
    assert_eq!(ask("/wrong").0, 500);
    let (status, page) = ask("/gone");
    assert_eq!(status, 410);
    assert!(page.contains("<p>&lt;it&gt; is gone</p>"), "{page}");
    assert!(!ask("/secret").1.contains("secret"), "an error's text is not for the client");
}

#[test]
fn a_path_below_a_prefix_that_no_rule_matches_is_the_blueprints() {
    let told = |who: &'static str| move || async move { who };
    let users = Blueprint::new("users").url_prefix("/users").on_status(404, told("users")).get("/", ping);
    let admin = Blueprint::new("admin").url_prefix("/admin").on_status(404, told("admin")).register(users);
    let lang = Blueprint::new("lang").url_prefix("/<any(de, fr):lang>").on_status(404, told("lang"));
    let app = App::builder("app").on_status(404, told("app")).register(admin).register(lang);
    let client = client(app);
    for (path, who) in [
        ("/x", "app"),
        ("/adminx", "app"),
        ("/admin", "admin"),
        ("/admin/x", "admin"),
        ("/admin/users/x", "users"),
        ("/%61dmin/users/x", "users"),
        ("/admin%2Fusers/x", "app"),
        ("/de/x", "lang"),
        ("/en/x", "app"),
    ] {
        let answer = client.get(path).answer();
        assert_eq!((answer.status(), answer.text()), (404, who), "{path}");
    }
}

#[test]
fn an_error_handler_that_fails_is_a_500_and_the_client_learns_nothing() {
    let failing = async || -> Result<&'static str, Error> { Err(Error::msg("worse")) };
    let app = App::builder("app").get("/<how>", fail).on_status(404, failing).on_status(500, failing);
    let client = client(app);
    for path in ["/broke", "/a/b"] {
        let answer = client.get(path).answer();
        assert_eq!(answer.status(), 500, "{path}");
        assert!(!answer.text().contains("worse"), "{}", answer.text());
    }
}

#[test]
fn a_redirect_keeps_mount_query_and_method() {
    let app = App::builder("app").get("/docs/", ping).build().unwrap();
    let client = Client::new(rsgi_core::Mount::new().at("/site", app));
    let answer = client.get("/site/docs?a=%20b").answer();
    assert_eq!((answer.status(), answer.field("location")), (308, Some("/site/docs/?a=%20b")));
    let merged = client.get("/site//docs/").answer();
    assert_eq!((merged.status(), merged.field("location")), (308, Some("/site/docs/")));
}

#[test]
fn a_redirect_never_leads_to_another_host() {
    let client = client(App::builder("app").get("/<path:page>/", ping));
    for path in ["//evil.example", "///evil.example/x", "/%2Fevil.example"] {
        let answer = client.get(path).answer();
        let location = answer.field("location").unwrap_or_default();
        assert!(!location.starts_with("//"), "{path}: {location}");
    }
}

#[test]
fn handlers_may_return_what_the_table_says() {
    let app = App::builder("app")
        .route(Route::new("/text", || String::from("text")).endpoint("text"))
        .route(Route::new("/bytes", async || b"\x00\xff".to_vec()).endpoint("bytes"))
        .route(Route::new("/status", || (201, "made")).endpoint("status"))
        .route(
            Route::new("/fields", async || (202, [("X-A", "1"), ("content-type", "text/plain")], "b"))
                .endpoint("fields"),
        )
        .route(Route::new("/json", async || Json([1, 2])).endpoint("json"))
        .route(Route::new("/none", || None::<&'static str>).endpoint("none"))
        .route(Route::new("/nothing", async || ()).endpoint("nothing"))
        .route(Route::new("/bad", || (99, "x")).endpoint("bad"));
    let client = client(app);
    let of = |path: &str| {
        let answer = client.get(path).answer();
        (answer.status(), answer.field("content-type").map(str::to_owned), answer.body().to_vec())
    };
    let html = || Some("text/html; charset=utf-8".to_owned());
    assert_eq!(of("/text"), (200, html(), b"text".to_vec()));
    assert_eq!(of("/bytes"), (200, html(), b"\x00\xff".to_vec()));
    assert_eq!(of("/status"), (201, html(), b"made".to_vec()));
    assert_eq!(of("/fields"), (202, Some("text/plain".to_owned()), b"b".to_vec()));
    assert_eq!(of("/json"), (200, Some("application/json".to_owned()), b"[1,2]\n".to_vec()));
    assert_eq!(of("/none").0, 404);
    assert_eq!(of("/nothing"), (204, None, Vec::new()));
    assert_eq!(of("/bad").0, 500);
}

#[test]
fn json_is_read_and_what_is_none_is_refused() {
    let app = App::builder("app")
        .post("/", async |Json(numbers): Json<Vec<u32>>| Json(numbers.iter().sum::<u32>()));
    let app = App::builder("app").route(app.scope.routes[0].clone().endpoint("sum"));
    let client = client(app);
    let ask =
        |kind: &str, text: &'static str| client.post("/").header("content-type", kind).body(text).answer();
    assert_eq!(ask("application/json", "[1, 2]").text(), "3\n");
    assert_eq!(ask("application/vnd.x+json; charset=utf-8", "[4]").text(), "4\n");
    assert_eq!(ask("text/plain", "[1]").status(), 415);
    assert_eq!(ask("application/json", "[1").status(), 400);
    assert_eq!(ask("application/json", "[\"a\"]").status(), 422);
}

#[test]
fn what_is_wrong_with_an_app_is_told_all_at_once() {
    async fn other() -> &'static str {
        "other"
    }
    let told = faults(
        App::builder("app")
            .get("/a", ping)
            .route(Route::new("/b", other).endpoint("ping"))
            .get("/a", other)
            .get("nowhere", other)
            .get("/closure", async || "x")
            .route(Route::new("/m", other).methods(["GE T"]))
            .get("/<int:a>/<b>", async |Path(_): Path<u32>| "x")
            .on_status(200, other)
            .register(Blueprint::new("x").get("/x", ping))
            .register(Blueprint::new("x"))
            .register(Blueprint::new("a.b"))
            .state(1_u8)
            .state(2_u8),
    );
    for part in [
        "the app \"app\" can't be built:\n- ",
        "the rule /b: the endpoint ping is another function's already",
        "the rule /a: GET of the same paths leads to ping already",
        "the rule nowhere: a rule begins with a slash",
        "the rule /closure: a closure has no name",
        "the rule /m: \"GE T\" is no method",
        "on_status(200): only 400 to 599 are errors",
        "blueprint x is registered twice",
        "\"a.b\" is no name",
        "state of the type u8 was given twice",
    ] {
        assert!(told.contains(part), "{part:?} in {told}");
    }
    let told = faults(
        App::builder("app").on_error::<Broke, _>(async |_: crate::Query<u8>, _: crate::State<u8>| "x"),
    );
    assert!(told.contains("Broke: it wants State<u8>"), "{told}");
}

#[test]
fn methods_may_be_written_small_and_twice_as_in_flask() {
    let client = client(App::builder("app").route(Route::new("/", ping).methods(["get", "Post", "GET"])));
    assert_eq!(client.get("/").answer().text(), "pong");
    assert_eq!(client.put("/").answer().field("allow"), Some("GET, HEAD, OPTIONS, POST"));
}

#[test]
fn the_same_function_may_have_several_rules() {
    let app = App::builder("app").route(
        Route::new("/", async |Path(page): Path<u32>| page.to_string()).endpoint("page").default("page", 1),
    );
    let page = app.scope.routes[0].clone();
    let mut other = page.clone();
    other.rule = "/page/<int:page>".to_owned();
    other.defaults.clear();
    let index = Route::new("/urls", async |request: Request| -> Result<String, Error> {
        let url = |page: u32| request.url_for("page").with("page", page).build();
        Ok(format!("{} {}", url(1)?, url(2)?))
    });
    let client = client(app.route(other).route(index.endpoint("urls")));
    assert_eq!(client.get("/").answer().text(), "1");
    assert_eq!(client.get("/page/3").answer().text(), "3");
    assert_eq!(client.get("/urls").answer().text(), "/page/1 /page/2");
}

#[test]
fn blocking_handlers_run_where_they_may_block() {
    let app = App::builder("app")
        .route(Route::new("/", || rsgi_core::thread_may_block().to_string()).endpoint("may"));
    assert_eq!(client(app).get("/").answer().text(), "true");
}

#[test]
fn fields_without_a_status_stand_in_place_of_the_value_s_own() {
    let show = |request: Request| {
        let value = request.arg("value").unwrap_or_default().into_owned();
        ([("content-type", "text/plain".to_owned()), ("x-value", value)], "text")
    };
    let client = client(App::builder("app").route(Route::new("/", show).endpoint("show")));
    let answer = client.get("/?value=a+b").answer();
    assert_eq!((answer.status(), answer.text()), (200, "text"));
    assert_eq!((answer.field("content-type"), answer.field("x-value")), (Some("text/plain"), Some("a b")));
}

#[test]
fn no_value_that_a_client_sent_begins_a_field_of_its_own() {
    let show = |request: Request| {
        let value = request.arg("value").unwrap_or_default().into_owned();
        (200, [("x-value", value)], "text")
    };
    let go = |request: Request| redirect(request.arg("value").unwrap_or_default());
    let app = App::builder("app").route(Route::new("/show", show).endpoint("show"));
    let client = client(app.route(Route::new("/go", go).endpoint("go")));
    for end in ["%0D%0A", "%0A", "%0D", "%00", "%0D%0A%0D%0A", "%C4%8D%C4%8A", "%E5%98%8A%E5%98%8D"] {
        let value = format!("/a{end}Set-Cookie:%20forged=1");
        let answer = client.get(&format!("/go?value={value}")).answer();
        let location = answer.field("location").unwrap();
        assert_eq!((answer.status(), answer.field("set-cookie")), (303, None), "{end}");
        assert!(location.bytes().all(|byte| (b'!'..=b'~').contains(&byte)), "{location}");
        assert_eq!(location, value, "{end}: as it was escaped");
        let answer = client.get(&format!("/show?value={value}")).answer();
        assert_eq!(answer.field("set-cookie"), None, "{end}");
        let is_control = !end.starts_with("%C") && !end.starts_with("%E");
        assert_eq!(answer.status(), if is_control { 500 } else { 200 }, "{end}: refused, never repaired");
    }
}
