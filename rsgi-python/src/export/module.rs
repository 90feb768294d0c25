//! [`wsgi_module!`](crate::wsgi_module): the one line that makes a Python module of an app.

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use rsgi_core::server::Config;

use super::application::Application;
use super::errors::log_to_standard_error;
use super::factory::Factory;

/// Makes a Python module whose `app` is a WSGI callable, of an app's factory.
///
/// The crate is a `cdylib` of the module's name. It needs `rsgi-python` (feature `export`) and `rsgi-core`, and may forbid unsafe code.
/// The arguments are the module's name, the factory in any form of [`Factory`], and, if the defaults don't do,
/// the [`Config`]: its limits, its trust and `timeouts.graceful` have a meaning here; where to listen is the
/// host's business.
///
/// ```toml
/// [lib]
/// name = "ping"
/// crate-type = ["cdylib"]
///
/// [dependencies]
/// rsgi-core = "0.1"
/// rsgi-python = { version = "0.1", default-features = false, features = ["export"] }
/// ```
///
/// `maturin develop` installs the module. By hand: `PYO3_BUILD_EXTENSION_MODULE=1 cargo build --release`, and `target/release/libping.so`
/// copied to where Python finds it as `ping.so`. Then: `gunicorn ping:app`.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::server::Config;
/// use rsgi_core::{App, Environ, Error, StartResponse, Started, blocking};
///
/// fn ping(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("pong"))
/// }
///
/// fn create_app() -> impl App {
///     blocking(ping)
/// }
///
/// rsgi_python::wsgi_module!(ping_module, create_app, Config::new().limits(|limits| limits.body_bytes = Some(1 << 20)));
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! wsgi_module {
    ($name:ident, $create_app:expr $(,)?) => {
        $crate::wsgi_module!(@ $name, $create_app, ::core::option::Option::None);
    };
    ($name:ident, $create_app:expr, $config:expr $(,)?) => {
        $crate::wsgi_module!(@ $name, $create_app, ::core::option::Option::Some($config));
    };
    (@ $name:ident, $create_app:expr, $config:expr) => {
        #[doc = "A WSGI application: `app`."]
        #[$crate::pyo3::pymodule(gil_used = false)]
        #[pyo3(crate = "::rsgi_python::pyo3")]
        fn $name(
            module: &$crate::pyo3::Bound<'_, $crate::pyo3::types::PyModule>,
        ) -> $crate::pyo3::PyResult<()> {
            $crate::export::fill(module, $create_app, $config)
        }
    };
}

/// Gives a module its `app`, and has it stopped at the interpreter's end: what [`wsgi_module!`](crate::wsgi_module) calls, for modules
/// that hold more.
///
/// # Errors
///
/// `ImportError`, with all causes: the factory fails, the app needs what WSGI hasn't (trailers, informational answers, upgrades), or a
/// setting is wrong.
pub fn fill<M: 'static>(
    module: &Bound<'_, PyModule>,
    create_app: impl Factory<M>,
    config: Option<Config>,
) -> PyResult<()> {
    let py = module.py();
    let made = py.detach(|| {
        let application = Application::new(Box::new(move || create_app.create()), config.unwrap_or_default());
        // Behind the factory, which may have set one of its own.
        log_to_standard_error();
        application
    });
    let application = made.map_err(|failed| {
        let name = module.name().map(|name| name.to_string()).unwrap_or_default();
        PyImportError::new_err(format!("{name}: {failed}"))
    })?;
    let application = Bound::new(py, application)?;
    py.import("atexit")?.call_method1("register", (application.getattr("stop")?,))?;
    module.add("app", application)
}
