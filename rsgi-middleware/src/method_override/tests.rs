//! Which requests get another method, and what the app finds of the body.

use std::io::Read;

use rsgi_core::http::{HeaderName, Method, StatusCode};
use rsgi_core::{BoxApp, Environ, InputErrorKind, Middleware, StartResponse, app_fn, blocking};
use rsgi_test::Client;

use super::{MethodOverride, OriginalMethod};

fn told(environ: &Environ, content: &[u8]) -> String {
    let original = environ.get::<OriginalMethod>().map_or("-", |it| it.method().as_str());
    format!("{} {original} {}", environ.method(), String::from_utf8_lossy(content))
}

/// Apps that tell the method and the body: async, and blocking.
fn apps() -> [BoxApp; 2] {
    let polled = app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let content = environ.input_mut().collect(1 << 20).await?;
        Ok(start_response.status(StatusCode::OK).body(told(&environ, &content)))
    });
    let blocked = blocking(|mut environ: Environ, start_response: StartResponse| {
        let mut content = Vec::new();
        environ.input_mut().read_to_end(&mut content)?;
        Ok(start_response.status(StatusCode::OK).body(told(&environ, &content)))
    });
    [BoxApp::new(polled), BoxApp::new(blocked)]
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_form_says_the_method_and_the_app_reads_it_whole() {
    for app in apps() {
        let client = Client::new(MethodOverride::new().wrap(app));
        let whole = client.post("/").header("content-type", FORM).body("_method=put&a=1").answer();
        assert_eq!(whole.text(), "PUT POST _method=put&a=1");
        let cut = client.post("/").header("content-type", "Application/X-WWW-Form-URLencoded; charset=utf-8");
        assert_eq!(
            cut.pieces(["a=1&_met", "hod=DEL", "ETE"]).answer().text(),
            "DELETE POST a=1&_method=DELETE"
        );
        let without = client.post("/").header("content-type", FORM).body("a=1").answer();
        assert_eq!(without.text(), "POST - a=1");
    }
}

#[test]
fn the_requests_field_comes_first_and_reads_nothing() {
    let [app, _] = apps();
    let client = Client::new(MethodOverride::new().wrap(app));
    let request = client.post("/").header("x-http-method-override", " patch").header("content-type", FORM);
    assert_eq!(request.body("_method=PUT").answer().text(), "PATCH POST _method=PUT");
}

#[test]
fn other_requests_and_other_methods_are_let_be() {
    let [app, _] = apps();
    let client = Client::new(MethodOverride::new().wrap(app));
    for method in ["GET", "PUT", "DELETE"] {
        let answer = client.request(method, "/").header("x-http-method-override", "PATCH").answer();
        assert_eq!(answer.text(), format!("{method} - "));
    }
    for name in ["GET", "CONNECT", "TRACE", "PUTS", "", "POST"] {
        let answer = client.post("/").header("x-http-method-override", name).answer();
        assert_eq!(answer.text(), "POST - ", "{name}");
    }
    let json = client.post("/").header("content-type", "application/json").body("_method=PUT").answer();
    assert_eq!(json.text(), "POST - _method=PUT");
}

#[test]
fn a_form_beyond_the_bound_is_a_post_and_reaches_the_app_whole() {
    for app in apps() {
        let client = Client::new(MethodOverride::new().form_bytes(11).wrap(app));
        let post = || client.post("/").header("content-type", FORM);
        assert_eq!(post().body("_method=PUT").answer().text(), "PUT POST _method=PUT");
        assert_eq!(post().body("_method=PUT&").answer().text(), "POST - _method=PUT&");
        assert_eq!(
            post().pieces(["_method=PUT", "&a=1", "&b=2"]).answer().text(),
            "POST - _method=PUT&a=1&b=2"
        );
    }
}

#[test]
fn what_is_looked_at_can_be_chosen() {
    let [app, _] = apps();
    let settings = MethodOverride::new()
        .header(HeaderName::from_static("x-method"))
        .form_field("m")
        .methods([Method::from_bytes(b"PURGE").unwrap()]);
    let client = Client::new(settings.wrap(app.clone()));
    assert_eq!(client.post("/").header("x-method", "PURGE").answer().text(), "PURGE POST ");
    assert_eq!(client.post("/").form(&[("m", "purge")]).answer().text(), "PURGE POST m=purge");
    assert_eq!(client.post("/").form(&[("m", "PUT")]).answer().text(), "POST - m=PUT");
    let neither = Client::new(MethodOverride::new().header(None).form_field(None).wrap(app));
    let request = neither.post("/").header("x-http-method-override", "PUT");
    assert_eq!(request.form(&[("_method", "PUT")]).answer().text(), "POST - _method=PUT");
}

#[test]
fn a_form_that_breaks_off_is_refused_as_where_the_app_reads_it() {
    let [app, _] = apps();
    let client = Client::new(MethodOverride::new().wrap(app));
    let mut open = client.post("/").header("content-type", FORM).by_hand().open().unwrap();
    open.feed("_method=PUT").break_input(InputErrorKind::Malformed);
    assert_eq!(open.head().unwrap().status(), 400);
}

#[test]
fn trailers_behind_a_form_are_the_apps() {
    let app = app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let content = environ.input_mut().collect(100).await?;
        let sum = environ.input_mut().trailers().map(|it| it["x-sum"].clone());
        Ok(start_response.status(StatusCode::OK).body(format!("{} {sum:?}", content.len())))
    });
    let client = Client::new(MethodOverride::new().wrap(app));
    let request = client.post("/").header("content-type", FORM).pieces(["_method=PUT"]);
    assert_eq!(request.trailers(&[("x-sum", "9")]).answer().text(), "11 Some(\"9\")");
}
