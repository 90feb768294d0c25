//! What stands round a middleware of the conformance test so that neither probe nor client sees what it wants or does:
//! fields that it asks for are given outside of it and taken away inside, and what it codes is decoded.
//!
//! Not here: the rows (`conform_middleware.rs`).

use std::io::Write as _;

use flate2::write::GzDecoder;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, VARY};
use rsgi_core::{App, Body, Capabilities, Change, Environ, Error, Middleware, StartResponse, Started};

/// Fields that a middleware wants of a request.
pub(crate) type Wanted = &'static [(&'static str, &'static str)];

/// Puts a middleware between what gives it its fields and what takes them away again.
pub(crate) fn given<M>(wanted: Wanted, middleware: M) -> (Fields, (M, Fields)) {
    (Fields { wanted, done: Done::Given }, (middleware, Fields { wanted, done: Done::Taken }))
}

/// Gives fields to a request, or takes them from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    wanted: Wanted,
    done: Done,
}

#[derive(Debug, Clone, Copy)]
enum Done {
    Given,
    Taken,
}

impl Fields {
    fn change(self, headers: &mut HeaderMap) {
        for (name, value) in self.wanted {
            let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
            match self.done {
                Done::Given => drop(headers.append(name, value)),
                Done::Taken => {
                    let all: Vec<HeaderValue> = headers.get_all(&name).into_iter().cloned().collect();
                    headers.remove(&name);
                    for other in all.into_iter().filter(|other| *other != value) {
                        headers.append(name.clone(), other);
                    }
                }
            }
        }
    }
}

impl<A: App> Middleware<A> for Fields {
    type App = FieldsApp<A>;

    fn wrap(self, inner: A) -> FieldsApp<A> {
        FieldsApp { fields: self, inner }
    }
}

/// An app whose requests have other fields.
#[derive(Debug)]
pub(crate) struct FieldsApp<A> {
    fields: Fields,
    inner: A,
}

impl<A: App> App for FieldsApp<A> {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        self.fields.change(environ.headers_mut());
        self.inner.call(environ, start_response).await
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    async fn stop(&self) {
        self.inner.stop().await;
    }
}

/// Decodes answers in `gzip`, piece by piece, and takes away what the coding added to the head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoded;

impl<A: App> Middleware<A> for Decoded {
    type App = DecodedApp<A>;

    fn wrap(self, inner: A) -> DecodedApp<A> {
        DecodedApp { inner }
    }
}

/// An app whose answers are decoded.
#[derive(Debug)]
pub(crate) struct DecodedApp<A> {
    inner: A,
}

impl<A: App> App for DecodedApp<A> {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        decoded(self.inner.call(environ, start_response).await?)
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    async fn stop(&self) {
        self.inner.stop().await;
    }
}

fn decoded(mut started: Started) -> Result<Started, Error> {
    let varied: Vec<HeaderValue> = started.headers().get_all(VARY).into_iter().cloned().collect();
    started.fields_mut().remove(&VARY);
    for other in varied.into_iter().filter(|other| other != "accept-encoding") {
        started.fields_mut().append(VARY, other)?;
    }
    if started.headers().get(CONTENT_ENCODING).is_none_or(|coding| coding != "gzip") {
        return Ok(started);
    }
    started.fields_mut().remove(&CONTENT_ENCODING);
    let mut decoding = Decoding(GzDecoder::new(Vec::new()));
    match started.body().as_bytes().cloned() {
        Some(whole) => {
            let plain = [decoding.piece(whole)?, decoding.finish()?].concat();
            Ok(started.map_body(|_| Body::from(plain)))
        }
        None if started.body().length() == Some(0) => Ok(started),
        None => Ok(started.map_body(|body| body.map(decoding))),
    }
}

struct Decoding(GzDecoder<Vec<u8>>);

impl Change for Decoding {
    fn piece(&mut self, piece: Bytes) -> Result<Bytes, Error> {
        self.0.write_all(&piece)?;
        self.0.flush()?;
        Ok(std::mem::take(self.0.get_mut()).into())
    }

    fn finish(&mut self) -> Result<Bytes, Error> {
        self.0.try_finish()?;
        Ok(std::mem::take(self.0.get_mut()).into())
    }
}
