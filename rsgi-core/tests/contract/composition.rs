//! Apps made of apps: mounts, stacks, erased types; what passes through them and in which order.

use std::sync::{Arc, Mutex};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{Request, StatusCode};
use rsgi_core::{
    App, Body, BoxApp, Capabilities, Environ, Error, Input, Middleware, Mount, Stack, StartResponse, Started,
    app_fn, around, blocking, change_answer, wait,
};

use crate::asking::{ask, get, request};

type Log = Arc<Mutex<Vec<String>>>;

/// Says where it is mounted; counts its stops.
struct Place {
    name: &'static str,
    needs: Capabilities,
    log: Log,
}

impl Place {
    fn new(name: &'static str, needs: Capabilities, log: &Log) -> Self {
        Self { name, needs, log: Arc::clone(log) }
    }
}

impl App for Place {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let text = format!(
            "{} {:?} {:?} {}",
            self.name,
            environ.script_name(),
            environ.path_info(),
            environ.target()
        );
        Ok(start_response.status(StatusCode::OK).body(text))
    }

    fn requires(&self) -> Capabilities {
        self.needs
    }

    async fn stop(&self) {
        self.log.lock().unwrap().push(format!("{} stopped", self.name));
    }
}

fn text(app: &impl App, target: &str) -> String {
    ask(app, request("GET", target)).text().to_owned()
}

fn site(log: &Log) -> Mount {
    let place = |name, needs| Place::new(name, needs, log);
    let admin = Mount::new()
        .at("/users", place("users", Capabilities::TLS))
        .at("", place("admin", Capabilities::NONE));
    Mount::new()
        .at("/", place("root", Capabilities::TRAILERS))
        .at("/admin/", admin)
        .at("/admin/static", place("static", Capabilities::SENDFILE))
        .at("/café", place("café", Capabilities::NONE))
}

#[test]
fn the_longest_prefix_wins_segment_by_segment() {
    // rule(12), rule(13), rule(15)
    let site = site(&Log::default());
    for (target, expected) in [
        ("/", r#"root "" "/" /"#),
        ("/other?q", r#"root "" "/other" /other?q"#),
        ("/administrator", r#"root "" "/administrator" /administrator"#),
        ("/admin", r#"admin "/admin" "" /admin"#),
        ("/admin/", r#"admin "/admin" "/" /admin/"#),
        ("/%61dmin/x", r#"admin "/%61dmin" "/x" /%61dmin/x"#),
        ("/admin%2Fusers", r#"root "" "/admin%2Fusers" /admin%2Fusers"#),
        ("/admin/users/7", r#"users "/admin/users" "/7" /admin/users/7"#),
        ("/admin/static", r#"static "/admin/static" "" /admin/static"#),
        ("/admin/staticx", r#"admin "/admin" "/staticx" /admin/staticx"#),
        ("//admin", r#"root "" "//admin" //admin"#),
        ("/caf%C3%A9/menu", r#"café "/caf%C3%A9" "/menu" /caf%C3%A9/menu"#),
    ] {
        assert_eq!(text(&site, target), expected);
    }
    assert_eq!(ask(&site, request("OPTIONS", "*")).text(), r#"root "" "*" *"#);
}

#[test]
fn what_is_mounted_nowhere_is_not_found() {
    let empty = ask(&Mount::new(), get());
    assert_eq!((empty.status.as_u16(), empty.text()), (404, "404 Not Found\n"));
    let one = Mount::new().at("/a", Place::new("a", Capabilities::NONE, &Log::default()));
    assert_eq!(ask(&one, request("GET", "/b")).status.as_u16(), 404);
}

#[test]
fn a_prefix_mounted_twice_holds_the_later_app() {
    let log = Log::default();
    let site = Mount::new()
        .at("/a", Place::new("first", Capabilities::TLS, &log))
        .at("/a/", Place::new("second", Capabilities::NONE, &log));
    assert!(text(&site, "/a/b").starts_with("second"));
    assert_eq!(site.requires(), Capabilities::NONE);
}

#[test]
fn a_prefix_that_could_never_match_is_a_mistake_found_at_boot() {
    for prefix in ["a", "a/", "//", "/a//b", "/a//"] {
        let app = Place::new("a", Capabilities::NONE, &Log::default());
        let mounted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Mount::new().at(prefix, app)));
        assert!(mounted.is_err(), "{prefix}");
    }
}

#[test]
fn needs_are_united_and_a_stop_reaches_everything() {
    // rule(131)
    let log = Log::default();
    let app = Stack::new()
        .then(around(|environ, start_response, next| async move { next.call(environ, start_response).await }))
        .then(change_answer(|_| Ok(())))
        .app(BoxApp::new(Arc::new(site(&log))));
    let all = Capabilities::TRAILERS | Capabilities::TLS | Capabilities::SENDFILE;
    assert_eq!(app.requires(), all);
    wait(app.stop());
    let mut stopped = log.lock().unwrap().clone();
    stopped.sort();
    assert_eq!(stopped, ["admin stopped", "café stopped", "root stopped", "static stopped", "users stopped"]);
}

/// A middleware that writes down its way in and out.
fn logged(log: &Log, name: &'static str) -> impl Middleware<BoxApp, App: App> {
    let log = Arc::clone(log);
    around(move |environ, start_response, next| {
        let log = Arc::clone(&log);
        async move {
            log.lock().unwrap().push(format!("{name} in"));
            let started = next.call(environ, start_response).await;
            log.lock().unwrap().push(format!("{name} out"));
            started
        }
    })
}

#[test]
fn a_stack_reads_from_the_outside_in() {
    let log = Log::default();
    let in_app = Arc::clone(&log);
    let app = blocking(move |_, start_response| {
        in_app.lock().unwrap().push("app".into());
        Ok(start_response.status(StatusCode::OK).body("hello"))
    });
    let inner = BoxApp::new(Stack::new().then(logged(&log, "inner")).app(BoxApp::new(app)));
    let stack = Stack::new().then(logged(&log, "outer")).app(inner);
    assert_eq!(ask(&stack, get()).text(), "hello");
    assert_eq!(*log.lock().unwrap(), ["outer in", "inner in", "app", "inner out", "outer out"]);

    let order = Stack::new()
        .then(change_answer(|started| Ok(started.fields_mut().append("x-order", "outer")?)))
        .then(change_answer(|started| Ok(started.fields_mut().append("x-order", "inner")?)))
        .app(app_fn(|_, start_response: StartResponse| async move {
            Ok(start_response.status(StatusCode::OK).empty())
        }));
    let answer = ask(&order, get());
    assert_eq!(answer.headers.get_all("x-order").iter().collect::<Vec<_>>(), ["inner", "outer"]);
}

#[test]
fn a_middleware_works_on_environ_head_and_body() {
    // rule(108), rule(109)
    let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
        let name = environ.get::<String>().cloned().ok_or("no name")?;
        Ok(start_response
            .start(StatusCode::OK, [("content-length", "7")])?
            .body(Body::iter(["he", "llo"]))
            .with(&name))
    });
    let stack = Stack::new()
        .then(around(|mut environ: Environ, start_response, next| async move {
            environ.insert(String::from("ada"));
            let started: Started = next.call(environ, start_response).await?;
            Ok(started.map_body(|body| body.map(|piece: Bytes| Ok(piece.to_ascii_uppercase().into()))))
        }))
        .then(change_answer(|started| Ok(started.set_status(StatusCode::CREATED)?)))
        .app(app);
    let answer = ask(&stack, get());
    assert_eq!((answer.status.as_u16(), answer.text()), (201, "HELLO"));
    assert_eq!((answer.header("x-name"), answer.header("content-length")), (Some("ada"), None));
}

/// Adds a field to a whole answer, as an app's own extension does.
trait With {
    fn with(self, name: &str) -> Self;
}

impl With for Started {
    fn with(mut self, name: &str) -> Self {
        self.fields_mut().insert("x-name", name.to_owned()).unwrap();
        self
    }
}

#[test]
fn an_error_of_a_middleware_replaces_the_answer() {
    let refusing =
        Stack::new().then(change_answer(|_| Err("no".into()))).app(app_fn(
            |_, start_response: StartResponse| async move {
                Ok(start_response.status(StatusCode::OK).body("hello"))
            },
        ));
    assert_eq!(ask(&refusing, get()).status.as_u16(), 500);
    let handling = Stack::new()
        .then(around(|environ, start_response: StartResponse, next| async move {
            match next.call(environ, start_response.clone()).await {
                Ok(started) => Ok(started),
                Err(error) => Ok(start_response.status(StatusCode::IM_A_TEAPOT).body(error.to_string())),
            }
        }))
        .app(app_fn(|_, _| async { Err::<Started, Error>("boiling".into()) }));
    let answer = ask(&handling, get());
    assert_eq!((answer.status.as_u16(), answer.text()), (418, "boiling"));
}

#[test]
fn an_erased_or_shared_app_answers_like_the_app_itself() {
    let app = Arc::new(Place::new("a", Capabilities::TLS, &Log::default()));
    let erased = BoxApp::new(Arc::clone(&app));
    assert_eq!(text(&erased, "/x"), text(&app, "/x"));
    assert_eq!((erased.requires(), app.requires()), (Capabilities::TLS, Capabilities::TLS));
    assert_eq!(text(&BoxApp::new(erased.clone()), "/x"), text(&*app, "/x"));
}

#[test]
fn a_blocking_app_is_ready_at_the_first_poll_on_a_blocking_server() {
    let here = std::thread::current().id();
    let app = blocking(move |_, start_response| {
        assert_eq!(std::thread::current().id(), here);
        Ok(start_response.status(StatusCode::OK).body("hello"))
    });
    let (count, waker) = crate::asking::Count::new();
    let environ = Environ::on_server(Request::new(Input::empty()), crate::asking::plain());
    let mut answer = Box::pin(rsgi_core::respond(&app, environ));
    assert!(answer.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_ready());
    assert_eq!(count.wakes(), 0);
    assert_eq!(ask(&app.clone(), get()).text(), "hello");
}
