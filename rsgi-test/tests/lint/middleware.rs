//! Middleware between two lints: each breaks one clause of section 10, and a good one none.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use rsgi_core::http_body::Body as _;
use rsgi_core::{
    App, Body, Capabilities, Change, Environ, Error, Outgoing, Stack, StartResponse, Started, app_fn,
    change_answer, requiring, respond, wait,
};
use rsgi_test::lint::{self, Finding, Lint, checks};

use crate::asking::{able, ask, environ, get, none, only};

const SUM: HeaderName = HeaderName::from_static("x-sum");

fn typed(start_response: StartResponse, body: Body) -> Result<Started, Error> {
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(body))
}

async fn pieces(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    typed(start_response, Body::iter(["one ", "two"]))
}

/// Middleware as a closure that may do anything with what is inside.
struct Wrapped<A, F> {
    inner: Arc<A>,
    function: F,
}

impl<A, F, Fut> App for Wrapped<A, F>
where
    A: App,
    F: Fn(Arc<A>, Environ, StartResponse) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Started, Error>> + Send,
{
    fn call(
        &self,
        environ: Environ,
        start_response: StartResponse,
    ) -> impl Future<Output = Result<Started, Error>> + Send {
        (self.function)(Arc::clone(&self.inner), environ, start_response)
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}

fn wrapped<A, F, Fut>(app: A, function: F) -> Lint<impl App>
where
    A: App,
    F: Fn(Arc<Lint<A>>, Environ, StartResponse) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Started, Error>> + Send,
{
    lint::around(app, |inner| Wrapped { inner: Arc::new(inner), function })
}

fn found(app: &Lint<impl App>) -> Vec<Finding> {
    ask(app, environ());
    app.findings().take()
}

/// All that a body gives, errors left out.
async fn read(outgoing: &mut Outgoing) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut *outgoing).poll_frame(context)).await {
        whole.extend_from_slice(frame.data_ref().map(|data| &data[..]).unwrap_or_default());
    }
    whole
}

/// Keeps all pieces back.
struct Collect(Vec<u8>);

impl Change for Collect {
    fn piece(&mut self, piece: Bytes) -> Result<Bytes, Error> {
        self.0.extend_from_slice(&piece);
        Ok(Bytes::new())
    }

    fn finish(&mut self) -> Result<Bytes, Error> {
        Ok(std::mem::take(&mut self.0).into())
    }
}

#[test]
fn middleware_that_maps_and_mounts_has_no_finding() {
    let app = wrapped(pieces, |inner, mut environ: Environ, start_response| async move {
        assert!(environ.mount("/a"));
        let started = inner.call(environ, start_response).await?;
        Ok(started.map_body(|body| body.map(|piece: Bytes| Ok(piece.to_ascii_uppercase().into()))))
    });
    assert_eq!(ask(&app, environ()).body, b"ONE TWO");
    wait(app.stop());
    none(&app.findings());
}

#[test]
fn middleware_owes_its_inner_app_a_true_environ() {
    let app = wrapped(pieces, |inner, mut environ: Environ, start_response| async move {
        environ.set_split("/", "/a");
        inner.call(environ, start_response).await
    });
    let finding = only(&checks::OWES_BOTH, &found(&app));
    assert!(finding.value.starts_with("S34: script_name "), "{finding}");
}

#[test]
fn middleware_owes_its_inner_app_the_trailers() {
    let app = app_fn(|_, start_response| async move {
        let trailers = || HeaderMap::from_iter([(SUM, HeaderValue::from_static("1"))]);
        typed(start_response, Body::iter(["one"]).with_trailers([SUM], trailers))
    });
    let app = wrapped(app, |inner, environ, start_response| async move {
        let mut outgoing = respond(&*inner, environ).await.into_body();
        typed(start_response, Body::send(async move |sender| sender.send(read(&mut outgoing).await).await))
    });
    assert_eq!(only(&checks::OWES_BOTH, &found(&app)).value, "S18: trailers dropped: x-sum");
}

#[test]
fn middleware_gives_a_piece_for_each_of_the_inner_ones() {
    let app = wrapped(pieces, |inner, environ, start_response| async move {
        Ok(inner.call(environ, start_response).await?.map_body(|body| body.map(Collect(Vec::new()))))
    });
    assert_eq!(only(&checks::KEPT_BACK, &found(&app)).value, "1 of 2 pieces");
}

#[test]
fn middleware_keeps_no_piece_back_while_the_client_waits() {
    let app = app_fn(|_, start_response| async move {
        let body = Body::send(async |sender| {
            sender.send("one ").await?;
            std::future::pending().await
        });
        typed(start_response, body)
    });
    let app = wrapped(app, |inner, environ, start_response| async move {
        Ok(inner.call(environ, start_response).await?.map_body(|body| body.map(Collect(Vec::new()))))
    });
    let mut outgoing = crate::asking::call(&app, environ()).into_body();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(Pin::new(&mut outgoing).poll_frame(&mut context).is_pending());
    assert_eq!(only(&checks::KEPT_BACK, &app.findings().take()).value, "0 of 1 pieces, and the client waits");
}

#[test]
fn middleware_returns_before_the_inner_body_is_read() {
    let app = wrapped(pieces, |inner, environ, start_response| async move {
        let mut outgoing = respond(&*inner, environ).await.into_body();
        let whole = read(&mut outgoing).await;
        drop(outgoing);
        typed(start_response, whole.into())
    });
    only(&checks::READ_FIRST, &found(&app));
}

#[test]
fn middleware_drops_what_it_replaces() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let app = wrapped(pieces, move |inner, environ, start_response: StartResponse| {
        let keep = Arc::clone(&keep);
        async move {
            let mut started = inner.call(environ, start_response.clone()).await?;
            keep.lock().unwrap().push(started.take_body());
            typed(start_response, "other".into())
        }
    });
    only(&checks::NOT_CLOSED, &found(&app));
    drop(kept);
    let app = wrapped(pieces, |inner, environ, start_response: StartResponse| async move {
        drop(inner.call(environ, start_response.clone()).await?);
        typed(start_response, "other".into())
    });
    assert!(found(&app).is_empty());
}

#[test]
fn middleware_leaves_the_target_alone() {
    let app = wrapped(pieces, |inner, mut environ: Environ, start_response| async move {
        environ.set_target("/b");
        inner.call(environ, start_response).await
    });
    assert_eq!(only(&checks::TARGET_CHANGED, &found(&app)).value, "/a to /b");
}

/// Passes nothing on but the call.
struct Forgetful<A>(A);

impl<A: App> App for Forgetful<A> {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        self.0.call(environ, start_response).await
    }
}

#[test]
fn middleware_requires_what_its_inner_app_requires() {
    let app = lint::around(requiring(Capabilities::TRAILERS, pieces), Forgetful);
    assert_eq!(app.requires(), Capabilities::NONE);
    assert_eq!(only(&checks::NEEDS_LOST, &app.findings().take()).value, "trailers");

    let app = lint::around(requiring(Capabilities::TRAILERS, pieces), |inner| {
        Stack::new().then(change_answer(|_| Ok(()))).app(inner)
    });
    assert_eq!(app.requires(), Capabilities::TRAILERS);
    let request = get("/").body(rsgi_core::Input::empty()).unwrap();
    ask(&app, Environ::on_server(request, able(Capabilities::TRAILERS)));
    none(&app.findings());
}

#[test]
fn middleware_passes_stop_on() {
    let app = lint::around(pieces, Forgetful);
    wait(app.stop());
    only(&checks::STOP_LOST, &app.findings().take());
}

#[test]
fn middleware_keeps_the_environs_slots_and_its_exchange() {
    let app = wrapped(pieces, |inner, _: Environ, start_response| async move {
        let request = Request::get("/a").header("host", "localhost").body(())?;
        inner.call(Environ::for_test(request), start_response).await
    });
    assert_eq!(only(&checks::EXTENSIONS_LOST, &found(&app)).value, "slots");

    let app = wrapped(pieces, |inner, environ: Environ, start_response| async move {
        let request = environ.into_request();
        inner.call(Environ::from_request(request), start_response).await
    });
    assert!(found(&app).is_empty(), "a conversion loses nothing");
}

#[test]
fn middleware_hides_no_failure_behind_what_looks_whole() {
    let app =
        app_fn(
            |_, start_response| async move { typed(start_response, Body::iter([Ok("one "), Err("broken")])) },
        );
    let app = wrapped(app, |inner, environ, start_response| async move {
        let mut outgoing = respond(&*inner, environ).await.into_body();
        typed(start_response, Body::send(async move |sender| sender.send(read(&mut outgoing).await).await))
    });
    assert_eq!(only(&checks::HIDDEN_ERROR, &found(&app)).value, "broken");
}

#[test]
fn middleware_may_answer_in_place_of_an_error() {
    let app = app_fn(|_, _| async move { Err::<Started, _>(Error::from("no database")) });
    let app = wrapped(app, |inner, environ, start_response: StartResponse| async move {
        match inner.call(environ, start_response.clone()).await {
            Ok(started) => Ok(started),
            Err(_) => Ok(start_response.status(StatusCode::SERVICE_UNAVAILABLE).empty()),
        }
    });
    assert!(found(&app).is_empty());
}
