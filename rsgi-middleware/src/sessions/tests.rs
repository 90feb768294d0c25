//! What clients and apps see of `Sessions`: when a cookie comes, what it says, and what opens it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use rsgi_core::http::{Request, StatusCode};
use rsgi_core::trust::{ForwardedHeaders, Trust, XForwarded};
use rsgi_core::{App, Body, Environ, Error, Middleware as _, Mount, Scheme, StartResponse, Started, app_fn};
use rsgi_test::{Answer, Client, Memory};

use super::{SameSite, Session, SessionErrorKind, SessionKey, Sessions, mount_path};

/// Does what the path says to the session.
async fn steered(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let session = environ.get::<Session>().ok_or("no session")?.clone();
    let parts: Vec<&str> = environ.path_info().split('/').skip(1).collect();
    let told = match parts[..] {
        ["set", name, value] => session.insert(name, value).map(|()| String::new())?,
        ["get", name] => session.get::<String>(name)?.unwrap_or_else(|| "nothing".into()),
        ["number", name] => session.get::<u64>(name)?.unwrap_or_default().to_string(),
        ["remove", name] => session.remove(name)?.to_string(),
        ["clear"] => session.clear().map(|()| String::new())?,
        ["regenerate"] => session.regenerate().map(|()| String::new())?,
        ["renew"] => session.renew().map(|()| String::new())?,
        ["id"] => session.id().unwrap_or_else(|| "none".into()),
        ["public", name] => {
            session.insert(name, "x")?;
            let head = start_response.status(StatusCode::OK).header("cache-control", "public")?;
            return Ok(head.body(""));
        }
        ["fail"] => {
            session.insert("a", "lost")?;
            return Err("no answer".into());
        }
        _ => "untouched".to_owned(),
    };
    Ok(start_response.status(StatusCode::OK).body(told))
}

fn key() -> SessionKey {
    SessionKey::new(b"0123456789 0123456789 0123456789").unwrap()
}

/// Sessions that are sealed in each way there is, and whether who holds one can read it.
fn both_ways() -> [(Sessions, bool); 2] {
    [(Sessions::new(key()), false), (Sessions::new(key()).signed_only(), true)]
}

fn client(sessions: Sessions) -> Client {
    Client::new(sessions.wrap(steered)).keep_cookies()
}

fn told(client: &Client, path: &str) -> String {
    client.get(path).answer().text().to_owned()
}

fn cookie(answer: &Answer) -> &str {
    answer.field("set-cookie").unwrap()
}

fn value(answer: &Answer) -> String {
    cookie(answer).split(';').next().unwrap().to_owned()
}

#[test]
fn what_is_kept_is_there_at_the_next_request_and_gone_once_removed() {
    let client = client(Sessions::new(key()));
    assert_eq!(told(&client, "/get/a"), "nothing");
    told(&client, "/set/a/1");
    told(&client, "/set/b/2");
    assert_eq!((told(&client, "/get/a"), told(&client, "/get/b")), ("1".into(), "2".into()));
    assert_eq!((told(&client, "/remove/a"), told(&client, "/remove/a")), ("true".into(), "false".into()));
    assert_eq!((told(&client, "/get/a"), told(&client, "/get/b")), ("nothing".into(), "2".into()));
    told(&client, "/clear");
    assert_eq!(told(&client, "/get/b"), "nothing");
}

#[test]
fn a_cookie_is_sent_only_if_something_changed() {
    let client = client(Sessions::new(key()));
    for (path, sent) in [
        ("/get/a", 0),
        ("/clear", 0),
        ("/regenerate", 0),
        ("/set/a/1", 1),
        ("/set/a/1", 0),
        ("/get/a", 0),
        ("/remove/b", 0),
        ("/other", 0),
        ("/set/a/2", 1),
        ("/renew", 1),
        ("/regenerate", 1),
        ("/clear", 1),
        ("/clear", 0),
    ] {
        assert_eq!(client.get(path).answer().all("set-cookie").len(), sent, "{path}");
    }
}

#[test]
fn an_answer_by_a_session_varies_by_it_and_is_kept_from_caches() {
    let client = client(Sessions::new(key()));
    for (path, vary, caches) in [
        ("/other", None, None),
        ("/get/a", Some("cookie"), Some("no-store")),
        ("/set/a/1", Some("cookie"), Some("no-store")),
        ("/public/b", Some("cookie"), Some("no-store")),
        ("/public/b", Some("cookie"), Some("public")),
    ] {
        let answer = client.get(path).answer();
        assert_eq!((answer.field("vary"), answer.field("cache-control")), (vary, caches), "{path}");
    }
}

#[test]
fn the_cookie_is_as_safe_as_can_be_by_default() {
    let app = || Mount::new().at("/shop", Sessions::new(key()).wrap(steered));
    let plain = Client::new(app()).get("/shop/set/a/1").answer();
    let attributes = cookie(&plain).split_once("; ").unwrap().1;
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/shop; Max-Age=1209600");
    let secure = Client::with(app(), Memory::new().scheme(Scheme::Https)).get("/shop/set/a/1").answer();
    assert!(cookie(&secure).contains("; Secure"), "{}", cookie(&secure));
    let forwarded = |memory: Memory| {
        Client::with(app(), memory).get("/shop/set/a/1").header("x-forwarded-proto", "https").answer()
    };
    assert!(!cookie(&forwarded(Memory::new())).contains("Secure"), "nobody's word is trusted by default");
    let trust =
        Trust::new(ForwardedHeaders::X(XForwarded::FOR.with_proto())).network("127.0.0.0/8".parse().unwrap());
    assert!(cookie(&forwarded(Memory::new().trust(trust))).contains("; Secure"));
}

#[test]
fn the_settings_say_what_the_cookie_says() {
    let sessions = Sessions::new(key())
        .name("sid")
        .max_age(Duration::from_mins(1))
        .same_site(SameSite::Strict)
        .always_secure()
        .path("/x")
        .domain("example.com");
    let client = Client::new(sessions.wrap(steered));
    let answer = client.get("/set/a/1").answer();
    let (pair, attributes) = cookie(&answer).split_once("; ").unwrap();
    assert!(pair.starts_with("sid="));
    assert_eq!(attributes, "HttpOnly; SameSite=Strict; Secure; Path=/x; Domain=example.com; Max-Age=60");
    let kept = value(&answer);
    assert_eq!(client.get("/get/a").header("cookie", &kept).answer().text(), "1");
    let removed = client.get("/clear").header("cookie", &kept).answer();
    assert!(cookie(&removed).starts_with("sid=; ") && cookie(&removed).contains("Max-Age=0; "));
    assert!(cookie(&removed).contains("Path=/x; Domain=example.com"), "else the browser keeps it");
}

#[test]
#[should_panic(expected = "must be a token")]
fn a_name_that_is_no_token_is_a_mistake_found_at_boot() {
    let _sessions = Sessions::new(key()).name("a b");
}

#[test]
#[should_panic(expected = "must begin with '/'")]
fn a_path_with_an_attribute_in_it_is_a_mistake_found_at_boot() {
    let _sessions = Sessions::new(key()).path("/; Domain=evil");
}

#[test]
fn a_cookie_that_was_tampered_with_is_ignored_and_another_of_its_name_tried() {
    for (sessions, is_readable) in both_ways() {
        tampered_with(sessions, is_readable);
    }
}

fn tampered_with(sessions: Sessions, is_readable: bool) {
    let client = Client::new(sessions.wrap(steered));
    let kept = value(&client.get("/set/a/1").answer());
    let get = |cookie: &str| client.get("/get/a").header("cookie", cookie).answer().text().to_owned();
    assert_eq!(get(&kept), "1");
    assert_eq!(kept.contains("eyJ"), is_readable, "{kept}");
    for wrong in ["session=", "session=x", "session=AAAA", &kept[..kept.len() - 4], &format!("{kept}A")] {
        assert_eq!(get(wrong), "nothing", "{wrong}");
    }
    assert_eq!(get(&format!("session=x; {kept}")), "1");
    assert_eq!(get(&kept.replace("session=", "other=")), "nothing");
}

#[test]
fn the_first_key_seals_and_all_of_them_open() {
    rotated(|sessions| sessions);
    rotated(Sessions::signed_only);
}

fn rotated(way: fn(Sessions) -> Sessions) {
    let new = SessionKey::new(b"another key of 32 bytes, or more").unwrap();
    let before = Client::new(way(Sessions::new(key())).wrap(steered));
    let during = Client::new(way(Sessions::new(new.clone()).also_open(key())).wrap(steered));
    let after = Client::new(way(Sessions::new(new)).wrap(steered));
    let get =
        |client: &Client, kept: &str| client.get("/get/a").header("cookie", kept).answer().text().to_owned();
    let old = value(&before.get("/set/a/1").answer());
    assert_eq!((get(&during, &old), get(&after, &old)), ("1".into(), "nothing".into()));
    let changed = value(&during.get("/set/b/2").header("cookie", &old).answer());
    assert_eq!((get(&after, &changed), get(&before, &changed)), ("1".into(), "nothing".into()));
}

#[test]
fn a_stolen_cookie_ends_with_its_age_and_a_change_begins_it_again() {
    for (sessions, _) in both_ways() {
        aged(sessions);
    }
}

fn aged(sessions: Sessions) {
    let now = Arc::new(AtomicU64::new(1_000_000_000));
    let clock = Arc::clone(&now);
    let sessions = sessions.max_age(Duration::from_secs(100)).set(|settings| {
        settings.clock = Arc::new(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed)));
    });
    let client = Client::new(sessions.wrap(steered));
    let get = |kept: &str| client.get("/get/a").header("cookie", kept).answer().text().to_owned();
    let kept = value(&client.get("/set/a/1").answer());
    now.fetch_add(99, Ordering::Relaxed);
    assert_eq!(get(&kept), "1");
    let renewed = value(&client.get("/renew").header("cookie", &kept).answer());
    now.fetch_add(1, Ordering::Relaxed);
    assert_eq!((get(&kept), get(&renewed)), ("nothing".into(), "1".into()));
}

#[test]
fn a_session_too_large_for_a_cookie_is_an_error_and_the_session_as_it_was() {
    let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
        let session = environ.get::<Session>().ok_or("no session")?.clone();
        session.insert("a", "kept")?;
        // The longest that fits, found from below.
        let fits = (0..4096).take_while(|length| session.insert("b", "x".repeat(*length)).is_ok()).last();
        let error = session.insert("b", "x".repeat(4096)).unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::TooLarge);
        let length = fits.unwrap_or_default();
        assert_eq!(session.get::<String>("b")?.map(|kept| kept.len()), Some(length));
        Ok(start_response.status(StatusCode::OK).body(error.to_string()))
    });
    let answer = Client::new(Sessions::new(key()).wrap(app)).get("/").answer();
    assert!(answer.text().contains("\"b\"") && answer.text().contains("4096"), "{}", answer.text());
    let field = cookie(&answer);
    assert!((4090..=4096).contains(&field.len()), "{}", field.len());
}

#[test]
fn a_change_after_the_head_is_an_error_and_one_before_it_counts() {
    let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
        let session = environ.get::<Session>().ok_or("no session")?.clone();
        let head = start_response.status(StatusCode::OK);
        let late = session.clone();
        let body = Body::send(async move |sender| {
            let error = late.insert("a", "late").unwrap_err();
            sender.send(format!("{:?}", error.kind())).await
        });
        let started = head.body(body);
        session.insert("a", "in time")?;
        Ok(started)
    });
    let answer = Client::new(Sessions::new(key()).wrap(app)).get("/").answer();
    assert_eq!(answer.text(), "TooLate");
    let client = Client::new(Sessions::new(key()).wrap(steered));
    assert_eq!(client.get("/get/a").header("cookie", value(&answer)).answer().text(), "in time");
}

#[test]
fn a_session_has_an_id_that_regenerating_changes_and_values_stay() {
    let client = client(Sessions::new(key()));
    assert_eq!(told(&client, "/id"), "none");
    told(&client, "/set/a/1");
    let first = told(&client, "/id");
    told(&client, "/set/b/1");
    assert_eq!(told(&client, "/id"), first);
    told(&client, "/regenerate");
    let second = told(&client, "/id");
    assert!(first.len() == 22 && second.len() == 22 && first != second);
    assert_eq!(told(&client, "/get/a"), "1");
}

#[test]
fn a_value_of_another_type_and_an_app_s_error_leave_the_session_alone() {
    let client = client(Sessions::new(key()));
    told(&client, "/set/a/text");
    assert_eq!(client.get("/number/a").answer().status(), 500);
    let failed = client.get("/fail").answer();
    assert_eq!((failed.status(), failed.field("set-cookie")), (500, None));
    assert_eq!(told(&client, "/get/a"), "text");
}

#[test]
fn a_short_key_is_refused_with_its_remedy() {
    let error = SessionKey::new(&[0; 31]).unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::ShortKey);
    assert!(error.to_string().contains("31 bytes") && error.to_string().contains("32 or more"));
    assert!(!format!("{:?}", Sessions::new(key())).contains("0123"));
}

#[test]
fn needs_and_end_are_those_of_the_app_inside() {
    assert_eq!(Sessions::new(key()).wrap(steered).requires(), steered.requires());
}

#[test]
fn a_path_that_would_end_its_attribute_is_the_root() {
    for (target, mount, path) in [("/a/b", "/a", "/a"), ("/a/b", "/", "/"), ("/a;x=y/b", "/a;x=y", "/")] {
        let mut environ = Environ::for_test(Request::get(target).body(()).unwrap());
        assert!(environ.mount(mount));
        assert_eq!(mount_path(&environ), path);
    }
}
