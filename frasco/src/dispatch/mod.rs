//! The road of a request: find its rule, ask the hooks before it, call the view, show the answer to the hooks behind it.
//!
//! The order is Flask's (`full_dispatch_request`). Next: `errors.rs`.
//!
//! Invariant: teardown is called once for each request that was begun, whatever became of it.

mod errors;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use percent_encoding::utf8_percent_encode;
use rsgi_core::http::header::{self, HeaderValue};
use rsgi_core::http::{Method, StatusCode};
use rsgi_core::{Environ, StartResponse, Started};

use crate::app::Built;
use crate::error::{Error, HttpError};
use crate::handler::Answering;
use crate::request::{Matched, Request};
use crate::response::{HTML, Response};
use crate::routing::Found;
use crate::routing::escape::{CANONICAL, below};

pub(crate) async fn answer(
    app: Arc<Built>,
    mut environ: Environ,
    start_response: StartResponse,
) -> Result<Started, rsgi_core::Error> {
    if let Some(limit) = app.settings.max_content_length {
        environ.input_mut().set_limit(limit);
    }
    let (matched, otherwise) = match app.router.find(environ.path_info(), environ.method()) {
        Found::Entry(entry, values) => (Some(Matched { entry, values }), None),
        other => (None, Some(other)),
    };
    let request = Request::new(environ, app, matched);
    let going = Going { request };
    let response = going.respond(otherwise).await;
    match response.and_then(|response| response.start(start_response)) {
        Ok(started) => Ok(started),
        Err(error) => Err(error.into()),
    }
}

/// A request that was begun. Its drop tears it down.
struct Going {
    request: Request,
}

impl Going {
    /// The parts whose hooks see this request, from the app on.
    fn chain(&self) -> &[usize] {
        self.request.chain()
    }

    async fn respond(&self, otherwise: Option<Found>) -> Result<Response, Error> {
        let response = match self.view(otherwise).await {
            Ok(response) => response,
            Err(error) => self.handle(error).await?,
        };
        match self.behind(response) {
            Ok(response) => Ok(response),
            Err(error) => self.handle(error).await,
        }
    }

    /// The hooks before, and the view.
    async fn view(&self, otherwise: Option<Found>) -> Result<Response, Error> {
        let app = self.request.app();
        if !app.settings.trusts_host(&self.request) {
            let untrusted = HttpError::new(StatusCode::BAD_REQUEST);
            return Err(untrusted.description("This app does not answer for that host.").into());
        }
        for part in self.chain() {
            for before in &app.parts[*part].before {
                if let Some(response) = caught(before.call(self.request.clone())).await? {
                    return Ok(response);
                }
            }
        }
        match (self.request.matched(), otherwise) {
            (Some(matched), _) => caught(app.views[matched.entry].call(self.request.clone())).await,
            (None, Some(Found::Redirect(path))) => Ok(self.redirect(&path)),
            (None, Some(Found::Options(methods))) => Ok(allowing(Response::new(""), &methods)),
            (None, Some(Found::OtherMethods(methods))) => {
                let error = HttpError::new(StatusCode::METHOD_NOT_ALLOWED).allowing(methods);
                Err(error.into())
            }
            (None, _) => Err(HttpError::new(StatusCode::NOT_FOUND).into()),
        }
    }

    /// The hooks behind.
    fn behind(&self, mut response: Response) -> Result<Response, Error> {
        for change in self.request.take_later() {
            change(&self.request, &mut response)?;
        }
        let app = self.request.app();
        for part in self.chain().iter().rev() {
            for after in app.parts[*part].after.iter().rev() {
                after(&self.request, &mut response)?;
            }
        }
        Ok(response)
    }

    /// Sends the client to another path, by a status that keeps the method (RFC 9110 section 15.4.9).
    fn redirect(&self, path: &str) -> Response {
        let location = location(self.request.script_name(), path, self.request.query());
        let mut response = Response::new("").with_status(308);
        if let Ok(location) = HeaderValue::from_str(&location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let app = self.request.app();
        let error = self.request.error().map(|(error, _)| error);
        for part in self.chain().iter().rev() {
            for teardown in app.parts[*part].teardown.iter().rev() {
                let torn = catch_unwind(AssertUnwindSafe(|| teardown(&self.request, error)));
                if torn.is_err() {
                    tracing::error!(target: "frasco", request = %self.request.request_line(), "a teardown function panicked");
                }
            }
        }
    }
}

/// Where a canonical path of an app is, as a field's value: below its mount, with the query that came, and never at another host.
pub(crate) fn location(mount: &str, path: &str, query: Option<&str>) -> String {
    let escaped = utf8_percent_encode(path, CANONICAL).to_string();
    let mut location = below(mount, &escaped);
    if let Some(query) = query {
        location.push('?');
        location.push_str(query);
    }
    location
}

/// What a function gives; a panic of it is an error, as any other.
async fn caught<T>(mut answering: Answering<T>) -> Result<T, Error> {
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context))) {
        Ok(polled) => polled,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Poll::Ready(Err(Error::msg(format!("the handler panicked: {}", text.unwrap_or_default()))))
        }
    })
    .await
}

/// Tells which methods a path has (RFC 9110 section 10.2.1).
fn allowing(mut response: Response, methods: &[Method]) -> Response {
    let all: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if let Ok(allow) = HeaderValue::from_str(&all.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// The page of an error that nothing answers.
fn page(error: &HttpError) -> Response {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let status = error.status();
    let (name, told) = (error.name(), escaped(error.told()));
    let text = format!(
        "<!doctype html>\n<html lang=en>\n<title>{} {name}</title>\n<h1>{name}</h1>\n<p>{told}</p>\n",
        status.as_u16()
    );
    let mut response = Response::of(text);
    response.headers_mut().insert(header::CONTENT_TYPE, HTML);
    response.set_status(status);
    response
}
