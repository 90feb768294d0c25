//! Applications in Python, asked through core's `respond` as every adapter asks. The clauses of PEP 3333 one by one are in
//! `tests/`.

use pyo3::prelude::*;
use rsgi_core::http::Request;
use rsgi_core::http_body::Body as _;
use rsgi_core::{
    AcceptedBy, App, Delivery, Environ, Framing, Input, Outgoing, Sink, may_block, respond, wait,
};

use super::WsgiApp;
use crate::interpreter;

/// The app that `code` defines.
fn app(code: &str) -> WsgiApp {
    interpreter::start().unwrap();
    interpreter::attach(|py| {
        let code = std::ffi::CString::new(code).unwrap();
        let module = PyModule::from_code(py, &code, c"tested.py", c"tested").unwrap();
        WsgiApp::new(module.getattr("app").unwrap().unbind())
    })
}

#[derive(Default)]
struct Pieces(Vec<Vec<u8>>);

impl Sink for Pieces {
    fn data(&mut self, piece: rsgi_core::bytes::Bytes) -> std::io::Result<()> {
        self.0.push(piece.to_vec());
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn trailers(&mut self, _: rsgi_core::http::HeaderMap) -> std::io::Result<()> {
        Ok(())
    }
}

/// Status, framing and the pieces of the content.
fn ask(app: &impl App, request: Request<()>, content: &'static str) -> (u16, Framing, Vec<String>) {
    may_block(|| {
        let mut environ = Environ::for_test(request);
        if !content.is_empty() {
            environ.set_input(Input::from_bytes(content.into()));
        }
        let answer = wait(respond(app, environ));
        let (status, mut outgoing): (_, Outgoing) = (answer.status().as_u16(), answer.into_body());
        let framing = outgoing.framing();
        let mut pieces = Pieces::default();
        if let Some(content) = outgoing.take_bytes() {
            pieces.0.push(content.to_vec());
        } else if !outgoing.is_end_stream() {
            outgoing.write_to(&mut pieces).unwrap();
        }
        let pieces = pieces.0.into_iter().map(|piece| String::from_utf8(piece).unwrap());
        (status, framing, pieces.collect())
    })
}

fn get(app: &impl App) -> (u16, Framing, Vec<String>) {
    ask(app, Request::get("/a%20b?q=1").header("host", "example.com").body(()).unwrap(), "")
}

#[test]
fn a_list_of_bytes_is_content_in_memory() {
    let app = app("def app(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [environ['PATH_INFO'].encode(), b' ', environ['QUERY_STRING'].encode()]");
    assert_eq!(get(&app), (200, Framing::Length(8), vec!["/a b q=1".into()]));
}

#[test]
fn a_generator_is_begun_late_and_goes_out_piece_by_piece() {
    let app = app("def app(environ, start_response):
    start_response('202 Soon', [])
    yield b''
    yield b'one'
    yield b'two'");
    assert_eq!(get(&app), (202, Framing::Unknown, vec!["one".into(), "two".into()]));
}

#[test]
fn what_was_written_comes_before_what_is_returned() {
    let app = app("def app(environ, start_response):
    write = start_response('200 OK', [])
    write(b'one')
    write(b'two')
    return [b'three']");
    assert_eq!(get(&app).2.concat(), "onetwothree");
    // From then on by a thread of its own.
    assert_eq!(get(&app).2, ["one", "two", "three"]);
}

#[test]
fn an_exception_is_answered_500_and_closes_what_was_returned() {
    let app = app("closed = []
class Broken:
    def __iter__(self): return self
    def __next__(self): raise ValueError('no')
    def close(self): closed.append(1)
class App:
    def __call__(self, environ, start_response):
        if environ['REQUEST_METHOD'] == 'POST':
            start_response('200 OK', [])
            return [str(len(closed)).encode()]
        return Broken()
app = App()");
    assert_eq!(get(&app).0, 500);
    assert_eq!(ask(&app, Request::post("/").body(()).unwrap(), "").2, ["1"]);
}

#[test]
fn content_is_read_in_every_way() {
    let app = app("def app(environ, start_response):
    stream = environ['wsgi.input']
    got = [stream.read(2), stream.readline(), stream.readline(3), *stream.readlines(1), *stream, stream.read()]
    start_response('200 OK', [])
    return [repr(got).encode()]");
    let request = Request::post("/").body(()).unwrap();
    let (_, _, pieces) = ask(&app, request, "ab\ncdef\ng\nh");
    assert_eq!(pieces, ["[b'ab', b'\\n', b'cde', b'f\\n', b'g\\n', b'h', b'']"]);
}

#[test]
fn what_streams_is_closed_when_it_was_sent() {
    let app = app("closed = []
class Pieces:
    def __iter__(self): return iter([b'one', b'two'])
    def close(self): closed.append(1)
def app(environ, start_response):
    start_response('200 OK', [])
    return Pieces() if environ['REQUEST_METHOD'] == 'GET' else [str(len(closed)).encode()]");
    let closed = || ask(&app, Request::post("/").body(()).unwrap(), "").2.concat();
    let environ = Environ::for_test(Request::new(()));
    let exchange = std::sync::Arc::clone(environ.exchange());
    may_block(|| {
        let mut outgoing = wait(respond(&app, environ)).into_body();
        outgoing.write_to(&mut Pieces::default()).unwrap();
        drop(outgoing);
        assert_eq!(closed(), "0");
        exchange.tell(Delivery::Whole(AcceptedBy::System));
        assert_eq!(closed(), "1");
    });
}

#[test]
fn an_application_runs_to_its_end_behind_its_last_declared_byte() {
    let app = app("ended = []
def pieces():
    yield b'four'
    ended.append(1)
def app(environ, start_response):
    start_response('200 OK', [('Content-Length', '4')])
    return pieces() if environ['REQUEST_METHOD'] == 'GET' else [str(len(ended)).encode() * 4]");
    assert_eq!(get(&app), (200, Framing::Length(4), vec!["four".into()]));
    assert_eq!(ask(&app, Request::post("/").body(()).unwrap(), "").2, ["1111"]);
}
