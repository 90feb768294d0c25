//! What goes out before the final head: several if asked, none after it, each with a word about what became of it.

use std::sync::{Arc, Mutex};

use rsgi_core::http::{HeaderMap, Request, StatusCode, Version};
use rsgi_core::{
    Capabilities, Cause, Connection, Endpoint, Environ, Exchange, Informational, Input, Link, StartErrorKind,
    StartResponse, Told, app_fn, respond, wait,
};

use crate::asking::{able, plain, request};

/// Keeps what was sent.
#[derive(Default)]
struct Sent(Mutex<Vec<(u16, HeaderMap)>>);

impl Link for Sent {
    fn informational(&self, status: StatusCode, fields: &HeaderMap) -> Told {
        self.0.lock().unwrap().push((status.as_u16(), fields.clone()));
        Told::Sent
    }
}

fn environ(version: Version) -> (Environ, Arc<Sent>) {
    let sent = Arc::new(Sent::default());
    let unnamed = Endpoint::unix(None, None);
    let server = Arc::new(able(Capabilities::INFORMATIONAL));
    let mut connection = Connection::new(server, 1, unnamed.clone(), unnamed);
    connection.link = Some(Arc::clone(&sent) as Arc<dyn Link>);
    let request = Request::builder().version(version).body(Input::empty()).unwrap();
    let (head, input) = request.into_parts();
    (Environ::new(head, input, Exchange::new(Arc::new(connection))), sent)
}

fn hint(informational: &Informational) -> Told {
    informational.send(StatusCode::EARLY_HINTS, [("link", "</a.css>; rel=preload")]).unwrap()
}

const NO_FIELDS: [(&str, &str); 0] = [];

#[test]
fn several_go_out_before_the_final_head_and_none_after_it() {
    // rule(136)
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let (environ, sent) = environ(version);
        let late = environ.informational().unwrap();
        let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
            let informational = environ.informational()?;
            assert_eq!((hint(&informational), hint(&informational)), (Told::Sent, Told::Sent));
            assert_eq!(informational.send(StatusCode::PROCESSING, NO_FIELDS)?, Told::Sent);
            Ok(start_response.status(StatusCode::OK).empty())
        });
        let _answer = wait(respond(&app, environ));
        assert_eq!(hint(&late), Told::TooLate);
        let sent = sent.0.lock().unwrap();
        assert_eq!(sent.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [103, 103, 102]);
        assert_eq!(sent[0].1["link"], "</a.css>; rel=preload");
    }
}

#[test]
fn http_1_0_has_none_and_says_that_it_was_ignored() {
    // rule(137)
    let (environ, sent) = environ(Version::HTTP_10);
    assert_eq!(hint(&environ.informational().unwrap()), Told::IgnoredByVersion);
    assert!(sent.0.lock().unwrap().is_empty());
}

#[test]
fn a_client_that_is_gone_is_told_and_no_crash() {
    // rule(139)
    let (environ, sent) = environ(Version::HTTP_11);
    environ.exchange().disconnect(Cause::Reset);
    assert_eq!(hint(&environ.informational().unwrap()), Told::Gone);
    assert!(sent.0.lock().unwrap().is_empty());
}

#[test]
fn its_status_and_fields_are_checked_like_an_answers() {
    // rule(138)
    let (environ, sent) = environ(Version::HTTP_11);
    let informational = environ.informational().unwrap();
    for status in [101, 200, 204, 500] {
        let error = informational.send(StatusCode::from_u16(status).unwrap(), NO_FIELDS).unwrap_err();
        assert_eq!(error.kind(), StartErrorKind::InvalidStatus);
    }
    for (name, value, kind) in [
        ("content-length", "0", StartErrorKind::InvalidName),
        ("connection", "close", StartErrorKind::HopByHop),
        ("transfer-encoding", "chunked", StartErrorKind::HopByHop),
        ("x a", "1", StartErrorKind::InvalidName),
        ("status", "103", StartErrorKind::InvalidName),
        ("x-a", "1\r\nx-b: 2", StartErrorKind::InvalidValue),
    ] {
        let error = informational.send(StatusCode::EARLY_HINTS, [(name, value)]).unwrap_err();
        assert_eq!(error.kind(), kind, "{name}");
    }
    assert!(sent.0.lock().unwrap().is_empty());
}

#[test]
fn it_stays_usable_through_middleware() {
    let (environ, sent) = environ(Version::HTTP_11);
    let inner = app_fn(|environ: Environ, start_response: StartResponse| async move {
        hint(&environ.informational()?);
        Ok(start_response.status(StatusCode::OK).empty())
    });
    let mounted = rsgi_core::Mount::new().at("/", inner);
    let stack = rsgi_core::Stack::new()
        .then(rsgi_core::around(|environ: Environ, start_response, next| async move {
            let environ = Environ::from_request(environ.into_request());
            next.call(environ, start_response).await
        }))
        .app(mounted);
    let _answer = wait(respond(&stack, environ));
    assert_eq!(sent.0.lock().unwrap().len(), 1);
}

#[test]
fn a_server_without_a_way_gives_not_supported() {
    // rule(147)
    for server in [plain(), able(Capabilities::INFORMATIONAL)] {
        let error = Environ::on_server(request("GET", "/"), server).informational().unwrap_err();
        assert_eq!(error.missing(), Capabilities::INFORMATIONAL);
    }
}
