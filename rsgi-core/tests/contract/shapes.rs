//! What the types promise without being run: what can cross threads, what is an app, and how much is moved.

use std::sync::Arc;

use rsgi_core::http::{Request, StatusCode};
use rsgi_core::{
    App, Blocking, Body, BoxApp, Capabilities, Connection, Disconnect, Drain, Environ, Error, ErrorStream,
    Exchange, Fields, Head, Informational, Input, InputError, Mount, Offload, Outcome, Outgoing, RequestLine,
    Sender, Server, Stack, StartError, StartResponse, Started, Upgrade, app_fn, around, blocking,
    change_answer, respond,
};

fn shared<T: Send + Sync + 'static>() {}

fn sent<T: Send>(_: &T) {}

fn is_app(_: &impl App) {}

#[test]
fn everything_an_app_holds_can_cross_threads_and_awaits() {
    shared::<Environ>();
    shared::<StartResponse>();
    shared::<Head>();
    shared::<Started>();
    shared::<Fields>();
    shared::<Body>();
    shared::<Input>();
    shared::<Outgoing>();
    shared::<(Sender, ErrorStream, Informational, Upgrade, Disconnect, Drain)>();
    shared::<(Exchange, Connection, Server, Offload, Outcome, RequestLine, Capabilities)>();
    shared::<(BoxApp, Mount, Error, StartError, InputError)>();
}

async fn plain_async(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.status(StatusCode::OK).empty())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of an app")]
fn plain_blocking(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.status(StatusCode::OK).empty())
}

struct Site(&'static str);

impl App for Site {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        // A reference to the environ may live across an await.
        let path = environ.path_info();
        std::future::ready(()).await;
        let greeting = format!("{} at {path}", self.0);
        Ok(start_response.status(StatusCode::OK).body(greeting))
    }
}

#[test]
fn functions_closures_and_types_are_apps_without_annotations() {
    is_app(&plain_async);
    is_app(&blocking(plain_blocking));
    is_app(&blocking(|_, start_response| Ok(start_response.status(StatusCode::OK).empty())));
    is_app(&app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).empty()) }));
    is_app(&app_fn(plain_async));
    let state = Arc::new(String::from("state"));
    is_app(&app_fn(move |environ, start_response| {
        let state = Arc::clone(&state);
        async move {
            let body = format!("{state} {}", environ.path_info());
            Ok(start_response.status(StatusCode::OK).body(body))
        }
    }));
    is_app(&Site("hello"));
    is_app(&Arc::new(Site("hello")));
    is_app(&BoxApp::new(Site("hello")));
    is_app(&Mount::new().at("/", Site("hello")));
    is_app(
        &Stack::new()
            .then(change_answer(|_| Ok(())))
            .then(around(
                |environ, start_response, next| async move { next.call(environ, start_response).await },
            ))
            .app(Site("hello")),
    );
    // An async closure without captures fits as it is.
    is_app(&app_fn(async |_, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).empty())
    }));
}

#[test]
fn every_future_of_the_contract_can_move_between_threads() {
    let site = Site("hello");
    let environ = || Environ::for_test(Request::new(()));
    sent(&respond(&site, environ()));
    sent(&site.call(environ(), StartResponse::new()));
    sent(&site.stop());
    sent(&BoxApp::new(Site("hello")).call(environ(), StartResponse::new()));
    sent(&blocking(plain_blocking).call(environ(), StartResponse::new()));
    let (mut input, disconnect, drain) = (Input::empty(), environ().disconnect(), environ().drain());
    sent(&input.piece());
    sent(&input.collect(1));
    sent(&disconnect.gone());
    sent(&drain.begun());
    sent(&drain.unless_begun(std::future::ready(())));
    sent(&environ().offload().run(|| 7));
}

/// What a request's way through the app moves, in bytes. Each bound has its reason; a type that outgrows it costs every
/// request at every middleware, so think before you raise one.
#[test]
fn what_is_moved_stays_small() {
    // One word: the environ is moved through every middleware's future.
    assert!(size_of::<Environ>() <= 8);
    // Nothing: the handle exists for its type.
    assert_eq!(size_of::<StartResponse>(), 0);
    // `Bytes` and a word.
    assert!(size_of::<Body>() <= 40);
    // One word: no request without a body pays for one.
    assert!(size_of::<Input>() <= 8);
    // `HeaderMap` (96), the body, the status and the options.
    assert!(size_of::<Started>() <= 176, "{}", size_of::<Started>());
    assert!(size_of::<Outgoing>() <= 64, "{}", size_of::<Outgoing>());
    // A future of `respond` is the app's future, and what `respond` remembers beside it.
    let site = app_fn(|_, start_response: StartResponse| {
        std::future::ready(Ok(start_response.status(StatusCode::OK).empty()))
    });
    let future = App::call(&site, Environ::for_test(Request::new(())), StartResponse::new());
    let respond = respond(&site, Environ::for_test(Request::new(())));
    assert!(size_of_val(&respond) <= size_of_val(&future) + 64, "{}", size_of_val(&respond));
    assert!(size_of::<Blocking<fn()>>() <= 8);
}
