//! A WSGI application (PEP 3333) as an app: we are its server.

use std::sync::Arc;

use pyo3::prelude::*;
use rsgi_core::http::StatusCode;
use rsgi_core::{App, Environ, Error, StartResponse, Started};

/// A WSGI callable as an [`App`].
#[derive(Debug, Clone)]
pub struct WsgiApp(Arc<Py<PyAny>>);

impl WsgiApp {
    /// Makes an app of a callable `application(environ, start_response)`.
    pub fn new(application: Py<PyAny>) -> Self {
        Self(Arc::new(application))
    }
}

impl App for WsgiApp {
    async fn call(&self, _environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        Ok(start_response.status(StatusCode::NOT_IMPLEMENTED).empty())
    }
}
