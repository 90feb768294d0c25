//! Web servers that leave: the disconnect token, and the outcome, which is told once.

use std::io::Read as _;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{
    Body, Cause, Delivery, Environ, InputError, InputErrorKind, StartResponse, app_fn, blocking,
};
use rustix::net::sockopt;

use crate::served::{Host, PATIENCE, Served, next, nothing_more, told};
use crate::wire::{Client, FastCgi, Request, Wire, abort, pattern};

/// Drops with its app's future.
struct Held(Sender<&'static str>);

impl Drop for Held {
    fn drop(&mut self) {
        let _gone = self.0.send("dropped");
    }
}

fn reset<W: Wire>(client: Client<W>) {
    sockopt::set_socket_linger(client.socket(), Some(Duration::ZERO)).unwrap();
    drop(client);
}

/// Waits for ever, and tells what is heard of the peer meanwhile.
fn a_peer_that_leaves_takes_its_pending_app_along<H: Host, W: Wire>() {
    for is_reset in [false, true] {
        let ((telling, outcomes), (hearing, heard)) = (channel(), channel());
        let served = Served::<H, W>::new(app_fn(move |environ: Environ, _: StartResponse| {
            told(&environ, &telling);
            let held = Held(hearing.clone());
            async move {
                held.0.send("begun")?;
                let () = std::future::pending().await;
                Err("never".into())
            }
        }));
        let mut client = served.connect();
        client.get("/");
        assert_eq!(next(&heard), "begun");
        if is_reset {
            reset(client);
        } else {
            drop(client);
        }
        assert_eq!(next(&heard), "dropped");
        let (_, outcome) = next(&outcomes);
        let Delivery::Aborted(cause) = outcome.delivery else { panic!("{outcome:?}") };
        assert!([Cause::Closed, Cause::Reset].contains(&cause), "{cause:?}");
        served.end();
        nothing_more(&outcomes);
    }
}

/// A blocking app can't be dropped: its token tells it.
fn a_blocking_app_hears_that_its_peer_has_gone<H: Host, W: Wire>() {
    let ((telling, outcomes), (hearing, heard)) = (channel(), channel());
    let served = Served::<H, W>::new(blocking(move |environ: Environ, start_response: StartResponse| {
        told(&environ, &telling);
        hearing.send(None)?;
        let cause = rsgi_core::wait(environ.disconnect().gone());
        hearing.send(Some(cause))?;
        Ok(start_response.status(StatusCode::OK).body("for nobody"))
    }));
    let mut client = served.connect();
    client.get("/");
    assert_eq!(next(&heard), None);
    drop(client);
    assert!(next(&heard).is_some());
    assert!(matches!(next(&outcomes).1.delivery, Delivery::Aborted(_)));
    served.end();
    nothing_more(&outcomes);
}

/// Nothing of what the peer has sent is read, as the app doesn't: and yet its end is noticed.
fn a_peer_that_leaves_with_content_unread_is_noticed<H: Host, W: Wire>() {
    let ((telling, outcomes), (hearing, heard)) = (channel(), channel());
    let served = Served::<H, W>::new(app_fn(move |environ: Environ, _: StartResponse| {
        told(&environ, &telling);
        let held = Held(hearing.clone());
        async move {
            held.0.send("begun")?;
            let _environ = environ;
            let () = std::future::pending().await;
            Err("never".into())
        }
    }));
    let mut client = served.connect();
    // More than is held for the app, and less than the kernel holds, so that the end of it arrives.
    client.head(&Request::post("/", 10 << 20)).send(&W::content(&pattern(150_000), 60_000));
    assert_eq!(next(&heard), "begun");
    drop(client);
    assert_eq!(next(&heard), "dropped");
    assert!(matches!(next(&outcomes).1.delivery, Delivery::Aborted(_)));
    served.end();
}

/// Also where an end of the half means nothing: a reset does.
fn a_reset_is_noticed_where_a_half_may_end<H: Host, W: Wire>() {
    let (hearing, heard) = channel();
    let config = rsgi_core::server::Config::new().half_close(rsgi_core::server::HalfClose::Answered);
    let served = Served::<H, W>::with(
        config,
        app_fn(move |_: Environ, _: StartResponse| {
            let held = Held(hearing.clone());
            async move {
                held.0.send("begun")?;
                let () = std::future::pending().await;
                Err("never".into())
            }
        }),
    );
    let mut client = served.connect();
    client.get("/");
    assert_eq!(next(&heard), "begun");
    client.socket().shutdown(std::net::Shutdown::Write).unwrap();
    served.until(|load| load.running == 1);
    reset(client);
    assert_eq!(next(&heard), "dropped");
    served.end();
}

fn content_cut_off_is_an_error_of_its_kind<H: Host, W: Wire>() {
    let (hearing, heard) = channel();
    let served = Served::<H, W>::new(blocking(move |mut environ: Environ, start_response: StartResponse| {
        let mut content = Vec::new();
        hearing.send(None)?;
        let error = environ.input_mut().read_to_end(&mut content).unwrap_err();
        hearing.send(InputError::find(&error).map(InputError::kind))?;
        Ok(start_response.status(StatusCode::OK).body("for nobody"))
    }));
    let mut client = served.connect();
    client.head(&Request::post("/", 10)).send(&W::content(b"some", 4));
    assert_eq!(next(&heard), None);
    drop(client);
    let kind = next(&heard).unwrap();
    let kinds = [InputErrorKind::Truncated, InputErrorKind::Disconnected];
    assert!(kinds.contains(&kind), "{kind:?}");
    served.end();
}

fn a_peer_that_leaves_in_the_middle_of_an_answer_ends_it<H: Host, W: Wire>() {
    let (telling, outcomes) = channel();
    let served = Served::<H, W>::new(blocking(move |environ: Environ, start_response: StartResponse| {
        told(&environ, &telling);
        let endless = std::iter::repeat_with(|| vec![b'x'; 10_000]);
        Ok(start_response.status(StatusCode::OK).body(Body::iter(endless)))
    }));
    let mut client = served.connect();
    client.get("/").content(1, 100_000);
    drop(client);
    let (_, outcome) = next(&outcomes);
    assert!(matches!(outcome.delivery, Delivery::Aborted(_)), "{outcome:?}");
    assert!(outcome.body_bytes >= 100_000);
    served.end();
    nothing_more(&outcomes);
}

/// Whole is what the system took to its last byte, and it is told once.
fn an_outcome_is_told_once_and_whole_after_the_last_byte<H: Host, W: Wire>() {
    /// More than the kernel holds for a peer that doesn't read.
    const LENGTH: usize = 24 << 20;
    let (telling, outcomes) = channel();
    let served = Served::<H, W>::new(blocking(move |environ: Environ, start_response: StartResponse| {
        told(&environ, &telling);
        Ok(start_response.status(StatusCode::OK).body(pattern(LENGTH)))
    }));
    let mut client = served.connect();
    client.get("/").content(1, 1);
    assert!(outcomes.try_recv().is_err(), "told before it was taken");
    assert!(client.answer().content == pattern(LENGTH));
    let (_, outcome) = next(&outcomes);
    assert!(outcome.is_whole(), "{outcome:?}");
    assert_eq!(outcome.body_bytes, LENGTH as u64);
    served.end();
    nothing_more(&outcomes);
}

/// The web server gives one request up: its app hears of it, its end is told, and the connection goes on.
fn a_request_that_is_given_up_ends_and_its_connection_goes_on<H: Host>() {
    let ((telling, outcomes), (hearing, heard)) = (channel(), channel());
    let served = Served::<H, FastCgi>::new(app_fn(move |environ: Environ, start_response: StartResponse| {
        told(&environ, &telling);
        let held = Held(hearing.clone());
        async move {
            if environ.path_info() == "/waits" {
                held.0.send("begun")?;
                let () = std::future::pending().await;
            }
            Ok(start_response.status(StatusCode::OK).body("answer"))
        }
    }));
    let mut client = served.connect();
    client.get("/waits");
    assert_eq!(next(&heard), "begun");
    client.send(&abort(1));
    assert_eq!(next(&heard), "dropped");
    assert!(client.until(1, |stream| stream.end.is_some()).out.is_empty());
    let (path, outcome) = next(&outcomes);
    assert_eq!((path.as_str(), outcome.delivery), ("/waits", Delivery::Aborted(Cause::Closed)));
    client.streams.clear();
    assert_eq!(client.get("/").answer().text(), "answer");
    assert!(next(&outcomes).1.is_whole());
    served.end();
}

/// The same, of an app that blocks, which is told by its token.
fn a_blocking_app_hears_that_its_request_is_given_up<H: Host>() {
    let (hearing, heard) = channel();
    let served =
        Served::<H, FastCgi>::new(blocking(move |environ: Environ, start_response: StartResponse| {
            hearing.send(None)?;
            hearing.send(Some(rsgi_core::wait(environ.disconnect().gone())))?;
            Ok(start_response.status(StatusCode::OK).body("for nobody"))
        }));
    let mut client = served.connect();
    client.get("/waits");
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), None);
    client.send(&abort(1));
    assert_eq!(next(&heard), Some(Cause::Closed));
    client.until(1, |stream| stream.end.is_some());
    served.end();
}

everywhere!(
    a_peer_that_leaves_takes_its_pending_app_along,
    a_blocking_app_hears_that_its_peer_has_gone,
    a_peer_that_leaves_with_content_unread_is_noticed,
    a_reset_is_noticed_where_a_half_may_end,
    content_cut_off_is_an_error_of_its_kind,
    a_peer_that_leaves_in_the_middle_of_an_answer_ends_it,
    an_outcome_is_told_once_and_whole_after_the_last_byte,
);
on_both!(
    a_request_that_is_given_up_ends_and_its_connection_goes_on,
    a_blocking_app_hears_that_its_request_is_given_up,
);
