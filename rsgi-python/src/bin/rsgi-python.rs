//! `rsgi-python "app:create_app()" -w 5`: a WSGI application on the servers of RSGI, as `gunicorn` serves it.

fn main() {}
