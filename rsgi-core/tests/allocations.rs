//! What a request allocates in core: nothing, once a connection's first few have gone by (law 5).
//!
//! A binary of its own, as its allocator counts. Counted from the parsed head, which an adapter has anyway, to the end of the
//! answer; the count is that of this thread, and exact.

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};
    use std::time::Instant;

    use allocation_counter::measure;
    use rsgi_core::http::request::Parts;
    use rsgi_core::http::{HeaderValue, Request, StatusCode, header};
    use rsgi_core::http_body::Body as _;
    use rsgi_core::{
        AcceptedBy, App, BoxApp, Connection, Delivery, Endpoint, Environ, Error, Exchange, Input, Mount,
        Server, Stack, StartResponse, Started, app_fn, around, blocking, change_answer, respond,
    };

    /// How the answer's body is taken.
    #[derive(Clone, Copy)]
    enum Road {
        Polled,
        Taken,
    }

    fn head() -> Parts {
        let request = Request::get("/ping")
            .header(header::HOST, "localhost:8000")
            .header(header::USER_AGENT, "test")
            .header(header::ACCEPT, "*/*");
        request.body(()).unwrap().into_parts().0
    }

    fn pong(start_response: StartResponse) -> Result<Started, Error> {
        let head = start_response.start(
            StatusCode::OK,
            [
                (header::CONTENT_TYPE, HeaderValue::from_static("text/plain")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ],
        )?;
        Ok(head.body("pong"))
    }

    async fn ping(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        pong(start_response)
    }

    fn serve(app: &impl App, exchange: &mut Arc<Exchange>, head: Parts, road: Road) {
        Exchange::begin(exchange, Instant::now());
        let environ = Environ::new(head, Input::empty(), Arc::clone(exchange));
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(answer) = pin!(respond(app, environ)).poll(&mut context) else { panic!("pending") };
        assert_eq!(answer.status(), StatusCode::OK);
        let (_head, mut body) = answer.into_parts();
        match road {
            Road::Taken => assert_eq!(body.take_bytes().unwrap(), "pong"),
            Road::Polled => {
                let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut context) else {
                    panic!("no frame")
                };
                assert_eq!(frame.into_data().unwrap(), "pong");
            }
        }
        drop(body);
        exchange.tell(Delivery::Whole(AcceptedBy::System));
    }

    /// The allocations of one request, after warm-up.
    fn allocations(app: &impl App, road: Road) -> u64 {
        let unnamed = Endpoint::unix(None, None);
        let connection = Connection::new(Arc::new(Server::new("counting", "0")), 0, unnamed.clone(), unnamed);
        let mut exchange = Exchange::new(Arc::new(connection));
        for _ in 0..3 {
            serve(app, &mut exchange, head(), road);
        }
        let head = head();
        let mut head = Some(head);
        let counted = measure(|| serve(app, &mut exchange, head.take().unwrap(), road));
        counted.count_total
    }

    #[test]
    fn a_ping_allocates_nothing_by_either_road() {
        assert_eq!(allocations(&ping, Road::Polled), 0);
        assert_eq!(allocations(&ping, Road::Taken), 0);
    }

    #[test]
    fn middleware_that_changes_heads_allocates_nothing() {
        let stack = Stack::new()
            .then(change_answer(|started| {
                Ok(started.fields_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"))?)
            }))
            .then(change_answer(|started| {
                Ok(started
                    .fields_mut()
                    .insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"))?)
            }))
            .app(ping);
        assert_eq!(allocations(&stack, Road::Taken), 0);
    }

    #[test]
    fn asking_the_environ_allocates_nothing() {
        let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
            assert_eq!((environ.path_info(), environ.script_name(), environ.query()), ("/ping", "", None));
            assert_eq!((environ.target().as_ref(), environ.host()), ("/ping", Some("localhost:8000")));
            assert_eq!(environ.get::<String>(), None);
            assert!(environ.upgrade()?.is_none() && environ.informational().is_err());
            assert!(environ.var("REQUEST_METHOD").is_some() && environ.trusted().host.is_some());
            assert!(!environ.disconnect().is_gone() && !environ.drain().has_begun());
            pong(start_response)
        });
        assert_eq!(allocations(&app, Road::Taken), 0);
    }

    #[test]
    fn a_blocking_app_on_a_blocking_server_allocates_nothing() {
        assert_eq!(allocations(&blocking(|_, start_response| pong(start_response)), Road::Taken), 0);
    }

    #[test]
    fn an_erased_app_costs_the_one_allocation_it_says() {
        assert_eq!(allocations(&BoxApp::new(ping), Road::Taken), 1);
        assert_eq!(allocations(&Mount::new().at("/", ping), Road::Taken), 1);
        let wrapped =
            around(|environ, start_response, next| async move { next.call(environ, start_response).await });
        assert_eq!(allocations(&Stack::new().then(wrapped).app(ping), Road::Taken), 1);
    }

    #[test]
    fn a_request_made_of_an_environ_leaves_nothing_behind() {
        // Whatever its extensions held before: an emptied map has memory none the less.
        for holds in [false, true] {
            let carry = || {
                let mut head = head();
                head.extensions.insert(7_u8);
                if !holds {
                    head.extensions.remove::<u8>();
                }
                let environ = Environ::for_test(Request::from_parts(head, ()));
                let request = environ.into_request();
                assert_eq!(request.extensions().get::<u8>().is_some(), holds);
                drop(Environ::from_request(request));
            };
            carry();
            assert_eq!(measure(carry).bytes_current, 0, "holds: {holds}");
        }
    }
}
