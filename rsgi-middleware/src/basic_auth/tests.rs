//! What `BasicAuth` lets through, what it refuses, and what nobody gets to see.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsgi_core::http::StatusCode;
use rsgi_core::{App, BoxApp, Environ, Error, Stack, StartResponse, Started, app_fn, thread_may_block};
use rsgi_test::{Client, Memory};

use super::{BasicAuth, Credentials, User};

fn said_by(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

async fn who(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let var = |name| String::from_utf8_lossy(&environ.var(name).unwrap_or_default()).into_owned();
    let user = environ.get::<User>().map_or("nobody", User::name);
    let text = format!("{user} {} {} {:?}", var("REMOTE_USER"), var("AUTH_TYPE"), environ.headers());
    Ok(start_response.status(StatusCode::OK).body(text))
}

fn client(auth: BasicAuth) -> Client {
    Client::new(Stack::new().then(auth).app(who))
}

fn shop() -> BasicAuth {
    BasicAuth::users("shop", [("ada", "secret"), ("bob", "other:colon"), ("zoë", "pässword")])
}

#[test]
fn only_a_name_with_its_own_password_passes() {
    let client = client(shop());
    for (user, password, status) in [
        ("ada", "secret", 200),
        ("bob", "other:colon", 200),
        ("zoë", "pässword", 200),
        ("ada", "other:colon", 401),
        ("bob", "secret", 401),
        ("ada", "secre", 401),
        ("ada", "secrets", 401),
        ("ada", "", 401),
        ("", "", 401),
        ("eve", "secret", 401),
    ] {
        let answer = client.get("/").header("authorization", said_by(user, password)).answer();
        assert_eq!(answer.status(), status, "{user} {password}");
    }
}

#[test]
fn what_is_no_credential_is_asked_for_one() {
    // Whatever could be read would pass.
    let client = client(BasicAuth::verified("shop", |_| async { Ok(true) }));
    let bytes = |bytes: &[u8]| format!("Basic {}", STANDARD.encode(bytes));
    let wrong = [
        String::new(),
        "Basic".into(),
        "Basic ".into(),
        "Basic !!!".into(),
        "Bearer YWRhOnNlY3JldA==".into(),
        bytes(b"ada"),
        bytes(b"ada:secret\n"),
        bytes(b"ad\0a:secret"),
        bytes(b"zo\xeb:p\xe4ssword"),
    ];
    for field in wrong {
        let answer = client.get("/").header("authorization", &field).answer();
        assert_eq!(answer.status(), 401, "{field}");
        assert_eq!(answer.field("www-authenticate"), Some(r#"Basic realm="shop", charset="UTF-8""#));
    }
    assert_eq!(client.get("/").answer().status(), 401);
    let right = said_by("ada", "secret");
    let twice = client.get("/").header("authorization", &right).header("authorization", &right).answer();
    assert_eq!(twice.status(), 401, "two fields say two things");
    for scheme in ["basic", "BASIC"] {
        let answer = client.get("/").header("authorization", right.replace("Basic", scheme)).answer();
        assert_eq!(answer.status(), 200, "a scheme has no case");
    }
}

#[test]
fn a_realm_is_quoted() {
    let answer = client(BasicAuth::users(r#"a "b" \ é"#, [("a", "b")])).get("/").answer();
    assert_eq!(answer.field("www-authenticate"), Some(r#"Basic realm="a \"b\" \\ é", charset="UTF-8""#));
}

#[test]
#[should_panic(expected = "must not have control characters")]
fn a_realm_with_a_line_break_is_a_mistake_found_at_boot() {
    let _auth = BasicAuth::users("a\r\nx: y", [("a", "b")]);
}

#[test]
fn the_app_is_told_of_the_user_and_nobody_prints_the_password() {
    let field = said_by("ada", "secret");
    let told = |auth| client(auth).get("/").header("authorization", &field).answer().text().to_owned();
    let plain = told(shop());
    assert!(plain.starts_with("ada   {"), "{plain}");
    assert!(plain.contains("Sensitive") && !plain.contains(&field[6..]), "{plain}");
    assert!(told(shop().cgi_vars()).starts_with("ada ada Basic {"), "the CGI view is told when asked to");
    let credentials = Credentials::new("ada", "secret");
    assert!(!format!("{credentials:?} {:?}", shop()).contains("secret"));
}

#[test]
fn the_app_is_not_called_before_somebody_is_verified() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let app = app_fn(move |_, start_response: StartResponse| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { Ok(start_response.status(StatusCode::OK).body("in")) }
    });
    let client = Client::new(Stack::new().then(shop()).app(app));
    client.get("/").answer();
    client.get("/").header("authorization", said_by("ada", "wrong")).answer();
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    client.get("/").header("authorization", said_by("ada", "secret")).answer();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn a_blocking_verifier_runs_where_it_may_block_and_its_error_is_no_refusal() {
    let verify = |credentials: &Credentials| {
        assert!(thread_may_block());
        match credentials.user() {
            "gone" => Err("the database is gone".into()),
            user => Ok(user == "ada" && credentials.password_is("secret")),
        }
    };
    let app = BoxApp::new(Stack::new().then(BasicAuth::verified_blocking("shop", verify)).app(who));
    for memory in [Memory::new(), Memory::new().threads()] {
        let client = Client::with(app.clone(), memory);
        for (user, status) in [("ada", 200), ("bob", 401), ("gone", 500)] {
            let answer = client.get("/").header("authorization", said_by(user, "secret")).answer();
            assert_eq!(answer.status(), status, "{user}");
        }
    }
}

#[test]
fn an_async_verifier_is_awaited() {
    let auth = BasicAuth::verified("shop", |credentials| async move {
        Ok(credentials.user_is("ada") && credentials.password_is("secret"))
    });
    let client = client(auth);
    for (password, status) in [("secret", 200), ("wrong", 401)] {
        let answer = client.get("/").header("authorization", said_by("ada", password)).answer();
        assert_eq!(answer.status(), status, "{password}");
    }
}

#[test]
fn a_user_that_came_from_outside_is_taken_away() {
    let open = BasicAuth::verified("open", |_| async { Ok(true) });
    let posing = rsgi_core::around(|mut environ, start_response, next| async move {
        environ.insert(User::new("root"));
        next.call(environ, start_response).await
    });
    let app = Stack::new().then(posing).then(open).app(who);
    assert_eq!(app.requires(), rsgi_core::Capabilities::NONE);
    let answer = Client::new(app).get("/").header("authorization", said_by("ada", "x")).answer();
    assert!(answer.text().starts_with("ada "), "{}", answer.text());
}
