//! What is shown to whom, and what stays as it was.

use rsgi_core::http::StatusCode;
use rsgi_core::{
    App, Body, BoxApp, Endpoint, Environ, Error, Fault, Middleware, StartResponse, Started, app_fn, blocking,
};
use rsgi_test::{Answer, Client, Memory};

use super::DevelopmentErrors;

#[derive(Debug)]
struct Outer(std::io::Error);

impl std::fmt::Display for Outer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("no <cart>")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn failing() -> BoxApp {
    let error = || Outer(std::io::Error::other("the \"disk\" is gone"));
    BoxApp::new(app_fn(move |_, _| async move { Err::<Started, Error>(error().into()) }))
}

fn shown(app: impl App) -> Client {
    Client::new(DevelopmentErrors::new().wrap(app))
}

fn fault(answer: &Answer) -> Option<Fault> {
    answer.outcome().and_then(|outcome| outcome.fault)
}

#[test]
fn an_error_is_shown_with_its_causes_in_the_form_that_is_asked_for() {
    let client = shown(failing());
    let html = client.get("/a?b=c").header("accept", "text/html").header("x-own", "<script>").answer();
    assert_eq!((html.status(), html.field("content-type")), (500, Some("text/html; charset=utf-8")));
    assert_eq!(html.field("cache-control"), Some("no-store"));
    for part in ["no &lt;cart&gt;", "the &quot;disk&quot; is gone", "x-own", "&lt;script&gt;"] {
        assert!(html.text().contains(part), "{part}: {}", html.text());
    }
    assert!(!html.text().contains("<script>") && !html.text().contains("<cart>"));
    let json = client.get("/a").header("accept", "application/json").answer();
    assert!(json.text().contains(r#""causes":["no <cart>","the \"disk\" is gone"]"#), "{}", json.text());
    let text = client.get("/a").answer();
    assert!(
        text.text().starts_with("The app returned an error\n\nno <cart>\ncaused by: the \"disk\" is gone\n")
    );
    for answer in [&html, &json, &text] {
        assert_eq!(fault(answer), Some(Fault::Error), "the outcome says so still");
    }
}

#[test]
fn a_panic_is_shown_wherever_it_comes_from() {
    let polled = app_fn(|_, _| async { panic!("at poll") });
    let called = app_fn(|_, _| -> std::future::Ready<Result<Started, Error>> { panic!("at call") });
    let blocked = blocking(|_, _| panic!("blocked"));
    for (app, text) in [
        (BoxApp::new(polled), "at poll"),
        (BoxApp::new(called), "at call"),
        (BoxApp::new(blocked), "blocked"),
    ] {
        for memory in [Memory::new(), Memory::new().threads()] {
            let client = Client::with(DevelopmentErrors::new().wrap(app.clone()), memory);
            let answer = client.get("/").answer();
            assert!(answer.text().starts_with(&format!("The app panicked\n\n{text}\n")), "{}", answer.text());
            assert_eq!((answer.status(), fault(&answer)), (500, Some(Fault::Panic)));
        }
    }
}

#[test]
fn only_clients_of_this_machine_are_shown_anything() {
    let app = || DevelopmentErrors::new().wrap(failing());
    let from = |peer: Endpoint| Client::with(app(), Memory::new().peer(peer));
    let of = |address: &str| Endpoint::Tcp(address.parse().unwrap());
    let is_shown = |answer: &Answer| answer.text().contains("<cart>");
    for near in [of("127.0.0.1:1"), of("[::1]:1"), of("[::ffff:127.0.0.1]:1"), Endpoint::unix(None, None)] {
        assert!(is_shown(&from(near).get("/").answer()));
    }
    for far in [of("192.0.2.1:1"), of("[2001:db8::1]:1")] {
        let answer = from(far.clone()).get("/").answer();
        assert_eq!((answer.status(), answer.text()), (500, "500 Internal Server Error\n"));
        let everyone = DevelopmentErrors::new().danger_to_everyone().wrap(failing());
        assert!(is_shown(&Client::with(everyone, Memory::new().peer(far)).get("/").answer()));
    }
    let proxied = from(of("127.0.0.1:1")).get("/").header("x-forwarded-for", "192.0.2.1").answer();
    assert!(!is_shown(&proxied));
}

#[test]
fn credentials_are_left_out() {
    let request = shown(failing())
        .get("/")
        .header("authorization", "Basic c2VjcmV0")
        .header("cookie", "a=secret")
        .answer();
    assert!(!request.text().contains("c2VjcmV0") && !request.text().contains("a=secret"));
    assert_eq!(request.text().matches("(left out)").count(), 2);
}

#[test]
fn an_error_of_the_input_stays_the_clients() {
    let app = app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let content = environ.input_mut().collect(2).await?;
        Ok(start_response.status(StatusCode::OK).body(content))
    });
    let answer = shown(app).post("/").body("abc").answer();
    assert_eq!((answer.status(), answer.text()), (413, "413 Payload Too Large\n"));
}

#[test]
fn an_error_behind_the_head_stays_a_truncation() {
    let app = app_fn(|_, start_response: StartResponse| async move {
        let pieces = vec![Ok("first "), Err(Error::from("behind the head"))];
        Ok(start_response.status(StatusCode::OK).body(Body::iter(pieces)))
    });
    let mut open = shown(app).get("/").open().unwrap();
    assert_eq!(open.head().unwrap().status(), 200);
    let answer = open.finish();
    assert_eq!((answer.is_whole(), answer.text()), (false, "first "));
}

#[test]
fn other_answers_are_let_be() {
    let app = app_fn(|_, start_response: StartResponse| async move {
        Ok(start_response.status(StatusCode::INTERNAL_SERVER_ERROR).body("the app's own"))
    });
    assert_eq!(shown(app).get("/").answer().text(), "the app's own");
}
