//! Services as apps: the contract of tower kept, and what a response becomes.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, Request, Response, StatusCode};
use rsgi_core::http_body::{Body as HttpBody, Frame, SizeHint};
use rsgi_core::{Error, Gateway, Input, InputError, InputErrorKind, Mount};
use rsgi_test::Client;
use rsgi_tower::ServiceApp;
use tower::{Service, ServiceBuilder, service_fn};

type Answered = Result<Response<String>, Error>;

/// Counts how often it is made ready; a clone has to be made ready anew, and a cell makes it no `Sync`.
struct Readied {
    ready: Cell<bool>,
    polls: Arc<AtomicUsize>,
}

impl Clone for Readied {
    fn clone(&self) -> Self {
        Self { ready: Cell::new(false), polls: Arc::clone(&self.polls) }
    }
}

impl Service<Request<Input>> for Readied {
    type Response = Response<String>;
    type Error = Error;
    type Future = Ready<Answered>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Not at once: whoever calls without waiting is found out.
        if self.polls.fetch_add(1, SeqCst).is_multiple_of(2) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.ready.set(true);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Input>) -> Self::Future {
        assert!(self.ready.replace(false), "called without being ready");
        ready(Ok(Response::new(String::from("ready"))))
    }
}

#[test]
fn the_very_clone_that_is_called_was_made_ready() {
    let polls = Arc::new(AtomicUsize::new(0));
    let client = Client::new(ServiceApp::new(Readied { ready: Cell::new(false), polls: Arc::clone(&polls) }));
    for round in 1..=3 {
        assert_eq!(client.get("/").answer().text(), "ready");
        assert_eq!(polls.load(SeqCst), 2 * round);
    }
}

/// Answers each request by this.
fn answers<B>(make: impl Fn() -> Response<B> + Clone + Send + 'static) -> Client
where
    B: HttpBody + Send + 'static,
    B::Data: rsgi_core::bytes::Buf,
    B::Error: Into<Error>,
{
    let service = service_fn(move |_: Request<Input>| ready(Ok::<_, Infallible>(make())));
    Client::new(ServiceApp::new(service))
}

#[test]
fn an_error_of_the_service_is_the_apps() {
    let fails = |make: fn() -> Error| {
        let service = service_fn(move |_: Request<Input>| ready(Err::<Response<String>, _>(make())));
        Client::new(ServiceApp::new(service)).get("/").answer().status()
    };
    assert_eq!(fails(|| "broke".into()), 500);
    assert_eq!(fails(|| InputError::new(InputErrorKind::Limit).into()), 413);
}

#[test]
fn a_layer_that_limits_time_is_an_error_of_the_app() {
    let slow = service_fn(|_: Request<Input>| std::future::pending::<Answered>());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let service = ServiceBuilder::new().timeout(Duration::ZERO).service(slow);
    let status = runtime.block_on(async {
        let app = ServiceApp::new(service);
        let request = rsgi_core::Environ::for_test(Request::new(()));
        rsgi_core::respond(&app, request).await.status()
    });
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn status_and_repeated_fields_are_kept() {
    let client = answers(|| {
        let response =
            Response::builder().status(201).header("set-cookie", "a=1").header("set-cookie", "b=2");
        response.body(String::new()).unwrap()
    });
    let answer = client.get("/").answer();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.all("set-cookie").len(), 2);
}

/// Gives these frames, and says that it is so long.
#[derive(Clone)]
struct Frames {
    pieces: Vec<&'static str>,
    trailers: bool,
    says: Option<u64>,
    /// Waits once before each frame.
    slow: bool,
    waited: bool,
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.slow && !std::mem::replace(&mut self.waited, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.waited = false;
        if !self.pieces.is_empty() {
            let frame = self.pieces.remove(0);
            return Poll::Ready(Some(if frame == "broke" {
                Err("broke".into())
            } else {
                Ok(Frame::data(frame.into()))
            }));
        }
        let trailers = std::mem::take(&mut self.trailers);
        Poll::Ready(trailers.then(|| {
            let mut map = HeaderMap::new();
            map.insert("x-sum", 1.into());
            Ok(Frame::trailers(map))
        }))
    }

    fn size_hint(&self) -> SizeHint {
        self.says.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[test]
fn content_is_the_same_however_it_comes() {
    for frames in [vec!["hello"], vec!["he", "llo"], vec!["", "hello", ""]] {
        for says in [None, Some(5)] {
            for slow in [false, true] {
                let body = Frames { pieces: frames.clone(), trailers: false, says, slow, waited: false };
                let answer = answers(move || Response::new(body.clone())).get("/").answer();
                assert_eq!((answer.status(), answer.text()), (200, "hello"), "{frames:?} {says:?} {slow}");
                assert_eq!(answer.field("content-length"), says.map(|_| "5"));
            }
        }
    }
}

#[test]
fn trailers_behind_small_content_are_not_lost() {
    let body = Frames { pieces: vec!["hello"], trailers: true, says: None, slow: false, waited: false };
    let client = answers(move || Response::builder().header("trailer", "x-sum").body(body.clone()).unwrap());
    let answer = client.get("/").header("te", "trailers").answer();
    assert_eq!(answer.text(), "hello");
    assert_eq!(answer.trailers().and_then(|trailers| trailers.get("x-sum")).unwrap(), "1");
}

#[test]
fn content_that_breaks_or_is_shorter_than_it_says_is_no_whole_answer() {
    for frames in [vec!["he", "broke"], vec!["broke"], vec!["he"], vec![]] {
        let body =
            Frames { pieces: frames.clone(), trailers: false, says: Some(5), slow: false, waited: false };
        let error = answers(move || Response::new(body.clone())).get("/").send();
        assert!(!error.is_ok_and(|answer| answer.is_whole()), "{frames:?}");
    }
}

#[test]
fn the_service_sees_the_rest_of_the_path_and_the_gateway_knows_the_mount() {
    let service = service_fn(|request: Request<Input>| async move {
        let gateway = request.extensions().get::<Gateway>().unwrap();
        let told = format!("{} {} {}", gateway.script_name(), request.uri(), gateway.target().unwrap());
        Ok::<_, Infallible>(Response::new(told))
    });
    let client = Client::new(Mount::new().at("/shop", ServiceApp::new(service)));
    assert_eq!(client.get("/shop/cart?x").answer().text(), "/shop /cart?x /shop/cart?x");
    assert_eq!(client.get("/shop").answer().text(), "/shop / /shop");
}

#[test]
fn an_input_that_the_service_reads_over_the_limit_is_a_413() {
    let service = service_fn(|request: Request<Input>| async move {
        let mut input = request.into_body();
        input.set_limit(3);
        while let Some(piece) = input.piece().await {
            piece?;
        }
        Ok::<_, Error>(Response::new(String::new()))
    });
    let client = Client::new(ServiceApp::new(service));
    assert_eq!(client.post("/").body("four").answer().status(), 413);
    assert_eq!(client.post("/").body("thr").answer().status(), 200);
}
