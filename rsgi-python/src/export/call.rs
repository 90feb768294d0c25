//! One call of the callable, from the environ to the content.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use rsgi_core::http::{HeaderMap, HeaderValue, Response, header};
use rsgi_core::{
    Cause, Delivery, Endpoint, Environ, Exchange, Input, InputLength, Outgoing, Server, respond,
};
use rsgi_gateway::request::{Refusal, Request};
use std::future::Future as _;

use super::answer;
use super::content::{Content, Flow};
use super::desk::{Desk, HostInput};
use super::drive::{drive, no_runtime};
use super::errors::HostErrors;
use super::process::Here;
use super::variables::Told;

/// Answers a request of the host's.
pub(super) fn call<'py>(
    here: Arc<Here>,
    environ: &Bound<'py, PyAny>,
    start_response: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = environ.py();
    let told = Told::read(environ)?;
    let server = here.server(told.concurrency).map_err(|error| no_runtime(&error))?;
    let Begun { environ, exchange, desk } = match begin(&here, server, told) {
        Ok(begun) => begun,
        Err(refusal) => return refuse(start_response, &refusal),
    };
    let answered = run(py, &here, &desk, environ);
    let (parts, outgoing) = match answered {
        Ok(response) => response.into_parts(),
        Err(raised) => {
            py.detach(|| {
                let cause = desk.cause();
                exchange.disconnect(cause);
                exchange.tell(Delivery::Aborted(cause));
            });
            return Err(raised);
        }
    };
    let framing = outgoing.framing();
    let mut flow = Flow::new(outgoing, exchange, desk, here);
    let write = match answer::start(start_response, &parts, framing) {
        Ok(write) => write,
        Err(raised) => {
            flow.end(py, Delivery::Aborted(Cause::ServerStopped));
            return Err(raised);
        }
    };
    if let Some(bytes) = flow.take_unwatched() {
        let list =
            if bytes.is_empty() { PyList::empty(py) } else { PyList::new(py, [PyBytes::new(py, &bytes)])? };
        return Ok(list.into_any());
    }
    if flow.waits(py)? {
        // PEP 3333 has the first call of `write` send the head, and no other way to have that done before there is content.
        if let Err(raised) = write.call1((PyBytes::new(py, b""),)) {
            flow.end(py, Delivery::Aborted(Cause::Closed));
            return Err(raised);
        }
    }
    if flow.pushes() {
        flow.write_to(&write)?;
        return Ok(PyList::empty(py).into_any());
    }
    Ok(Bound::new(py, Content::of(flow))?.into_any())
}

/// A request that can be answered by the app.
struct Begun {
    environ: Environ,
    exchange: Arc<Exchange>,
    desk: Arc<Desk>,
}

fn begin(here: &Here, server: &Arc<Server>, told: Told<'_>) -> Result<Begun, Refusal> {
    static CALLS: AtomicU64 = AtomicU64::new(1);
    let mut request = Request::read(told.variables, &here.config.limits)?;
    let id = CALLS.fetch_add(1, Ordering::Relaxed);
    let unnamed = Endpoint::unix(None, None);
    let local = Arc::new(unnamed.clone());
    let mut connection = request.connection(server, id, &unnamed, &local, Instant::now());
    connection.errors = told.errors.map(|errors| Arc::new(HostErrors(errors.unbind())) as _);
    let exchange = Exchange::new(Arc::new(connection));
    let desk = Desk::new(told.input.map(Bound::unbind), told.stack, told.client);
    let input = match request.length(told.unsaid) {
        InputLength::None => Input::empty(),
        length => Input::new(HostInput::new(Arc::clone(&desk), length), length, server.body_limit),
    };
    Ok(Begun { environ: request.environ(input, Arc::clone(&exchange)), exchange, desk })
}

/// Runs the app. Its future lies in memory of its own: under gevent the stack does not stay where it is.
fn run(py: Python<'_>, here: &Here, desk: &Desk, environ: Environ) -> PyResult<Response<Outgoing>> {
    let runtime = here.runtime().map_err(|error| no_runtime(&error))?;
    let mut environ = Some(environ);
    let mut answering = None;
    let answered = drive(py, desk, runtime, |context| {
        // Made where it is polled, as an app's call may want the runtime and block.
        if let Some(environ) = environ.take() {
            answering = Some(Box::pin(respond(&here.app, environ)));
        }
        match &mut answering {
            Some(answering) => answering.as_mut().poll(context),
            None => std::task::Poll::Pending,
        }
    });
    py.detach(|| {
        let _entered = runtime.enter();
        drop(answering);
    });
    answered
}

/// Answers a request that doesn't reach the app.
#[cold]
fn refuse<'py>(start_response: &Bound<'py, PyAny>, refusal: &Refusal) -> PyResult<Bound<'py, PyAny>> {
    tracing::info!(target: "rsgi", "{refusal}");
    let py = start_response.py();
    let status = refusal.status;
    let text = format!("{} {}\n", status.as_str(), status.canonical_reason().unwrap_or_default());
    let mut fields = HeaderMap::new();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    answer::start_with(start_response, status, &fields, Some(text.len() as u64))?;
    Ok(PyList::new(py, [PyBytes::new(py, text.as_bytes())])?.into_any())
}
