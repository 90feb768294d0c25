//! The apps that most cases use: they leave what they saw as notes, or answer something plain.

use rsgi_core::http::StatusCode;
use rsgi_core::{
    App, BoxApp, Environ, Error, InputError, InputErrorKind, StartResponse, Started, app_fn, blocking,
};

use super::notes::Notes;
use super::seen::{Octets, Seen, fields};

/// The fields of an answer of text.
pub const TEXT: [(&str, &str); 1] = [("content-type", "text/plain")];

/// An async app that tells what it saw (a note `seen`), the body included, and answers `seen`; an error of the input
/// is its answer.
pub fn watching() -> BoxApp {
    BoxApp::new(app_fn(watch))
}

/// As [`watching`], but a blocking app that uses `std::io::Read`.
pub fn watching_blocked() -> BoxApp {
    BoxApp::new(blocking(|mut environ: Environ, start_response: StartResponse| {
        let notes = Notes::of(&environ);
        let mut seen = Seen::of(&environ);
        let mut body = Vec::new();
        if let Err(error) = std::io::Read::read_to_end(environ.input_mut(), &mut body) {
            let kind = InputError::find(&error).map_or(InputErrorKind::Other, InputError::kind);
            seen.body = Err(format!("{kind:?}"));
            notes.tell("seen", &seen);
            return Err(error.into());
        }
        told(&notes, seen, &environ_trailers(&mut environ), body);
        Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("seen"))
    }))
}

async fn watch(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let notes = Notes::of(&environ);
    let mut seen = Seen::of(&environ);
    let mut body = Vec::new();
    while let Some(piece) = environ.input_mut().piece().await {
        match piece {
            Ok(piece) => body.extend_from_slice(&piece),
            Err(error) => {
                seen.body = Err(format!("{:?}", error.kind()));
                notes.tell("seen", &seen);
                return Err(error.into());
            }
        }
    }
    told(&notes, seen, &environ_trailers(&mut environ), body);
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("seen"))
}

fn environ_trailers(environ: &mut Environ) -> Vec<(String, Octets)> {
    environ.input_mut().trailers().map(fields).unwrap_or_default()
}

fn told(notes: &Notes, mut seen: Seen, trailers: &[(String, Octets)], body: Vec<u8>) {
    seen.trailers = trailers.to_vec();
    seen.body = Ok(body.into());
    notes.tell("seen", &seen);
}

/// An app that answers 200 with this text and looks at nothing.
pub fn text(text: &'static str) -> impl App {
    plain(move |_, start_response| {
        Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(text))
    })
}

/// An app that answers its target, so that answers can be told apart.
pub fn target() -> BoxApp {
    BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
        let target = environ.target().into_owned();
        Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(target))
    }))
}

/// An app made of a function from the request to an answer, the common case of cases: no state, nothing awaited.
pub fn plain(
    answer: impl Fn(Environ, StartResponse) -> Result<Started, Error> + Send + Sync + 'static,
) -> impl App {
    app_fn(move |environ, start_response| std::future::ready(answer(environ, start_response)))
}

/// As [`plain`], with the outcome of each of its answers told (a note `outcome`).
pub fn with_outcome(
    answer: impl Fn(Environ, StartResponse) -> Result<Started, Error> + Send + Sync + 'static,
) -> impl App {
    plain(move |environ, start_response| {
        Notes::of(&environ).tell_outcome(&environ);
        answer(environ, start_response)
    })
}
