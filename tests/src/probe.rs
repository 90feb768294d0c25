//! Apps that tell their test what they saw, and bodies that tell when they are dropped.
//!
//! A [`Seen`] is a copy of everything an environ offers, made inside the app and sent to the test; so a case compares
//! plain values and seldom needs an app of its own. Read next: `deadline.rs`, how events travel.

use std::collections::BTreeMap;

use rsgi_core::http::StatusCode;
use rsgi_core::{
    App, Endpoint, Environ, Error, InputError, InputErrorKind, InputLength, Outcome, Scheme, Server,
    StartResponse, Started, app_fn, blocking,
};

use crate::deadline::{Events, Teller, events};

/// What an app saw of one request.
#[derive(Debug, Clone)]
#[expect(
    missing_docs,
    reason = "the fields are named as the environ's methods, whose documentation says more"
)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub script_name: String,
    pub path_info: String,
    pub path_info_decoded: Vec<u8>,
    pub query: Option<String>,
    pub version: String,
    pub scheme: Scheme,
    pub host: Option<String>,
    pub url: String,
    pub server_name: String,
    pub server_port: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub vars: BTreeMap<String, Vec<u8>>,
    pub peer: Endpoint,
    pub local: Endpoint,
    pub trusted_client: String,
    pub trusted_scheme: Scheme,
    pub trusted_host: Option<String>,
    pub server: Server,
    pub request_id: (u64, u64),
    pub input_length: InputLength,
    pub tls: Option<rsgi_core::Tls>,
    /// The body, once it was read.
    pub body: Result<Vec<u8>, InputErrorKind>,
    /// The fields behind the body.
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl Seen {
    /// Copies what an environ says; the body is left unread.
    pub fn of(environ: &Environ) -> Self {
        let trusted = environ.trusted();
        Self {
            method: environ.method().to_string(),
            target: environ.target().into_owned(),
            script_name: environ.script_name().to_owned(),
            path_info: environ.path_info().to_owned(),
            path_info_decoded: environ.path_info_decoded().into_owned(),
            query: environ.query().map(str::to_owned),
            version: format!("{:?}", environ.version()),
            scheme: environ.scheme(),
            host: environ.host().map(str::to_owned),
            url: environ.url(),
            server_name: environ.server_name().into_owned(),
            server_port: environ.server_port(),
            headers: fields(environ.headers()),
            vars: environ.vars().map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
            peer: environ.peer().clone(),
            local: environ.local().clone(),
            trusted_client: trusted.client.to_string(),
            trusted_scheme: trusted.scheme,
            trusted_host: trusted.host.map(std::borrow::Cow::into_owned),
            server: environ.server().clone(),
            request_id: environ.request_id(),
            input_length: environ.input_length(),
            tls: environ.tls().cloned(),
            body: Ok(Vec::new()),
            trailers: Vec::new(),
        }
    }

    /// All values of a field, as text.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(found, _)| found == name);
        named.map(|(_, value)| std::str::from_utf8(value).unwrap_or("not UTF-8")).collect()
    }

    /// One variable of the CGI view, as text.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(|value| std::str::from_utf8(value).unwrap_or("not UTF-8"))
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.body.as_deref().expect("a whole body")).expect("a body of text")
    }
}

/// Copies a header map.
pub fn fields(map: &rsgi_core::http::HeaderMap) -> Vec<(String, Vec<u8>)> {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

/// An async app that tells what it saw, the body included, and answers `seen`; an error of the input is its answer.
pub fn watching() -> (impl App, Events<Seen>) {
    let (teller, seen) = events();
    let app = app_fn(move |environ, start_response| watch(environ, start_response, teller.clone()));
    (app, seen)
}

async fn watch(
    mut environ: Environ,
    start_response: StartResponse,
    teller: Teller<Seen>,
) -> Result<Started, Error> {
    let mut seen = Seen::of(&environ);
    let mut body = Vec::new();
    while let Some(piece) = environ.input_mut().piece().await {
        match piece {
            Ok(piece) => body.extend_from_slice(&piece),
            Err(error) => {
                seen.body = Err(error.kind());
                teller.tell(seen);
                return Err(error.into());
            }
        }
    }
    seen.trailers = environ.input_mut().trailers().map(fields).unwrap_or_default();
    seen.body = Ok(body);
    teller.tell(seen);
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("seen"))
}

/// As [`watching`], but a blocking app that uses `std::io::Read`.
pub fn watching_blocked() -> (impl App, Events<Seen>) {
    let (teller, seen_by_test) = events();
    let app = blocking(move |mut environ: Environ, start_response: StartResponse| {
        let mut seen = Seen::of(&environ);
        let mut body = Vec::new();
        if let Err(error) = std::io::Read::read_to_end(environ.input_mut(), &mut body) {
            let kind = InputError::find(&error).map_or(InputErrorKind::Other, InputError::kind);
            seen.body = Err(kind);
            teller.tell(seen);
            return Err(error.into());
        }
        seen.trailers = environ.input_mut().trailers().map(fields).unwrap_or_default();
        seen.body = Ok(body);
        teller.tell(seen);
        Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("seen"))
    });
    (app, seen_by_test)
}

/// An app that answers 200 with this text and looks at nothing.
pub fn text(text: &'static str) -> impl App {
    app_fn(move |_, start_response| async move {
        Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(text))
    })
}

/// An app that answers its target, so that answers can be told apart.
pub fn target() -> impl App {
    app_fn(|environ: Environ, start_response: StartResponse| async move {
        let target = environ.target().into_owned();
        Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(target))
    })
}

/// An app made of a function from the request to an answer, the common case of cases: no state, nothing awaited.
pub fn app(
    answer: impl Fn(Environ, StartResponse) -> Result<Started, Error> + Send + Sync + 'static,
) -> impl App {
    app_fn(move |environ, start_response| std::future::ready(answer(environ, start_response)))
}

/// An app around another function, with the outcome of each of its answers told.
pub fn with_outcome(
    answer: impl Fn(Environ, StartResponse) -> Result<Started, Error> + Send + Sync + 'static,
) -> (impl App, Events<Outcome>) {
    let (teller, outcomes) = events();
    let app = app(move |environ, start_response| {
        tell_outcome(&environ, &teller);
        answer(environ, start_response)
    });
    (app, outcomes)
}

/// Makes a body anew for each request.
pub type MakeBody = Box<dyn Fn() -> rsgi_core::Body + Send + Sync>;

/// Has the outcome of a request told.
pub fn tell_outcome(environ: &Environ, teller: &Teller<Outcome>) {
    let teller = teller.clone();
    environ.on_outcome(move |outcome| teller.tell(outcome.clone()));
}

/// Tells when it is dropped: put into a body or a future, it shows that this was released, and how often.
#[derive(Debug)]
pub struct OnDrop {
    teller: Teller<&'static str>,
    name: &'static str,
}

impl OnDrop {
    /// Tells `name` when dropped.
    pub fn new(name: &'static str, teller: &Teller<&'static str>) -> Self {
        Self { teller: teller.clone(), name }
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.teller.tell(self.name);
    }
}
