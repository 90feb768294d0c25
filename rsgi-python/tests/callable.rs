//! The WSGI callable of an app, called as a host calls it, in this process: what the suite behind real hosts doesn't show.
#![allow(clippy::unwrap_used, reason = "all of it is tests")]

use std::ffi::CString;
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::StatusCode;
use rsgi_core::{
    App, Body, Capabilities, Environ, Error, InputError, StartResponse, Started, app_fn, blocking, requiring,
};
use rsgi_python::export::{Factory, fill};
use rsgi_python::interpreter;

/// A host in Python, as small as it gets: `answer(app, input, **environ)` gives status, fields and pieces, or what was raised.
const HOST: &str = r"
import io, sys, wsgiref.util, wsgiref.validate
wsgiref.validate.check_content_type = lambda status, headers: None

def environ_of(input, more):
    environ = {}
    wsgiref.util.setup_testing_defaults(environ)
    environ['wsgi.input'] = io.BytesIO(input) if isinstance(input, bytes) else input
    environ['wsgi.errors'] = io.StringIO()
    if isinstance(input, bytes) and input:
        environ['CONTENT_LENGTH'] = str(len(input))
    environ.update(more)
    return {name: value for name, value in environ.items() if value is not None}

def answer(app, input=b'', validate=True, pieces=None, **more):
    environ = environ_of(input, more)
    errors = environ['wsgi.errors']
    told = {'written': []}
    def start_response(status, fields, exc_info=None):
        told['head'] = (status, fields)
        return told['written'].append
    content = (wsgiref.validate.validator(app) if validate else app)(environ, start_response)
    told['kind'] = type(content).__name__
    told['pieces'] = []
    try:
        for piece in content:
            told['pieces'].append(piece)
            if pieces is not None and len(told['pieces']) == pieces:
                break
    except Exception as raised:
        told['raised'] = repr(raised)
    finally:
        if hasattr(content, 'close'):
            content.close()
    told['errors'] = errors.getvalue()
    return told
";

/// The callable of an app, and the host, for Python's code.
fn with_app<M: 'static>(create_app: impl Factory<M>, code: &str) {
    interpreter::start().unwrap();
    interpreter::attach(|py| {
        let locals = PyDict::new(py);
        py.run(&CString::new(HOST).unwrap(), Some(&locals), Some(&locals)).unwrap();
        let module = PyModule::new(py, "shop").unwrap();
        let filled = fill(&module, create_app, None);
        locals.set_item("failure", filled.map_err(|error| error.to_string()).err()).unwrap();
        locals.set_item("app", module.getattr("app").ok()).unwrap();
        let ran = py.run(&CString::new(code).unwrap(), Some(&locals), Some(&locals));
        ran.unwrap_or_else(|error| {
            error.print(py);
            panic!("{error}")
        });
    });
}

/// What apps saw.
type Notes = Arc<Mutex<Vec<String>>>;

/// An app that answers with a body, and notes its outcome.
fn noting<B: Fn() -> Body + Send + Sync + 'static>(notes: &Notes, body: B) -> impl App + use<B> {
    let notes = Arc::clone(notes);
    let body = Arc::new(body);
    app_fn(move |environ: Environ, start_response: StartResponse| {
        let (notes, body) = (Arc::clone(&notes), Arc::clone(&body));
        environ.on_outcome(move |outcome| {
            notes.lock().unwrap().push(format!("{:?} {:?}", outcome.delivery, outcome.fault));
        });
        async move { Ok(start_response.status(StatusCode::OK).body(body())) }
    })
}

fn told(body: impl Fn() -> Body + Send + Sync + Copy + 'static, code: &str) -> Vec<String> {
    let notes = Notes::default();
    let theirs = Arc::clone(&notes);
    with_app(move || noting(&theirs, body), code);
    notes.lock().unwrap().clone()
}

fn pong(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("pong"))
}

#[test]
fn content_in_memory_is_a_list_of_one_piece_with_its_length() {
    let check = "
told = answer(app, validate=False)
assert told['head'] == ('200 OK', [('content-type', 'text/plain'), ('content-length', '4')]), told
assert (told['kind'], told['pieces']) == ('list', [b'pong']), told
told = answer(app, REQUEST_METHOD='HEAD', validate=False)
assert told['head'][1][1] == ('content-length', '4') and told['pieces'] == [], told
assert answer(app)['pieces'] == [b'pong']
";
    with_app(|| blocking(pong), check);
}

#[test]
fn every_form_of_a_factory_makes_an_app() {
    let check = "assert answer(app)['pieces'] == [b'pong']";
    with_app(|| Ok::<_, Error>(blocking(pong)), check);
    with_app(|| async { blocking(pong) }, check);
    with_app(
        || async {
            tokio::task::yield_now().await;
            Ok::<_, Error>(blocking(pong))
        },
        check,
    );
}

#[test]
fn a_factory_that_fails_is_an_import_error_with_all_causes() {
    #[derive(Debug)]
    struct NoDatabase(std::io::Error);
    impl std::fmt::Display for NoDatabase {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("no database")
        }
    }
    impl std::error::Error for NoDatabase {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    fn panics() -> rsgi_core::BoxApp {
        panic!("no")
    }
    fn fails() -> Result<rsgi_core::BoxApp, NoDatabase> {
        Err(NoDatabase(std::io::Error::other("refused")))
    }
    let check =
        "assert failure == \"ImportError: shop: the app's factory failed: no database: refused\", failure";
    with_app(fails, check);
    with_app(|| async { fails() }, check);
    with_app(panics, "assert failure.startswith(\"ImportError: shop: the app's factory panicked\"), failure");
}

#[test]
fn what_wsgi_cannot_do_is_known_at_the_import() {
    with_app(
        || requiring(Capabilities::TRAILERS | Capabilities::TLS, blocking(pong)),
        "assert failure.startswith('ImportError: shop: ') and 'trailers' in failure and 'tls' not in failure, failure",
    );
}

#[test]
fn an_iterator_is_pulled_piece_by_piece_and_its_outcome_told_once() {
    let body = || Body::iter(["a", "b", "c"]);
    let whole = "told = answer(app); assert told['pieces'] == [b'a', b'b', b'c'], told";
    assert_eq!(told(body, whole), ["Whole(Caller) None"]);
    let left = "told = answer(app, pieces=2); assert told['pieces'] == [b'a', b'b'], told";
    assert_eq!(told(body, left), ["Aborted(Closed) None"]);
    let dropped = "
content = app(environ_of(b'', {}), lambda status, fields: None)
assert next(iter(content)) == b'a'
del content
";
    assert_eq!(told(body, dropped), ["Aborted(Closed) None"]);
    let twice = "
content = app(environ_of(b'', {}), lambda status, fields: None)
assert list(content) == [b'a', b'b', b'c'] and list(content) == []
content.close()
content.close()
";
    assert_eq!(told(body, twice), ["Whole(Caller) None"]);
}

#[test]
fn an_outcome_of_content_in_memory_is_told_when_the_host_has_asked_for_more() {
    let body = || Body::from("abc");
    let whole =
        "told = answer(app); assert (told['kind'], told['pieces']) == ('IteratorWrapper', [b'abc']), told";
    assert_eq!(told(body, whole), ["Whole(Caller) None"]);
    // As a host does that couldn't send it.
    let left = "told = answer(app, pieces=1, validate=False); assert told['kind'] == 'Content', told";
    assert_eq!(told(body, left), ["Aborted(Closed) None"]);
    assert_eq!(told(Body::empty, "assert answer(app)['pieces'] == []"), ["Whole(Caller) None"]);
}

#[test]
fn a_body_that_breaks_raises_behind_its_pieces() {
    let broken = || Body::iter([Ok("a"), Err("odd")]);
    let check =
        "told = answer(app); assert told['pieces'] == [b'a'] and 'its body failed' in told['raised'], told";
    assert_eq!(told(broken, check), ["Failed Some(BodyError)"]);
    let short = || Body::iter(["a"]).with_length(2);
    let check =
        "told = answer(app); assert told['pieces'] == [b'a'] and 'fewer bytes' in told['raised'], told";
    assert_eq!(told(short, check), ["Failed Some(Missing)"]);
}

#[test]
fn a_body_that_pushes_goes_through_write() {
    let push = || {
        Body::push(|writer| {
            writer.write_bytes("a")?;
            writer.write_bytes("b")?;
            Ok(())
        })
    };
    let check = "told = answer(app); assert told['written'] == [b'a', b'b'] and told['pieces'] == [], told";
    assert_eq!(told(push, check), ["Whole(Caller) None"]);
    let gone = "
def refuse(piece):
    raise ConnectionResetError('gone')
try:
    app(environ_of(b'', {}), lambda status, fields: refuse)
    assert False
except ConnectionResetError:
    pass
";
    assert_eq!(told(push, gone), ["Aborted(Closed) None"]);
}

#[test]
fn a_body_that_is_not_ready_sends_its_head_by_an_empty_write() {
    let late = || {
        Body::send(async |sender| {
            tokio::task::yield_now().await;
            sender.send("late").await
        })
    };
    let check = "told = answer(app); assert told['written'] == [b''] and told['pieces'] == [b'late'], told";
    assert_eq!(told(late, check), ["Whole(Caller) None"]);
    let ready = || Body::send(async |sender| sender.send("ready").await);
    let check = "told = answer(app); assert told['written'] == [] and told['pieces'] == [b'ready'], told";
    assert_eq!(told(ready, check), ["Whole(Caller) None"]);
}

/// Gives back what it reads, or how that failed.
fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut content = Vec::new();
    if let Err(error) = environ.input_mut().read_to_end(&mut content) {
        let kind = InputError::find(&error).ok_or("an error of another kind")?.kind();
        return Ok(start_response.status(StatusCode::OK).body(format!("Some({kind:?})")));
    }
    Ok(start_response.status(StatusCode::OK).body(content))
}

async fn async_echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut input = std::mem::take(environ.input_mut());
    // On a thread of the runtime, while the host's reads.
    let read = tokio::spawn(async move { input.collect(1 << 20).await });
    let content = read.await?.unwrap_or_else(|error| Bytes::from(format!("Some({:?})", error.kind())));
    Ok(start_response.status(StatusCode::OK).body(content))
}

#[test]
fn content_is_read_to_its_length_and_as_it_ends() {
    let check = "
big = bytes(range(256)) * 1024
body = lambda *args, **more: b''.join(answer(app, *args, **more)['pieces'])
assert body(big) == big
assert body(b'abcdef', CONTENT_LENGTH='3') == b'abc'
assert body(b'abc', CONTENT_LENGTH=None) == b''
assert body(b'abc', CONTENT_LENGTH='') == b''
chunked = {'wsgi.input_terminated': True, 'HTTP_TRANSFER_ENCODING': 'chunked'}
assert body(b'abc', CONTENT_LENGTH=None, **chunked) == b'abc'
assert body(b'abc', CONTENT_LENGTH=None, HTTP_TRANSFER_ENCODING='chunked') == b''
assert body(b'abc', CONTENT_LENGTH=None, SERVER_PROTOCOL='HTTP/2.0', **{'wsgi.input_terminated': True}) == b'abc'
assert body(b'abc', CONTENT_LENGTH='4') == b'Some(Truncated)'
class Failing:
    def __init__(self, error): self.error = error
    def read(self, size): raise self.error
    readline = readlines = __iter__ = read
NoMoreData = type('NoMoreData', (OSError,), {})
InvalidChunkSize = type('InvalidChunkSize', (Exception,), {})
for error, kind in [(ConnectionResetError(), b'Disconnected'), (OSError('odd'), b'Disconnected'), (TimeoutError(), b'TimedOut'),
                    (NoMoreData(), b'Truncated'), (InvalidChunkSize(), b'Malformed'), (KeyError(), b'Other')]:
    assert body(Failing(error), CONTENT_LENGTH='9') == b'Some(' + kind + b')', (error, body(Failing(error), CONTENT_LENGTH='9'))
try:
    answer(app, Failing(SystemExit(3)), CONTENT_LENGTH='9')
    assert False
except SystemExit:
    pass
assert answer(app, b'abc', validate=False, CONTENT_LENGTH='x')['head'][0] == '400 Bad Request'
assert answer(app, b'abc', CONTENT_LENGTH='999999999')['pieces'] != []
";
    with_app(|| blocking(echo), check);
    with_app(|| async_echo, check);
}

/// Tells what it sees of itself.
async fn teller(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    use std::io::Write as _;
    let server = environ.server();
    let facts = (server.multithread, server.multiprocess, server.run_once);
    writeln!(environ.errors(), "odd")?;
    let text = format!(
        "{}|{}|{}|{:?}|{}|{}|{facts:?}",
        environ.target(),
        environ.script_name(),
        environ.path_info(),
        environ.query(),
        environ.scheme().as_str(),
        environ.peer()
    );
    Ok(start_response.status(StatusCode::OK).body(text))
}

#[test]
fn the_environ_is_told_as_it_came() {
    let check = "
seen = lambda **more: answer(app, **more)['pieces'][0].decode()
assert seen(PATH_INFO='/caf\\u00c3\\u00a9', QUERY_STRING='q=1') == '/caf%C3%A9?q=1||/caf%C3%A9|Some(\"q=1\")|http|unix:|(false, false, false)', seen(PATH_INFO='/caf\\u00c3\\u00a9')
more = {'REMOTE_ADDR': '192.0.2.7', 'REMOTE_PORT': '7', 'wsgi.url_scheme': 'https', 'HTTPS': 'off', 'wsgi.multithread': True}
assert seen(SCRIPT_NAME='/shop', PATH_INFO='/a b', RAW_URI='/shop/a%20b?', **more) == '/shop/a%20b?|/shop|/a%20b|Some(\"\")|https|192.0.2.7:7|(true, false, false)', seen(SCRIPT_NAME='/shop', PATH_INFO='/a b', RAW_URI='/shop/a%20b?', **more)
assert seen(PATH_INFO='/rewritten', REQUEST_URI='/asked?x').startswith('/asked?x||/rewritten|'), seen(PATH_INFO='/rewritten', REQUEST_URI='/asked?x')
assert answer(app)['errors'] == 'odd\\n'
try:
    answer(app, validate=False, HTTP_X='\\u2713')
    assert False
except ValueError as error:
    assert 'HTTP_X' in str(error), error
assert answer(app, HTTP_HOST='a b')['head'] == ('400 Bad Request', [('content-type', 'text/plain'), ('content-length', '16')])
";
    with_app(|| teller, check);
}

#[test]
fn an_error_or_a_panic_of_the_app_is_a_500_without_its_text() {
    async fn fails(environ: Environ, _: StartResponse) -> Result<Started, Error> {
        assert_ne!(environ.path_info(), "/panic", "the secret");
        Err("the secret".into())
    }
    let check = "
for path in ['/', '/panic']:
    told = answer(app, PATH_INFO=path)
    assert told['head'][0] == '500 Internal Server Error' and told['pieces'] == [b'500 Internal Server Error\\n'], told
";
    with_app(|| fails, check);
}

#[test]
fn the_app_is_stopped_once_and_made_anew_for_who_still_calls() {
    struct Stopping(Notes);
    impl App for Stopping {
        async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
            pong(environ, start_response)
        }

        async fn stop(&self) {
            tokio::time::sleep(std::time::Duration::ZERO).await;
            self.0.lock().unwrap().push("stopped".to_owned());
        }
    }
    let notes = Notes::default();
    let theirs = Arc::clone(&notes);
    with_app(move || Stopping(Arc::clone(&theirs)), "answer(app); app.stop(); app.stop()");
    assert_eq!(*notes.lock().unwrap(), ["stopped"]);
}

#[test]
fn many_threads_may_call_at_once() {
    let check = "
import threading
results = []
def work():
    for _ in range(20):
        results.append(b''.join(answer(app, b'abc' * 1000)['pieces']))
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert results == [b'abc' * 1000] * 160
";
    with_app(|| blocking(echo), check);
    with_app(|| async_echo, check);
}
