//! Requests and answers, plain ones: what the app is told, and what the web server gets.

use rsgi_core::http::StatusCode;
use rsgi_core::{Environ, Error, StartResponse, Started, app_fn, blocking};

use crate::served::{Host, Served, next};
use crate::wire::{Request, Uwsgi, Wire};

fn what_came(environ: &Environ) -> String {
    let fields: Vec<_> = environ
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}={}", value.to_str().unwrap_or("?")))
        .collect();
    format!("{} {} {:?} {:?}", environ.method(), environ.path_info(), environ.query(), fields)
}

fn tells(environ: &Environ, start_response: StartResponse) -> Result<Started, Error> {
    let head = start_response.status(StatusCode::CREATED).header("x-one", "1")?.header("x-two", "2")?;
    let head = head.header("x-one", "again")?;
    Ok(head.body(what_came(environ)))
}

fn an_app_gets_the_request_and_the_web_server_its_answer<H: Host, W: Wire>() {
    let served = [
        Served::<H, W>::new(blocking(|environ, start_response| tells(&environ, start_response))),
        Served::<H, W>::new(app_fn(|environ, start_response| async move { tells(&environ, start_response) })),
    ];
    for served in served {
        let request = Request::get("/a/b?c=d").with("HTTP_X_SOME", "thing");
        let answer = served.connect().whole(&request, b"").answer();
        assert_eq!(answer.status, 201);
        assert_eq!(answer.all("x-one"), ["1", "again"]);
        assert_eq!(answer.all("x-two"), ["2"]);
        assert_eq!(answer.all("content-length"), [answer.content.len().to_string()]);
        let told = "GET /a/b Some(\"c=d\") [";
        assert!(answer.text().starts_with(told), "{}", answer.text());
        assert!(answer.text().contains("\"x-some=thing\""), "{}", answer.text());
        assert_eq!(answer.errors, "");
        served.end();
    }
}

fn an_app_that_is_pending_is_answered_for_when_it_wakes<H: Host, W: Wire>() {
    let (begun, begins) = std::sync::mpsc::channel();
    let (wake, woken) = tokio::sync::watch::channel(false);
    let served = Served::<H, W>::new(app_fn(move |_: Environ, start_response: StartResponse| {
        let (begun, mut woken) = (begun.clone(), woken.clone());
        async move {
            begun.send(())?;
            woken.wait_for(|woken| *woken).await?;
            Ok(start_response.status(StatusCode::OK).body("woken"))
        }
    }));
    let mut clients: Vec<_> = (0..20).map(|_| served.connect()).collect();
    for client in &mut clients {
        client.get("/");
        next(&begins);
    }
    served.until(|load| load.running == 20);
    wake.send(true).unwrap();
    for client in &mut clients {
        assert_eq!(client.answer().text(), "woken");
    }
    served.until(|load| load.running == 0);
    served.end();
}

fn an_answer_without_content_is_one<H: Host, W: Wire>() {
    let served = Served::<H, W>::new(blocking(|_: Environ, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::NO_CONTENT).empty())
    }));
    let answer = served.connect().get("/").answer();
    assert_eq!((answer.status, answer.content.len()), (204, 0));
    served.end();
}

fn a_server_on_uwsgi_answers_a_ping<H: Host>() {
    let served = Served::<H, Uwsgi>::new(blocking(|_: Environ, _: StartResponse| Err("never".into())));
    let mut client = served.connect();
    client.send(&[100, 0, 0, 0]).closed();
    assert_eq!(client.streams[&1].out, [100, 0, 0, 1]);
    served.end();
}

everywhere!(
    an_app_gets_the_request_and_the_web_server_its_answer,
    an_app_that_is_pending_is_answered_for_when_it_wakes,
    an_answer_without_content_is_one,
);
on_both!(a_server_on_uwsgi_answers_a_ping);
