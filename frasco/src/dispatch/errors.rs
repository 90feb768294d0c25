//! Who answers an error: a status's handler or a type's, the innermost blueprint's first; else a small page.

use rsgi_core::http::{Method, StatusCode};
use rsgi_core::{InputError, InputErrorKind};

use super::{Going, allowing, caught, page};
use crate::error::{Error, HttpError};
use crate::handler::View;
use crate::response::Response;

impl Going {
    /// Answers an error; `Err` only if its handler fails, too.
    pub(super) async fn handle(&self, error: Error) -> Result<Response, Error> {
        if let Some(response) = error.http().and_then(HttpError::take_response) {
            return Ok(response);
        }
        let known = error.http().cloned().or_else(|| of_input(&error));
        let http = known.clone().unwrap_or_else(|| HttpError::new(StatusCode::INTERNAL_SERVER_ERROR));
        self.request.set_error(error.share(), http.clone());
        let handler = self.handler(&error, known.as_ref(), &http);
        if known.is_none() && !handler.as_ref().is_some_and(|(_, of)| *of == Of::Type) {
            if self.request.app().settings.debug {
                // It is shown, and logged, by what is around the app then; as in Flask, no handler of 500 sees it.
                return Err(error);
            }
            tracing::error!(target: "frasco", request = %self.request.request_line(), error = %Chain(&error), "a handler failed");
        }
        let response = match handler {
            Some((view, _)) => {
                let mut response = caught(view.call(self.request.clone())).await.inspect_err(|again| {
                    tracing::error!(target: "frasco", error = %Chain(&error), again = %Chain(again), "an error handler failed");
                })?;
                response.default_status(http.status());
                response
            }
            None => page(&http),
        };
        Ok(match http.allowed() {
            Some(methods) => allowing(response, methods),
            None => response,
        })
    }

    fn handler(
        &self,
        error: &Error,
        known: Option<&HttpError>,
        http: &HttpError,
    ) -> Option<(&dyn View<Response>, Of)> {
        let app = self.request.app();
        let chain = self.error_chain();
        let parts = || chain.iter().rev().map(|part| &app.parts[*part]);
        let by_status = || {
            let all = parts().flat_map(|part| &part.on_status);
            all.filter(|(status, _)| *status == http.status()).map(|(_, view)| (&**view, Of::Status)).next()
        };
        let by_type = |error: &Error| {
            let all = parts().flat_map(|part| &part.on_error);
            all.filter(|it| (it.is_of_it)(error)).map(|it| (&*it.view, Of::Type)).next()
        };
        if known.is_some() {
            return by_status().or_else(|| by_type(error));
        }
        // What is unexpected is a 500, for who answers those, and for who answers every status.
        by_type(error)
            .or_else(by_status)
            .or_else(|| by_type(&Error::from(http.clone())).map(|(view, _)| (view, Of::Status)))
    }

    /// The parts whose error handlers are asked. A path that no rule matches is of the blueprint below whose prefix it lies, the longest.
    fn error_chain(&self) -> &[usize] {
        let app = self.request.app();
        if self.request.matched().is_some() {
            return self.chain();
        }
        let Some(path) = crate::routing::canonical_path(self.request.path_info()) else {
            return self.chain();
        };
        let below = app.parts.iter().filter_map(|part| Some((part.below.as_ref()?.find(&path)?.end(), part)));
        below
            .max_by_key(|(length, part)| (*length, part.chain.len()))
            .map_or(self.chain(), |(_, part)| &part.chain)
    }
}

/// By what an error's handler was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Status,
    Type,
}

/// What an error of the request's content is to the client.
fn of_input(error: &Error) -> Option<HttpError> {
    let status = match error.find::<InputError>()?.kind() {
        InputErrorKind::Limit => StatusCode::PAYLOAD_TOO_LARGE,
        InputErrorKind::TimedOut => StatusCode::REQUEST_TIMEOUT,
        InputErrorKind::Malformed | InputErrorKind::Truncated | InputErrorKind::Disconnected => {
            StatusCode::BAD_REQUEST
        }
        _ => return None,
    };
    Some(HttpError::new(status))
}

/// An error and what it came from, in one line.
struct Chain<'a>(&'a Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(formatter, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}

impl HttpError {
    /// Names the methods that a path has.
    pub(super) fn allowing(mut self, methods: Vec<Method>) -> Self {
        self.allowed = Some(methods);
        self
    }
}
