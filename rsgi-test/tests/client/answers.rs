//! Whole answers: statuses, fields, framing, trailers, what breaks, what became of it.

use std::sync::{Arc, Mutex};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{HeaderMap, HeaderName, HeaderValue};
use rsgi_core::http::{StatusCode, Version};
use rsgi_core::{App, Body, Delivery, Environ, Error, Fault, StartResponse, Started, app_fn, blocking};
use rsgi_test::{Client, ClientErrorKind, Framing, Memory};

fn lines() -> impl App {
    blocking(|_, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body(Body::iter(["one\n", "two\n"])))
    })
}

#[test]
fn a_body_in_memory_has_its_length_and_its_outcome() {
    let client = Client::new(app_fn(|_, start_response| async move {
        Ok(start_response.start(StatusCode::CREATED, [("x-a", "1")])?.body("made"))
    }));
    let answer = client.get("/").answer();
    assert_eq!((answer.status(), answer.text(), answer.field("x-a")), (201, "made", Some("1")));
    assert_eq!((answer.framing(), answer.field("content-length")), (Framing::Length(4), Some("4")));
    assert!(answer.is_whole() && answer.field("date").is_some());
    let outcome = answer.outcome().unwrap();
    assert!(outcome.is_whole());
    assert_eq!((outcome.body_bytes, outcome.status), (4, Some(StatusCode::CREATED)));
}

#[test]
fn a_head_has_the_fields_of_get_and_no_content() {
    let client = Client::new(app_fn(|_, start_response| async move {
        Ok(start_response.status(StatusCode::OK).body("content"))
    }));
    let answer = client.head("/").answer();
    assert_eq!((answer.text(), answer.field("content-length")), ("", Some("7")));
    assert_eq!(answer.framing(), Framing::None);
}

#[test]
fn a_body_of_unknown_length_is_framed_as_the_version_has_it() {
    let client = Client::new(lines());
    let framed = |version| {
        let answer = client.get("/").version(version).answer();
        assert_eq!(answer.text(), "one\ntwo\n");
        answer.framing()
    };
    assert_eq!(framed(Version::HTTP_11), Framing::Chunked);
    assert_eq!(framed(Version::HTTP_10), Framing::Close);
    assert_eq!(framed(Version::HTTP_2), Framing::Stream);
}

#[test]
fn an_app_that_fails_is_answered_500_and_its_error_stream_is_caught() {
    async fn fails(environ: Environ, _: StartResponse) -> Result<Started, Error> {
        use std::io::Write;
        writeln!(environ.errors(), "so it goes")?;
        Err("secret".into())
    }
    let answer = Client::new(fails).get("/").answer();
    assert_eq!((answer.status(), answer.errors().as_str()), (500, "so it goes\n"));
    assert!(!answer.text().contains("secret"));
    assert_eq!(answer.outcome().unwrap().fault, Some(Fault::Error));
}

#[test]
fn a_body_that_breaks_is_an_error_that_holds_what_came() {
    let client = Client::new(blocking(|_, start_response: StartResponse| {
        let pieces: Vec<Result<&str, std::io::Error>> =
            vec![Ok("some"), Err(std::io::Error::other("no more"))];
        let mut pieces = pieces.into_iter();
        Ok(start_response.status(StatusCode::OK).body(Body::push(move |writer| {
            for piece in pieces.by_ref() {
                writer.write_bytes(piece?)?;
            }
            Ok(())
        })))
    }));
    let error = client.get("/").send().unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Broken);
    let came = error.came().unwrap();
    assert_eq!((came.status(), came.text(), came.is_whole()), (200, "some", false));
    assert_eq!(came.outcome().unwrap().delivery, Delivery::Failed);
}

#[test]
fn trailers_come_behind_the_content_where_the_client_takes_them() {
    let client = Client::new(app_fn(|_, start_response| async move {
        let sum = HeaderName::from_static("x-sum");
        let trailers = HeaderMap::from_iter([(sum.clone(), HeaderValue::from_static("7"))]);
        let body = Body::send(async move |sender| {
            sender.send("seven").await?;
            sender.trailers(trailers);
            Ok(())
        });
        Ok(start_response.status(StatusCode::OK).body(body.announce_trailers([sum])))
    }));
    let answer = client.get("/").header("te", "trailers").answer();
    assert_eq!(
        (answer.text(), &answer.trailers().unwrap()["x-sum"]),
        ("seven", &HeaderValue::from_static("7"))
    );
    assert_eq!(client.get("/").answer().trailers(), None);
}

#[test]
fn informational_answers_precede_the_final_one() {
    let client = Client::new(app_fn(|environ: Environ, start_response| async move {
        environ.informational()?.send(StatusCode::EARLY_HINTS, [("link", "</a.css>")])?;
        Ok(start_response.status(StatusCode::OK).empty())
    }));
    let answer = client.get("/").answer();
    let hints = &answer.informational()[0];
    assert_eq!((hints.status.as_u16(), &hints.headers["link"]), (103, &HeaderValue::from_static("</a.css>")));
    assert!(client.get("/").version(Version::HTTP_10).answer().informational().is_empty());
}

#[test]
fn an_app_whose_needs_are_not_met_is_refused_before_its_first_request() {
    let app = rsgi_core::requiring(rsgi_core::Capabilities::TOKIO, lines());
    let refused = std::panic::catch_unwind(|| Client::new(app)).unwrap_err();
    assert!(refused.downcast_ref::<String>().unwrap().contains("tokio"));
}

#[test]
fn a_file_is_sent_as_it_lies() -> Result<(), Error> {
    let file = std::env::current_exe()?;
    let length = std::fs::metadata(&file)?.len();
    let client = Client::new(blocking(move |_, start_response: StartResponse| {
        let file = std::fs::File::open(&file)?;
        Ok(start_response.status(StatusCode::OK).body(Body::file_range(file, 1, 3)?))
    }));
    assert!(length > 4);
    assert_eq!(client.get("/").answer().body(), &Bytes::from_static(b"ELF"));
    Ok(())
}

#[test]
fn stop_begins_the_drain_and_runs_the_apps_stop_once() {
    struct Stops(Arc<Mutex<Vec<&'static str>>>);
    impl App for Stops {
        async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
            let (drain, told) = (environ.drain(), Arc::clone(&self.0));
            environ.on_outcome(move |_| {
                told.lock().unwrap().push(if drain.has_begun() { "late" } else { "told" });
            });
            Ok(start_response.status(StatusCode::OK).empty())
        }
        async fn stop(&self) {
            self.0.lock().unwrap().push("stopped");
        }
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let client = Client::with(Stops(Arc::clone(&seen)), Memory::new());
    client.get("/").answer();
    client.stop();
    assert_eq!(*seen.lock().unwrap(), ["told", "stopped"]);
}

#[test]
fn an_answer_can_be_awaited_where_the_test_runs() {
    let client = Client::new(lines());
    let answer = rsgi_core::wait(client.get("/").send_async()).unwrap();
    assert_eq!(answer.text(), "one\ntwo\n");
    let mut open = client.get("/").open().unwrap();
    assert_eq!(rsgi_core::wait(open.piece_async()).unwrap().unwrap(), "one\n");
    assert_eq!(rsgi_core::wait(open.piece_async()).unwrap().unwrap(), "two\n");
    assert!(rsgi_core::wait(open.piece_async()).is_none());
}
