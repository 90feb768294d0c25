//! Sessions through the test client: where they stand, what is flashed, and what is told of an app that has none.

use rsgi_core::around;
use rsgi_test::Client;

use super::{Flashes, flash};
use crate::{App, Builder, Csrf, CsrfToken, Error, Request, Session, SessionKey, Sessions};

fn builder() -> Builder {
    App::builder("app").sessions(Sessions::new(SessionKey::generate()))
}

fn client(builder: Builder) -> Client {
    Client::new(builder.build().unwrap()).keep_cookies()
}

fn texts(flashes: &Flashes) -> String {
    let all: Vec<_> = flashes.iter().map(|it| format!("{}={};", it.category, it.text)).collect();
    all.concat()
}

#[test]
fn sessions_are_around_middleware_wherever_they_were_given() {
    let ask = around(async |environ, start_response, app| {
        let visited = environ.get::<Session>().ok_or("no session")?.clone();
        visited.insert("by", "middleware")?;
        app.call(environ, start_response).await
    });
    let show = async |session: Session| session.get::<String>("by").map(Option::unwrap_or_default);
    let app = App::builder("app").middleware(ask).route(crate::Route::new("/", show).endpoint("show"));
    let client = client(app.sessions(Sessions::new(SessionKey::generate())));
    let answer = client.get("/").answer();
    assert_eq!((answer.text(), answer.field("vary")), ("middleware", Some("cookie")));
}

#[test]
fn an_app_that_asks_for_no_session_sends_no_cookie_and_may_be_cached() {
    async fn ping() -> &'static str {
        "pong"
    }
    let answer = client(builder().get("/", ping)).get("/").answer();
    assert_eq!((answer.text(), answer.all("set-cookie").len(), answer.field("vary")), ("pong", 0, None));
}

#[test]
fn messages_are_shown_once_in_order_and_the_same_to_all_who_ask_in_one_request() {
    async fn add(session: Session) -> Result<(), Error> {
        flash(&session, "error", "one")?;
        Ok(flash(&session, "info", String::from("two"))?)
    }
    async fn show(flashes: Flashes, request: Request, session: Session) -> Result<String, Error> {
        // Of a message after they were taken, only the next page knows.
        flash(&session, "late", "three")?;
        let again = request.flashes()?;
        assert_eq!(flashes.of("info").collect::<Vec<_>>(), ["two"]);
        Ok(format!("{} {}", texts(&flashes), texts(&again)))
    }
    async fn next(flashes: Flashes) -> String {
        texts(&flashes)
    }
    let client = client(builder().post("/add", add).get("/show", show).get("/next", next));
    assert_eq!(client.post("/add").answer().status(), 204);
    assert_eq!(client.get("/show").answer().text(), "error=one;info=two; error=one;info=two;");
    assert_eq!(client.get("/next").answer().text(), "late=three;");
    assert_eq!(client.get("/next").answer().text(), "");
}

#[test]
fn messages_of_one_request_are_shown_by_it() {
    async fn both(request: Request, session: Session) -> Result<String, Error> {
        flash(&session, "message", "now")?;
        Ok(texts(&request.flashes()?))
    }
    let client = client(builder().get("/", both));
    assert_eq!(client.get("/").answer().text(), "message=now;");
    assert!(client.get("/").answer().text().ends_with("now;"));
}

#[test]
fn a_message_that_the_session_has_no_room_for_is_an_error() {
    async fn long(session: Session) -> Result<(), Error> {
        Ok(flash(&session, "message", "x".repeat(5000))?)
    }
    let answer = client(builder().get("/", long)).get("/").answer();
    assert_eq!((answer.status(), answer.all("set-cookie").len()), (500, 0));
}

#[test]
fn an_app_without_sessions_is_told_so_at_boot() {
    async fn session(_: Session) {}
    async fn flashes(_: Flashes) {}
    async fn before(_: Option<Session>) {}
    let app = App::builder("app").get("/session", session).get("/flashes", flashes).before_request(before);
    let told = app.build().unwrap_err().to_string();
    let lines: Vec<_> = told.lines().skip(1).collect();
    let remedy =
        "and the app has no sessions: set `secret_key` in its config, or add .sessions(...) to the builder";
    assert_eq!(
        lines,
        [
            format!("- the handler of /session (session): it wants Session, {remedy}"),
            format!("- the handler of /flashes (flashes): it wants Flashes, {remedy}"),
            format!("- a function before requests: it wants Session, {remedy}"),
        ]
    );
}

#[cfg(feature = "csrf")]
#[test]
fn tokens_lie_in_the_session_and_end_with_it() {
    async fn form(token: CsrfToken) -> Result<String, Error> {
        Ok(token.value()?)
    }
    async fn login(session: Session) -> Result<(), Error> {
        Ok(session.regenerate()?)
    }
    let client = client(builder().middleware(Csrf::new().in_session()).get("/", form).post("/login", login));
    let token = client.get("/").answer().text().to_owned();
    let login = || client.post("/login").form(&[("csrf_token", &token)]).answer().status();
    assert_eq!(client.post("/login").answer().status(), 403);
    assert_eq!(login(), 204);
    assert_eq!(login(), 403, "it was of before the login");
}

#[cfg(feature = "csrf")]
#[test]
fn a_token_without_its_middleware_is_an_error_that_says_what_to_do() {
    async fn form(token: CsrfToken) -> Result<String, Error> {
        Ok(token.value()?)
    }
    async fn show(error: crate::HttpError, request: Request) -> String {
        format!("{} {:?}", error.status().as_u16(), request.error().map(|(error, _)| error.to_string()))
    }
    let answer = client(builder().get("/", form).on_status(500, show)).get("/").answer();
    assert!(answer.text().contains("add .middleware(Csrf::new()) to the builder"), "{}", answer.text());
}
