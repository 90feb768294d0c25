//! What goes wrong in the app, and what the web server sees of it.

use std::io::Write as _;
use std::sync::mpsc::channel;

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, Delivery, Environ, Error, Fault, StartResponse, Started, app_fn, blocking};

use crate::served::{Host, Served, next, told};
use crate::wire::{End, FastCgi, Request, Wire, begin, params, record};

fn fails(environ: &Environ, start_response: StartResponse) -> Result<Started, Error> {
    match environ.path_info() {
        "/error" => Err("the app's own, which nobody may see".into()),
        "/panic" => panic!("the app's own, which nobody may see"),
        "/pieces" => {
            let pieces = [Ok("some"), Err("the app's own, which nobody may see")];
            Ok(start_response
                .status(StatusCode::OK)
                .body(Body::iter(pieces.map(|piece| piece.map_err(Error::from)))))
        }
        "/push" => Ok(start_response.status(StatusCode::OK).body(Body::push(|writer| {
            writer.write_all(b"some")?;
            panic!("the app's own, which nobody may see");
        }))),
        "/short" => Ok(start_response.status(StatusCode::OK).body(Body::iter(["some"]).with_length(9))),
        _ => Ok(start_response.status(StatusCode::OK).body("fine")),
    }
}

fn an_app_that_fails_is_answered_for_with_500<H: Host, W: Wire>() {
    let (telling, outcomes) = channel();
    let also = telling.clone();
    let served = [
        Served::<H, W>::new(blocking(move |environ: Environ, start_response: StartResponse| {
            told(&environ, &telling);
            fails(&environ, start_response)
        })),
        Served::<H, W>::new(app_fn(move |environ: Environ, start_response: StartResponse| {
            told(&environ, &also);
            async move { fails(&environ, start_response) }
        })),
    ];
    for served in served {
        for (path, fault) in [("/error", Fault::Error), ("/panic", Fault::Panic)] {
            let answer = served.connect().get(path).answer();
            assert_eq!(answer.status, 500);
            assert!(!answer.text().contains("own"), "{}", answer.text());
            let (_, outcome) = next(&outcomes);
            assert_eq!(outcome.fault, Some(fault));
            assert!(matches!(outcome.delivery, Delivery::Whole(_)), "{outcome:?}");
        }
        assert_eq!(served.connect().get("/").answer().text(), "fine");
        assert!(next(&outcomes).1.is_whole());
        served.end();
    }
}

/// What was produced before belongs to the client, and the answer's end must not look like one.
fn a_body_that_breaks_is_seen_to<H: Host, W: Wire>() {
    let (telling, outcomes) = channel();
    let served = Served::<H, W>::new(blocking(move |environ: Environ, start_response: StartResponse| {
        told(&environ, &telling);
        fails(&environ, start_response)
    }));
    for path in ["/pieces", "/push", "/short"] {
        let mut client = served.connect();
        client.get(path);
        client.closed();
        assert!(!client.is_whole(), "{path}: {:?} {:?}", client.end, client.streams.get(&1));
        let (_, outcome) = next(&outcomes);
        assert_eq!(outcome.delivery, Delivery::Failed, "{path}");
        assert!(outcome.fault.is_some(), "{path}: {outcome:?}");
    }
    served.end();
}

/// A connection that carries other requests goes on: only the broken one's end tells.
fn a_body_that_breaks_leaves_other_requests_of_its_connection_alone<H: Host>() {
    let (open, gate) = tokio::sync::watch::channel(false);
    let served = Served::<H, FastCgi>::new(app_fn(move |environ: Environ, start_response: StartResponse| {
        let mut gate = gate.clone();
        async move {
            if environ.path_info() == "/waits" {
                gate.wait_for(|open| *open).await?;
            }
            fails(&environ, start_response)
        }
    }));
    let mut client = served.connect();
    for (id, path) in [(1, "/waits"), (2, "/pieces")] {
        let request = Request::get(path);
        client.send(&[begin(id, true), params(id, &request.variables), record(5, id, b"")].concat());
    }
    let broken = client.until(2, |stream| stream.end.is_some());
    assert_eq!(broken.content(), Some(&b"some"[..]));
    assert_ne!(broken.end, Some((0, 0)));
    open.send(true).unwrap();
    assert_eq!(client.answer_of(1).text(), "fine");
    served.end();
}

/// The web server's log has what the app complains of, where the protocol carries it.
fn the_error_stream_goes_to_the_web_server_where_it_can<H: Host, W: Wire>() {
    let (open, gate) = channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let served = Served::<H, W>::new(blocking(move |environ: Environ, start_response: StartResponse| {
        writeln!(environ.errors(), "a complaint")?;
        if environ.path_info() == "/waits" {
            // Told while the app is at work, not only with its answer.
            gate.lock().unwrap().recv_timeout(crate::served::PATIENCE)?;
        }
        Ok(start_response.status(StatusCode::OK).body("answer"))
    }));
    let mut client = served.connect();
    let answer = client.get("/").answer();
    assert_eq!(answer.text(), "answer");
    assert_eq!(answer.errors, if W::KEEPS { "a complaint\n" } else { "" });
    if W::KEEPS {
        client.get("/waits");
        assert_eq!(client.until(1, |stream| !stream.errors.is_empty()).errors, b"a complaint\n");
        open.send(()).unwrap();
        assert_eq!(client.answer().text(), "answer");
    }
    served.end();
}

/// Broken answers end the connection where nothing else tells them from whole ones.
fn a_broken_answer_alone_on_its_connection_resets_it<H: Host, W: Wire>() {
    let served =
        Served::<H, W>::new(blocking(|environ: Environ, start_response| fails(&environ, start_response)));
    let mut client = served.connect();
    client.get("/short");
    assert_eq!(client.closed(), End::Reset);
    served.end();
}

everywhere!(
    an_app_that_fails_is_answered_for_with_500,
    a_body_that_breaks_is_seen_to,
    the_error_stream_goes_to_the_web_server_where_it_can,
    a_broken_answer_alone_on_its_connection_resets_it,
);
on_both!(a_body_that_breaks_leaves_other_requests_of_its_connection_alone);
