//! `rsgi-python "app:create_app()" -w 5`: a WSGI application on the servers of RSGI, as `gunicorn` serves it.

use std::process::ExitCode;

fn main() -> ExitCode {
    rsgi_python::command::run()
}
