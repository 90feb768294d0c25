//! The strings that every request's environ has, made once: keys, whose hash Python then knows, and common values.

use std::cell::RefCell;
use std::collections::HashMap;

use pyo3::Python;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use rsgi_core::http::header::{self, HeaderName};

macro_rules! names {
    ($($field:ident $text:literal),* $(,)?) => {
        /// Interned strings, each by its name in Rust.
        pub(super) struct Names {
            $(pub(super) $field: Py<PyString>,)*
        }

        impl Names {
            fn new(py: Python<'_>) -> Self {
                Self { $($field: PyString::intern(py, $text).unbind(),)* }
            }
        }
    };
}

names! {
    // keys
    request_method "REQUEST_METHOD", script_name "SCRIPT_NAME", path_info "PATH_INFO", query_string "QUERY_STRING",
    content_type "CONTENT_TYPE", content_length "CONTENT_LENGTH", server_name "SERVER_NAME", server_port "SERVER_PORT",
    server_protocol "SERVER_PROTOCOL", server_software "SERVER_SOFTWARE", gateway_interface "GATEWAY_INTERFACE",
    remote_addr "REMOTE_ADDR", remote_port "REMOTE_PORT", request_uri "REQUEST_URI", raw_uri "RAW_URI",
    https "HTTPS", ssl_cipher "SSL_CIPHER", ssl_protocol "SSL_PROTOCOL", ssl_sni "SSL_TLS_SNI",
    wsgi_version "wsgi.version", wsgi_url_scheme "wsgi.url_scheme", wsgi_input "wsgi.input",
    wsgi_input_terminated "wsgi.input_terminated", wsgi_errors "wsgi.errors", wsgi_multithread "wsgi.multithread",
    wsgi_multiprocess "wsgi.multiprocess", wsgi_run_once "wsgi.run_once", wsgi_file_wrapper "wsgi.file_wrapper",
    // values
    empty "", get "GET", head "HEAD", post "POST", put "PUT", delete "DELETE", options "OPTIONS", patch "PATCH",
    http10 "HTTP/1.0", http11 "HTTP/1.1", http2 "HTTP/2.0", http "http", secure "https", on "on", slash "/",
    cgi "CGI/1.1",
}

/// The strings.
pub(super) fn names(py: Python<'_>) -> &Names {
    static NAMES: PyOnceLock<Names> = PyOnceLock::new();
    NAMES.get_or_init(py, || Names::new(py))
}

thread_local! {
    static VARIABLES: RefCell<HashMap<HeaderName, Py<PyString>>> = RefCell::new(HashMap::new());
}

/// The key of a field, `HTTP_ACCEPT` say; `None` for a field that has none (see core's `environ/vars.rs`).
pub(super) fn variable<'py>(py: Python<'py>, name: &HeaderName) -> Option<Bound<'py, PyString>> {
    VARIABLES.with_borrow_mut(|known| {
        if let Some(variable) = known.get(name) {
            return Some(variable.bind(py).clone());
        }
        let variable = PyString::intern(py, &spelled(name)?);
        if known.len() < MOST {
            known.insert(name.clone(), variable.clone().unbind());
        }
        Some(variable)
    })
}

/// Spells a field's name as CGI does. `Content-Type` and `Content-Length` have variables of their own, `Proxy` would be read
/// as a setting by client libraries, and a name with `_` would pose as one with `-`.
fn spelled(name: &HeaderName) -> Option<String> {
    if matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH)
        || name.as_str() == "proxy"
        || name.as_str().contains('_')
    {
        return None;
    }
    let mut variable = String::with_capacity(name.as_str().len() + 5);
    variable.push_str("HTTP_");
    variable.extend(name.as_str().chars().map(|character| match character {
        '-' => '_',
        other => other.to_ascii_uppercase(),
    }));
    Some(variable)
}

/// So many keys are kept a thread: a client that makes names up fills no memory.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_the_variable_of_cgi_or_none() {
        let spelled = |name: &'static str| spelled(&HeaderName::from_static(name));
        assert_eq!(spelled("accept-language").as_deref(), Some("HTTP_ACCEPT_LANGUAGE"));
        for hidden in ["proxy", "content-type", "content-length", "x_y"] {
            assert_eq!(spelled(hidden), None, "{hidden}");
        }
    }
}
