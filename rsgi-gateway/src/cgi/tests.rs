//! Tests of one request over memory; the process round it is tested in `tests/cgi.rs`.

use std::ffi::OsString;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex};

use http::StatusCode;
use rsgi_core::server::Limits;
use rsgi_core::{
    AcceptedBy, App, Body, Cause, Delivery, Environ, Error, ErrorSink, Server, StartResponse, Started,
    app_fn, blocking,
};

use super::request::{Call, Ending};

/// Keeps what goes to the error log.
#[derive(Default)]
struct Kept(Mutex<Vec<u8>>);

impl ErrorSink for Kept {
    fn write(&self, text: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(text);
    }
}

/// What a request came to.
struct Answered {
    ending: Ending,
    output: String,
    errors: String,
}

fn variables(more: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    let plain = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("REQUEST_METHOD", "GET"),
        ("SCRIPT_NAME", "/cgi-bin/app"),
        ("PATH_INFO", "/a b"),
        ("QUERY_STRING", "q=1"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REMOTE_ADDR", "192.0.2.7"),
    ];
    plain.iter().chain(more).map(|(name, value)| (name.into(), value.into())).collect()
}

fn answer_to(
    app: &impl App,
    more: &[(&str, &str)],
    input: impl Read + Send + Unpin + 'static,
    output: &mut impl Write,
) -> (Ending, String) {
    let kept = Arc::new(Kept::default());
    let mut server = Server::new("rsgi-cgi", "0");
    server.body_limit = Some(100);
    let call = Call::new(server, Limits::default(), Arc::clone(&kept) as _);
    let ending = call.answer(app, variables(more), input, output, |_| ());
    let errors = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    (ending, errors)
}

fn answer(app: &impl App, more: &[(&str, &str)], input: &[u8]) -> Answered {
    let mut output = Vec::new();
    let (ending, errors) = answer_to(app, more, Cursor::new(input.to_vec()), &mut output);
    Answered { ending, output: String::from_utf8(output).unwrap(), errors }
}

/// Tells what it gets.
#[expect(clippy::needless_pass_by_value, reason = "the form that an app has")]
fn teller(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let server = environ.server();
    assert!(server.run_once && server.multiprocess && !server.multithread);
    writeln!(environ.errors(), "noted")?;
    let (script_name, path_info) = (environ.script_name(), environ.path_info());
    let text = format!("{script_name} {path_info} {:?} {}", environ.query(), environ.peer());
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(text))
}

/// Gives back what it gets, read as a blocking app does.
fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut text = Vec::new();
    environ.input_mut().read_to_end(&mut text)?;
    Ok(start_response.status(StatusCode::OK).body(text))
}

/// The same, piece by piece.
async fn async_echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let text = environ.input_mut().collect(1000).await?;
    Ok(start_response.status(StatusCode::OK).body(text))
}

#[test]
fn a_request_is_the_environment_and_its_answer_a_document() {
    let told = answer(&blocking(teller), &[], b"");
    let text = "/cgi-bin/app /a%20b Some(\"q=1\") 192.0.2.7:0";
    let length = text.len();
    let head = format!("Status: 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n");
    assert_eq!(told.output, head.clone() + text);
    assert_eq!((told.ending, &*told.errors), (Ending::Whole, "noted\n"));
    assert_eq!(answer(&blocking(teller), &[("REQUEST_METHOD", "HEAD")], b"").output, head);
}

#[test]
fn a_request_that_cannot_be_read_is_refused_and_noted() {
    let app = app_fn(|_, _| async { Err("called".into()) });
    let refused = answer(&app, &[("HTTP_HOST", "a b")], b"");
    assert_eq!(refused.ending, Ending::Whole);
    assert!(refused.output.starts_with("Status: 400 Bad Request\r\n"), "{}", refused.output);
    assert!(refused.output.ends_with("\r\n\r\n400 Bad Request\n"), "{}", refused.output);
    assert_eq!(refused.errors, "rsgi: request refused: HTTP_HOST is no host; answered 400\n");
}

#[test]
fn content_is_read_as_far_as_told_and_no_further() {
    for (told, sent, expected) in [
        (&[("CONTENT_LENGTH", "3")][..], &b"abcdef"[..], "200 OK\r\ncontent-length: 3\r\n\r\nabc"),
        (&[("CONTENT_LENGTH", "0")], b"abc", "200 OK\r\ncontent-length: 0\r\n\r\n"),
        (&[], b"abc", "200 OK\r\ncontent-length: 0\r\n\r\n"),
        (&[("HTTP_TRANSFER_ENCODING", "chunked")], b"abc", "200 OK\r\ncontent-length: 3\r\n\r\nabc"),
    ] {
        for output in [answer(&blocking(echo), told, sent).output, answer(&async_echo, told, sent).output] {
            assert_eq!(output, format!("Status: {expected}"), "{told:?}");
        }
    }
    for (length, status) in [("7", "400 Bad Request"), ("101", "413 "), ("x", "400 Bad Request")] {
        for output in [
            answer(&blocking(echo), &[("CONTENT_LENGTH", length)], b"abcdef").output,
            answer(&async_echo, &[("CONTENT_LENGTH", length)], b"abcdef").output,
        ] {
            assert!(output.starts_with(&format!("Status: {status}")), "{length}: {output}");
        }
    }
}

/// A reader that says how far it was read.
struct Counted(Cursor<Vec<u8>>, Arc<Mutex<usize>>);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(buffer)?;
        *self.1.lock().unwrap() += length;
        Ok(length)
    }
}

#[test]
fn what_the_app_does_not_read_is_left_where_it_is() {
    let read = Arc::new(Mutex::new(0));
    let input = || Counted(Cursor::new(vec![b'x'; 90]), Arc::clone(&read));
    let told = [("CONTENT_LENGTH", "50")];
    answer_to(&blocking(teller), &told, input(), &mut Vec::new());
    assert_eq!(*read.lock().unwrap(), 0);
    answer_to(&blocking(echo), &told, input(), &mut Vec::new());
    assert_eq!(*read.lock().unwrap(), 50);
}

/// What the outcome of an app's answer is told to be.
fn outcome_of(
    body: impl Fn() -> Body + Send + Sync + 'static,
    output: &mut impl Write,
) -> (Ending, Delivery) {
    let outcome = Arc::new(Mutex::new(None));
    let told = Arc::clone(&outcome);
    let app = blocking(move |environ: Environ, start_response: StartResponse| {
        let told = Arc::clone(&told);
        environ.on_outcome(move |outcome| *told.lock().unwrap() = Some(outcome.delivery));
        Ok(start_response.start(StatusCode::OK, [("content-length", "6")])?.body(body()))
    });
    let (ending, _) = answer_to(&app, &[], io::empty(), output);
    let delivery = outcome.lock().unwrap().take().unwrap();
    (ending, delivery)
}

#[test]
fn an_answer_that_breaks_off_ends_there_and_is_told() {
    let head = "Status: 200 OK\r\ncontent-length: 6\r\n\r\n";
    let mut output = Vec::new();
    assert_eq!(
        outcome_of(|| Body::iter(["abc", "def"]), &mut output),
        (Ending::Whole, Delivery::Whole(AcceptedBy::System))
    );
    assert_eq!(String::from_utf8(output).unwrap(), format!("{head}abcdef"));
    for body in [
        (|| Body::iter(["abc"])) as fn() -> Body,
        || Body::iter([Ok("abc"), Err(io::Error::other("odd"))]),
        || Body::iter(["abc", "!"].into_iter().inspect(|piece| assert_ne!(*piece, "!"))),
    ] {
        let mut output = Vec::new();
        assert_eq!(outcome_of(body, &mut output), (Ending::Broken, Delivery::Failed));
        assert_eq!(String::from_utf8(output).unwrap(), format!("{head}abc"));
    }
}

/// A writer that nobody reads from some byte on.
struct Closing(usize);

impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_client_that_leaves_is_told_wherever_it_does() {
    for left in 0..43 {
        for body in [(|| Body::iter(["abc", "def"])) as fn() -> Body, || Body::from("abcdef")] {
            let gone = (Ending::Gone(Cause::Closed), Delivery::Aborted(Cause::Closed));
            assert_eq!(outcome_of(body, &mut Closing(left)), gone, "after {left}");
        }
    }
    let whole = (Ending::Whole, Delivery::Whole(AcceptedBy::System));
    assert_eq!(outcome_of(|| Body::from("abcdef"), &mut Closing(43)), whole);
}
