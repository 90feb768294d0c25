//! What `Csrf` lets through, what it refuses, and that the app gets its form whole.

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, Environ, Error, Middleware as _, Scheme, StartResponse, Started, app_fn};
use rsgi_test::{Answer, Client, Memory};

use super::{Csrf, CsrfErrorKind, CsrfToken};

/// Gives a token to whoever gets `/token`, and tells of its body otherwise.
async fn site(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let text = match environ.path_info() {
        "/token" => environ.get::<CsrfToken>().ok_or("no token")?.value()?,
        "/host" => environ.host().unwrap_or_default().to_owned(),
        _ => {
            let body = environ.input_mut().collect(1 << 20).await?;
            format!("in {}", String::from_utf8_lossy(&body))
        }
    };
    Ok(start_response.status(StatusCode::OK).body(text))
}

fn client(csrf: Csrf) -> Client {
    Client::new(csrf.wrap(site)).keep_cookies()
}

fn token(client: &Client) -> String {
    client.get("/token").answer().text().to_owned()
}

fn multipart(parts: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    format!("{}--xyz--\r\n", parts.iter().map(part).collect::<Vec<_>>().concat())
}

const MULTIPART: &str = "multipart/form-data; boundary=xyz";

fn posted(client: &Client, body: &str) -> Answer {
    client.post("/").header("content-type", MULTIPART).body(body.to_owned()).answer()
}

#[test]
fn safe_methods_pass_and_all_others_want_a_token() {
    let client = client(Csrf::new());
    let token = token(&client);
    for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        assert_eq!(client.request(method, "/").answer().status(), 200, "{method}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "PURGE"] {
        assert_eq!(client.request(method, "/").answer().status(), 403, "{method}");
        let right = client.request(method, "/").header("x-csrf-token", &token).answer();
        assert_eq!(right.status(), 200, "{method}");
    }
}

#[test]
fn a_token_is_found_in_the_field_and_in_either_kind_of_form_which_stays_whole() {
    let client = client(Csrf::new());
    let token = token(&client);
    let by_field = client.post("/").header("x-csrf-token", &token).body("anything").answer();
    assert_eq!(by_field.text(), "in anything");
    let by_form = client.post("/").form(&[("a", "1"), ("csrf_token", &token), ("b", "2")]).answer();
    assert_eq!(by_form.text(), format!("in a=1&csrf_token={token}&b=2"));
    let form = multipart(&[("a", "1"), ("csrf_token", &token), ("file", &"x".repeat(5000))]);
    assert_eq!(posted(&client, &form).text(), format!("in {form}"));
    for size in [1, 7, 100] {
        let pieces: Vec<_> = form.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        let answer = client.post("/").header("content-type", MULTIPART).pieces(pieces).answer();
        assert_eq!(answer.text(), format!("in {form}"), "in pieces of {size}");
    }
}

#[test]
fn another_s_token_an_old_one_and_none_are_refused_with_a_reason() {
    let (ours, theirs) = (client(Csrf::new()), client(Csrf::new()));
    let (token, other) = (token(&ours), token(&theirs));
    let refused = |answer: &Answer| {
        assert_eq!(answer.status(), 403, "{}", answer.text());
        assert_eq!(answer.field("content-type"), Some("text/plain; charset=utf-8"));
        answer.text().to_owned()
    };
    let wrong = ours.post("/").header("x-csrf-token", &other).answer();
    assert!(refused(&wrong).contains("isn't yours"));
    let wrong = ours.post("/").form(&[("csrf_token", &other)]).answer();
    assert!(refused(&wrong).contains("isn't yours"));
    assert!(refused(&posted(&ours, &multipart(&[("csrf_token", &other)]))).contains("isn't yours"));
    assert!(refused(&ours.post("/").header("x-csrf-token", "").answer()).contains("isn't yours"));
    for answer in [
        ours.post("/").answer(),
        ours.post("/").form(&[("token", &token)]).answer(),
        ours.post("/").json_text(format!("{{\"csrf_token\":\"{token}\"}}")).answer(),
        posted(&ours, &multipart(&[("a", "1")])),
        posted(&ours, "no form at all"),
        ours.post("/").header("content-type", "multipart/form-data").body("x").answer(),
    ] {
        assert!(refused(&answer).contains("no token"));
    }
    let bare = Client::new(Csrf::new().wrap(site));
    let without = bare.post("/").header("x-csrf-token", &token).answer();
    assert!(refused(&without).contains("cookie"));
}

#[test]
fn another_site_is_refused_even_with_a_token() {
    let client = client(Csrf::new().origin("https://partner.example"));
    let token = token(&client);
    let asked = |name: &str, value: &str| {
        client.post("/").header("x-csrf-token", &token).header(name, value).answer().status()
    };
    assert_eq!(asked("origin", "https://evil.example"), 403);
    assert_eq!(asked("origin", "null"), 403);
    assert_eq!(asked("sec-fetch-site", "cross-site"), 403);
    assert_eq!(asked("sec-fetch-site", "same-site"), 403);
    assert_eq!(asked("sec-fetch-site", "same-origin"), 200);
    assert_eq!(asked("origin", "https://partner.example"), 200);
    assert_eq!(asked("origin", &format!("http://{}", client.get("/host").answer().text())), 200);
    assert_eq!(
        client.post("/").header("origin", "https://partner.example").answer().status(),
        403,
        "no token"
    );
}

#[test]
fn a_form_is_read_up_to_the_bound_and_left_whole_beyond_it() {
    let client = client(Csrf::new().form_bytes(1000));
    let token = token(&client);
    let large = "x".repeat(100_000);
    let early = multipart(&[("csrf_token", &token), ("file", &large)]);
    assert_eq!(
        posted(&client, &early).text().len(),
        early.len() + 3,
        "what follows the token isn't looked at"
    );
    let late = multipart(&[("file", &large), ("csrf_token", &token)]);
    let pieces = |form: &str| form.as_bytes().chunks(100).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let answer = client.post("/").header("content-type", MULTIPART).pieces(pieces(&late)).answer();
    assert_eq!(answer.status(), 403);
    let early = format!("csrf_token={token}&file={large}");
    let late = format!("file={large}&csrf_token={token}");
    for (form, status) in [(early, 200), (late, 403)] {
        let request = client.post("/").header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(request.pieces(pieces(&form)).answer().status(), status);
    }
}

#[test]
fn a_value_that_the_bound_cuts_is_no_token() {
    let cut = client(Csrf::new().form_bytes(60));
    let token = token(&cut);
    let form = format!("csrf_token={token}&b=2");
    let pieces: Vec<_> = form.as_bytes().chunks(30).map(<[u8]>::to_vec).collect();
    let request = cut.post("/").header("content-type", "application/x-www-form-urlencoded");
    let answer = request.pieces(pieces).answer();
    assert!(answer.text().contains("no token"), "{}", answer.text());
}

#[test]
fn the_cookie_comes_with_the_first_token_and_says_what_it_must() {
    let app = || Csrf::new().wrap(site);
    let plain = Client::new(app()).keep_cookies();
    assert!(plain.get("/").answer().all("set-cookie").is_empty(), "nobody asked for a token");
    let first = plain.get("/token").answer();
    let cookie = first.field("set-cookie").unwrap();
    assert!(cookie.starts_with("csrf=") && cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/"), "{cookie}");
    assert_eq!((first.field("vary"), first.field("cache-control")), (Some("cookie"), Some("no-store")));
    assert!(!cookie.contains(first.text()), "the token is masked");
    let second = plain.get("/token").answer();
    assert!(second.all("set-cookie").is_empty() && second.text() != first.text());
    assert_eq!((second.field("vary"), second.field("cache-control")), (Some("cookie"), Some("no-store")));
    assert_eq!(plain.get("/").answer().field("vary"), None);
    let secure = Client::with(app(), Memory::new().scheme(Scheme::Https)).get("/token").answer();
    let cookie = secure.field("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-csrf=") && cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/")
    );
    let readable = Client::new(Csrf::new().readable_cookie().wrap(site)).keep_cookies();
    let cookie = readable.get("/token").answer().field("set-cookie").unwrap().to_owned();
    assert!(!cookie.contains("HttpOnly"));
    let raw = cookie.split(['=', ';']).nth(1).unwrap();
    assert_eq!(readable.post("/").header("x-csrf-token", raw).answer().status(), 200, "as a script sends it");
}

#[test]
fn a_second_cookie_of_the_name_is_nobody_s() {
    let client = Client::new(Csrf::new().wrap(site));
    let first = client.get("/token").answer();
    let kept = first.field("set-cookie").unwrap().split(';').next().unwrap();
    let asked = |cookie: &str| {
        client.post("/").header("cookie", cookie).header("x-csrf-token", first.text()).answer().status()
    };
    assert_eq!(asked(kept), 200);
    let other =
        client.get("/token").answer().field("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(asked(&format!("{kept}; {other}")), 403);
    assert_eq!(asked(&format!("{other}; {kept}")), 403);
    assert_eq!(asked(&kept[..kept.len() - 1]), 403);
    assert_eq!(asked("csrf="), 403);
}

#[test]
fn names_and_exemptions_are_the_settings() {
    let settings = Csrf::new()
        .header(rsgi_core::http::HeaderName::from_static("x-xsrf"))
        .form_field("t")
        .exempt(|environ| environ.path_info().starts_with("/api/"));
    let client = client(settings);
    let token = token(&client);
    assert_eq!(client.post("/").header("x-xsrf", &token).answer().status(), 200);
    assert_eq!(client.post("/").form(&[("t", &token)]).answer().status(), 200);
    assert_eq!(client.post("/").header("x-csrf-token", &token).answer().status(), 403);
    assert_eq!(client.post("/").form(&[("csrf_token", &token)]).answer().status(), 403);
    let exempt = client.post("/api/x").header("sec-fetch-site", "cross-site").body("b").answer();
    assert_eq!(exempt.text(), "in b");
}

#[test]
fn a_body_that_breaks_is_the_server_s_to_answer() {
    let client = client(Csrf::new());
    token(&client);
    let form = "application/x-www-form-urlencoded";
    let broken = client.post("/").header("content-type", form).header("content-length", "50").by_hand();
    let mut open = broken.open().unwrap();
    open.feed("a=1&");
    open.end_input();
    assert_eq!(open.finish().status(), 400);
    let limited = Client::with(Csrf::new().wrap(site), Memory::new().body_limit(10)).keep_cookies();
    token(&limited);
    assert_eq!(limited.post("/").form(&[("a", "more than ten bytes")]).answer().status(), 413);
}

#[test]
fn a_limit_inside_holds_for_the_form_that_was_looked_into() {
    let stack = rsgi_core::Stack::new().then(Csrf::new()).then(crate::BodyLimit::bytes(200));
    let client = Client::new(stack.app(site)).keep_cookies();
    let token = token(&client);
    let posted = |length: usize| {
        client.post("/").form(&[("csrf_token", &token), ("a", &"x".repeat(length))]).answer().status()
    };
    assert_eq!((posted(10), posted(200)), (200, 413));
}

#[test]
fn a_token_asked_for_too_late_is_an_error() {
    let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
        let token = environ.get::<CsrfToken>().ok_or("no token")?.clone();
        let body = Body::send(async move |sender| {
            let told = token.value().map_err(|error| error.kind());
            sender.send(format!("{told:?}")).await
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let late = format!("Err({:?})", CsrfErrorKind::TooLate);
    assert_eq!(Client::new(Csrf::new().wrap(app)).get("/").answer().text(), late);
}

#[cfg(feature = "sessions")]
mod in_session {
    use rsgi_core::Stack;

    use super::*;
    use crate::{Session, SessionKey, Sessions};

    fn client() -> Client {
        let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
            if environ.path_info() == "/login" {
                environ.get::<Session>().ok_or("no session")?.regenerate()?;
            }
            site(environ, start_response).await
        });
        let stack = Stack::new().then(Sessions::new(SessionKey::generate())).then(Csrf::new().in_session());
        Client::new(stack.app(app)).keep_cookies()
    }

    #[test]
    fn a_token_is_worth_nothing_to_another_session_nor_after_a_login() {
        let (ours, theirs) = (client(), client());
        assert!(
            ours.get("/").answer().all("set-cookie").is_empty(),
            "no session before a token is asked for"
        );
        let (before, other) = (token(&ours), token(&theirs));
        let asked = |path: &str, token: &str| ours.post(path).header("x-csrf-token", token).answer().status();
        assert_eq!((asked("/", &before), asked("/", &other)), (200, 403));
        assert_eq!(ours.get("/token").answer().all("set-cookie").len(), 0, "the secret is there already");
        assert_eq!(asked("/login", &before), 200);
        assert_eq!(asked("/", &before), 403);
        let after = token(&ours);
        assert_eq!(asked("/", &after), 200);
    }

    #[test]
    fn without_sessions_outside_it_says_what_is_wrong() {
        let app = Csrf::new().in_session().wrap(site);
        let environ = Environ::for_test(rsgi_core::http::Request::get("/").body(()).unwrap());
        let failed = rsgi_core::wait(rsgi_core::App::call(&app, environ, StartResponse::new())).unwrap_err();
        let error = failed.downcast_ref::<crate::CsrfError>().unwrap();
        assert_eq!(error.kind(), CsrfErrorKind::NoSession);
        assert!(error.to_string().contains("put Sessions before Csrf"));
    }
}
