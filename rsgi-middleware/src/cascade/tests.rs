//! Which answer stands, and what the next app finds.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rsgi_core::http::StatusCode;
use rsgi_core::{
    App, Body, BoxApp, Capabilities, Environ, Error, Middleware, StartResponse, Started, app_fn, blocking,
    requiring,
};
use rsgi_test::Client;

use super::Cascade;

fn answering(status: u16) -> BoxApp {
    BoxApp::new(app_fn(move |_, start_response: StartResponse| async move {
        Ok(start_response.status(StatusCode::from_u16(status)?).body(status.to_string()))
    }))
}

/// Gives what is left of the body back.
fn echo() -> BoxApp {
    BoxApp::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let content = environ.input_mut().collect(1000).await?;
        Ok(start_response.status(StatusCode::OK).body(content))
    }))
}

fn not_found(start_response: StartResponse) -> Started {
    start_response.status(StatusCode::NOT_FOUND).body("read")
}

fn status(cascade: Cascade) -> u16 {
    Client::new(cascade).get("/").answer().status()
}

#[test]
fn the_first_answer_that_knows_stands_and_else_the_last() {
    assert_eq!(status(Cascade::new()), 404);
    assert_eq!(status(Cascade::new().then(answering(404)).then(answering(200)).then(answering(201))), 200);
    assert_eq!(status(Cascade::new().then(answering(405)).then(answering(404))), 404);
    assert_eq!(status(Cascade::new().then(answering(403)).then(answering(200))), 403);
    let passing = Cascade::new().pass_on([StatusCode::FORBIDDEN]);
    assert_eq!(status(passing.then(answering(403)).then(answering(404)).then(answering(200))), 404);
}

#[test]
fn the_body_is_there_for_the_next_app_if_the_first_has_not_read_it() {
    for content in ["", "abc"] {
        let client = Client::new(Cascade::new().then(answering(404)).then(echo()));
        assert_eq!(client.post("/").body(content).answer().text(), content);
        assert_eq!(client.post("/").pieces(["a", "bc"]).answer().text(), "abc");
    }
}

#[test]
fn an_app_that_began_to_read_has_taken_the_request_on() {
    let reads = app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let _first = environ.input_mut().piece().await;
        Ok(not_found(start_response))
    });
    let reads_blocked = blocking(|mut environ: Environ, start_response: StartResponse| {
        environ.input_mut().read_exact(&mut [0])?;
        Ok(not_found(start_response))
    });
    let takes = app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        drop(environ.take_input());
        Ok(not_found(start_response))
    });
    for first in [BoxApp::new(reads), BoxApp::new(reads_blocked), BoxApp::new(takes)] {
        let client = Client::new(Cascade::new().then(first).then(echo()));
        let answer = client.post("/").body("abc").answer();
        assert_eq!((answer.status(), answer.text()), (404, "read"));
    }
}

#[test]
fn an_app_that_keeps_the_environ_has_taken_the_request_on() {
    let keeps = app_fn(|environ: Environ, start_response: StartResponse| async move {
        let body = Body::iter(std::iter::once(format!("kept {}", environ.path_info())).inspect(move |_| {
            let _kept = environ.method();
        }));
        Ok(start_response.status(StatusCode::NOT_FOUND).body(body))
    });
    let apart = app_fn(|environ: Environ, start_response: StartResponse| async move {
        drop(environ.into_request());
        Ok(start_response.status(StatusCode::NOT_FOUND).body("kept /a"))
    });
    for first in [BoxApp::new(keeps), BoxApp::new(apart)] {
        let client = Client::new(Cascade::new().then(first).then(answering(200)));
        assert_eq!(client.get("/a").answer().text(), "kept /a");
    }
}

#[test]
fn the_next_app_sees_the_request_as_the_first_did() {
    let meddles = app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        environ.shift_path_info();
        environ.set_method(rsgi_core::http::Method::DELETE);
        environ.headers_mut().remove("x-a");
        environ.insert(String::from("from the first"));
        Ok(not_found(start_response))
    });
    let tells = app_fn(|environ: Environ, start_response: StartResponse| async move {
        let told = format!(
            "{} {:?} {} {:?} {:?}",
            environ.method(),
            environ.script_name(),
            environ.path_info(),
            environ.header("x-a"),
            environ.get::<String>(),
        );
        Ok(start_response.status(StatusCode::OK).body(told))
    });
    let client = Client::new(Cascade::new().then(meddles).then(tells));
    let answer = client.put("/a/b").header("x-a", "1").answer();
    assert_eq!(answer.text(), r#"PUT "" /a/b Some("1") Some("from the first")"#);
}

#[test]
fn cascades_lie_within_each_other() {
    let inner = Cascade::new().then(answering(404)).then(answering(404));
    let client = Client::new(Cascade::new().then(inner).then(echo()));
    assert_eq!(client.post("/").body("abc").answer().text(), "abc");
}

// Law: what a declined answer holds is let go, before the next app is asked.
#[test]
fn the_body_of_a_declined_answer_is_dropped() {
    struct Counts(Arc<AtomicU32>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&dropped);
    let first = app_fn(move |_, start_response: StartResponse| {
        let counts = Counts(Arc::clone(&counting));
        async move {
            let body = Body::iter(std::iter::repeat_n("x", 3).inspect(move |_| {
                let _held = &counts;
            }));
            Ok(start_response.status(StatusCode::NOT_FOUND).body(body))
        }
    });
    let seen = Arc::clone(&dropped);
    let second = app_fn(move |_, start_response: StartResponse| {
        let text = seen.load(Ordering::SeqCst).to_string();
        async move { Ok(start_response.status(StatusCode::OK).body(text)) }
    });
    assert_eq!(Client::new(Cascade::new().then(first).then(second)).get("/").answer().text(), "1");
}

#[test]
fn an_error_is_not_passed_over() {
    let fails = app_fn(|_, _| async { Err::<Started, Error>("wrong".into()) });
    assert_eq!(status(Cascade::new().then(fails).then(answering(200))), 500);
}

#[test]
fn needs_are_the_union_and_all_apps_are_stopped() {
    struct Stopped(Arc<AtomicU32>);
    impl App for Stopped {
        async fn call(&self, _: Environ, start_response: StartResponse) -> Result<Started, Error> {
            Ok(not_found(start_response))
        }
        async fn stop(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let count = Arc::new(AtomicU32::new(0));
    let app = |needs| requiring(needs, Stopped(Arc::clone(&count)));
    let cascade = Cascade::new().then(app(Capabilities::TRAILERS)).wrap(app(Capabilities::UPGRADE));
    assert_eq!(cascade.requires(), Capabilities::TRAILERS | Capabilities::UPGRADE);
    rsgi_core::wait(cascade.stop());
    assert_eq!(count.load(Ordering::SeqCst), 2);
}
