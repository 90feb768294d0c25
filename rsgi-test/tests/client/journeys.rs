//! Redirects and cookies: what the client does of itself, if it is told to.

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Environ, app_fn};
use rsgi_test::{Client, ClientErrorKind};

/// `/<status>/<path>` redirects to `/<path>`; anything else tells what it got.
fn signpost() -> impl App {
    app_fn(|mut environ: Environ, start_response| async move {
        let path = environ.path_info().to_owned();
        let (status, rest) = path[1..].split_once('/').unwrap_or(("", ""));
        if let Ok(status) = status.parse() {
            let location = format!("/{rest}");
            let head = start_response.start(StatusCode::from_u16(status)?, [("location", location)])?;
            return Ok(head.header("set-cookie", format!("at{status}=yes;Path=/"))?.empty());
        }
        let body = environ.input_mut().collect(100).await?;
        let kind = environ.header("content-type").unwrap_or("-");
        let cookies = environ.header("cookie").unwrap_or("-");
        let body = String::from_utf8_lossy(&body);
        let seen = format!("{} {} {kind} {cookies} {body}", environ.method(), environ.target());
        Ok(start_response.status(StatusCode::OK).body(seen))
    })
}

#[test]
fn no_redirect_is_followed_unless_asked() {
    let answer = Client::new(signpost()).get("/302/x").answer();
    assert_eq!((answer.status(), answer.field("location")), (302, Some("/x")));
}

#[test]
fn a_redirect_keeps_or_changes_the_method_as_its_status_says() {
    let client = Client::new(signpost()).follow_redirects(3);
    for (status, method, seen) in [
        (301, "POST", "GET /x - - "),
        (302, "POST", "GET /x - - "),
        (303, "PUT", "GET /x - - "),
        (301, "PUT", "PUT /x application/json - {}"),
        (307, "POST", "POST /x application/json - {}"),
        (308, "POST", "POST /x application/json - {}"),
    ] {
        let answer = client.request(method, &format!("/{status}/x")).json_text("{}").answer();
        assert_eq!(answer.text(), seen);
        assert_eq!(answer.history().iter().map(|answer| answer.status()).collect::<Vec<_>>(), [status]);
    }
}

#[test]
fn a_redirect_that_needs_spent_content_again_is_the_answer_itself() {
    let client = Client::new(signpost()).follow_redirects(3);
    assert_eq!(client.post("/307/x").pieces(["spent"]).answer().status(), 307);
    assert_eq!(client.post("/303/x").pieces(["spent"]).answer().text(), "GET /x - - ");
}

#[test]
fn a_redirect_to_another_host_is_the_answer_itself() {
    let app = app_fn(|_, start_response| async move {
        Ok(start_response.start(StatusCode::FOUND, [("location", "http://elsewhere.example/")])?.empty())
    });
    assert_eq!(Client::new(app).follow_redirects(3).get("/").answer().status(), 302);
}

#[test]
fn too_many_redirects_are_an_error_that_holds_the_last() {
    let client = Client::new(signpost()).follow_redirects(1);
    let error = client.get("/302/302/x").send().unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Redirects);
    assert_eq!((error.came().unwrap().status(), error.came().unwrap().history().len()), (302, 1));
}

#[test]
fn cookies_go_back_only_if_kept() {
    let forgetful = Client::new(signpost()).follow_redirects(1);
    assert_eq!(forgetful.get("/302/x").answer().text(), "GET /x - - ");
    let keeping = Client::new(signpost()).follow_redirects(1).keep_cookies();
    assert_eq!(keeping.get("/302/x").answer().text(), "GET /x - at302=yes ");
    assert_eq!(keeping.get("/y").answer().text(), "GET /y - at302=yes ");
    assert_eq!(keeping.get("/y").header("cookie", "own=1").answer().text(), "GET /y - own=1 ");
}

#[test]
fn cookies_of_a_path_stay_there_and_a_deleted_one_goes() {
    let client = Client::new(app_fn(|environ: Environ, start_response| async move {
        let cookies = environ.header("cookie").unwrap_or("-").to_owned();
        let mut head = start_response.status(StatusCode::OK);
        if let Some(cookie) = environ.query() {
            head = head.header("set-cookie", cookie.to_owned())?;
        }
        Ok(head.body(cookies))
    }));
    let client = client.keep_cookies();
    client.get("/?a=1;Path=/shop").answer();
    assert_eq!(client.get("/").answer().text(), "-");
    assert_eq!(client.get("/shop/x").answer().text(), "a=1");
    client.get("/shop/?a=;Path=/shop;Max-Age=0").answer();
    assert_eq!(client.get("/shop/x").answer().text(), "-");
}
