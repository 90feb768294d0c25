//! Content in and out: byte for byte, of every length, split anyhow, however the app reads it.

use std::io::{Read as _, Write as _};

use rsgi_core::http::StatusCode;
use rsgi_core::{
    App, Body, Environ, Error, InputError, InputLength, StartResponse, Started, app_fn, blocking,
};

use crate::served::{Host, Served};
use crate::wire::{Client, FastCgi, Request, Wire, begin, params, pattern, stdin};

fn by_read(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut content = Vec::new();
    environ.input_mut().read_to_end(&mut content)?;
    Ok(start_response.status(StatusCode::OK).body(content))
}

/// Answers with what it reads as it reads it.
#[expect(clippy::unnecessary_wraps, reason = "an app may fail")]
fn by_reader(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let input = environ.take_input();
    Ok(start_response.status(StatusCode::OK).body(Body::reader(input)))
}

async fn by_piece(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut content = Vec::new();
    let input = environ.input_mut();
    while let Some(piece) = std::future::poll_fn(|context| input.poll_piece(context)).await {
        content.extend_from_slice(&piece?);
    }
    Ok(start_response.status(StatusCode::OK).body(content))
}

/// Sends a request's content on a thread of its own, so that the answer can be read meanwhile.
fn exchange<W: Wire>(client: &mut Client<W>, content: &[u8], most: usize) -> Vec<u8> {
    let mut sending = client.socket().try_clone().unwrap();
    let mut bytes = W::head(&Request::post("/", content.len()).variables);
    bytes.extend(W::content(content, most));
    bytes.extend(W::end());
    std::thread::scope(|scope| {
        scope.spawn(move || sending.write_all(&bytes).unwrap());
        client.answer().content
    })
}

fn echoes<H: Host, W: Wire>(app: impl App) {
    let served = Served::<H, W>::new(app);
    for length in [0, 1, 65_535, 65_536, 65_537, 8 << 20] {
        for most in [usize::from(u16::MAX), 8_191] {
            let content = pattern(length);
            let came = exchange(&mut served.connect(), &content, most);
            assert_eq!(came.len(), content.len());
            assert!(came == content, "{length} bytes in pieces of {most}");
        }
    }
    served.end();
}

fn a_blocking_app_echoes_content_of_every_length<H: Host, W: Wire>() {
    echoes::<H, W>(blocking(by_read));
}

fn a_body_that_reads_the_content_echoes_it_as_it_comes<H: Host, W: Wire>() {
    echoes::<H, W>(blocking(by_reader));
}

fn an_async_app_echoes_content_of_every_length<H: Host, W: Wire>() {
    echoes::<H, W>(app_fn(by_piece));
}

fn a_request_may_come_byte_by_byte<H: Host, W: Wire>() {
    let served = Served::<H, W>::new(blocking(by_read));
    let mut client = served.connect();
    client.socket().set_nodelay(true).unwrap();
    let bytes =
        [W::head(&Request::post("/", 5).variables), W::content(b"hel", 2), W::content(b"lo", 1), W::end()];
    for byte in bytes.concat() {
        client.send(&[byte]);
    }
    assert_eq!(client.answer().text(), "hello");
    served.end();
}

/// The web server closes its half behind the request, which means nothing if the server is told so.
fn a_request_whose_sender_ends_its_half_is_answered_where_that_is_set<H: Host, W: Wire>() {
    let config = rsgi_core::server::Config::new().half_close(rsgi_core::server::HalfClose::Answered);
    let served = Served::<H, W>::with(config, blocking(by_read));
    let mut client = served.connect();
    client.whole(&Request::post("/", 5), b"hello");
    client.socket().shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.answer().text(), "hello");
    served.end();
}

/// What was read before the app is called, by the setting `request_buffer`.
fn content_that_fits_is_read_before_the_app_is_called<H: Host, W: Wire>() {
    let config = rsgi_core::server::Config::new().limits(|limits| limits.request_buffer = 1024);
    let (called, calls) = std::sync::mpsc::channel();
    let served = Served::<H, W>::with(
        config,
        blocking(move |environ: Environ, start_response| {
            called.send(())?;
            by_read(environ, start_response)
        }),
    );
    let mut client = served.connect();
    client.head(&Request::post("/", 5));
    client.send(&W::content(b"hel", 3));
    // A second request is answered meanwhile: by then the first one's head was read.
    assert_eq!(served.connect().get("/").answer().status, 200);
    crate::served::next(&calls);
    assert!(calls.try_recv().is_err(), "called before its content is there");
    client.send(&[W::content(b"lo", 2), W::end()].concat());
    assert_eq!(client.answer().text(), "hello");
    served.end();
}

/// FastCGI tells the end of content whose length nobody told.
fn content_of_no_told_length_ends_with_its_stream<H: Host>() {
    let app = blocking(|environ: Environ, start_response| {
        assert_eq!(environ.input_length(), InputLength::Unknown);
        by_read(environ, start_response)
    });
    let served = Served::<H, FastCgi>::new(app);
    let content = pattern(300_000);
    let request = Request::post("/", 0).with("CONTENT_LENGTH", "");
    let answer = served.connect().whole(&request, &content).answer();
    assert!(answer.content == content);
    served.end();
}

/// What is more than was told is nobody's, and what is less is an error.
fn content_is_what_its_length_says<H: Host>() {
    let app = blocking(|mut environ: Environ, start_response: StartResponse| {
        let mut content = String::new();
        let told = match environ.input_mut().read_to_string(&mut content) {
            Ok(_) => content,
            Err(error) => format!("{:?}", InputError::find(&error).map(InputError::kind)),
        };
        Ok(start_response.status(StatusCode::OK).body(told))
    });
    let served = Served::<H, FastCgi>::new(app);
    let mut client = served.connect();
    assert_eq!(client.whole(&Request::post("/", 3), b"hello").answer().text(), "hel");
    assert_eq!(client.whole(&Request::post("/", 9), b"hello").answer().text(), "Some(Truncated)");
    assert_eq!(client.whole(&Request::post("/", 5), b"again").answer().text(), "again");
    served.end();
}

/// What an app leaves unread belongs to nobody, and the connection goes on behind it.
fn content_that_is_not_read_does_not_stop_what_follows<H: Host>() {
    let served = Served::<H, FastCgi>::new(blocking(|environ: Environ, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body(environ.path_info().to_owned()))
    }));
    let mut client = served.connect();
    for round in 0..3 {
        let path = format!("/{round}");
        let content = pattern(1 << 20);
        let mut bytes = [begin(1, true), params(1, &Request::post(&path, content.len()).variables)].concat();
        bytes.extend(stdin(1, &content, 32_768));
        bytes.extend(FastCgi::end());
        let mut sending = client.socket().try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || sending.write_all(&bytes).unwrap());
            assert_eq!(client.answer().text(), path);
        });
    }
    served.end();
}

everywhere!(
    a_blocking_app_echoes_content_of_every_length,
    a_body_that_reads_the_content_echoes_it_as_it_comes,
    an_async_app_echoes_content_of_every_length,
    a_request_may_come_byte_by_byte,
    a_request_whose_sender_ends_its_half_is_answered_where_that_is_set,
    content_that_fits_is_read_before_the_app_is_called,
);
on_both!(
    content_of_no_told_length_ends_with_its_stream,
    content_is_what_its_length_says,
    content_that_is_not_read_does_not_stop_what_follows,
);
