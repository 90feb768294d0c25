//! Blocking and async apps on any kind of server: law 2 of the contract, and threads that nobody holds.
//!
//! What all the threads of a server are needed for is in `mixing_threads.rs`.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{
    Body, BoxApp, Capabilities, Environ, Error, StartResponse, Started, app_fn, blocking, thread_may_block,
};

use crate::suite::apps::TEXT;
use crate::suite::case::Case;
use crate::suite::notes::Notes;
use crate::wire::bytes::get;
use crate::wire::deadline::events;

pub(super) const CASES: &[Case] = &[
    // Whoever waits by parking must not trust the token alone.
    Case::message(
        "a_park_token_swallowed_in_a_poll_hangs_nothing",
        &[68],
        || BoxApp::new(app_fn(swallowing)),
        |talk| {
            for _ in 0..20 {
                assert_eq!(talk.post("/").body("hello").answer().text(), "hello!");
            }
        },
    ),
    // Wakes inside a poll, twice, too late, and for what is over.
    Case::message("odd_wakes_hurt_nobody", &[68], waking_oddly, |talk| {
        for _ in 0..5 {
            assert_eq!(talk.get("/").answer().text(), "woken");
            assert_eq!(talk.get("/late").answer().text(), "late");
        }
    }),
    // Nor do wakes for a server that is no more.
    Case::hosted("wakes_behind_the_end_of_a_server_hurt_nobody", &[68], |ground| {
        let (teller, wakers) = events();
        let server = ground.serve(app_fn(move |_, start_response: StartResponse| {
            let teller = teller.clone();
            async move {
                poll_fn(|context| {
                    teller.tell(context.waker().clone());
                    Poll::Ready(())
                })
                .await;
                Ok(start_response.start(StatusCode::OK, TEXT)?.body("x"))
            }
        }));
        let mut client = server.client();
        for _ in 0..3 {
            assert_eq!(client.ask(get("/")).text(), "x");
        }
        let wakers: Vec<Waker> = (0..3).map(|_| wakers.next("a waker")).collect();
        wakers.iter().for_each(Waker::wake_by_ref);
        server.stop();
        wakers.into_iter().for_each(Waker::wake);
    }),
    // The call, each pull and the drop of a blocking app and body run where blocking is allowed.
    Case::message(
        "blocking_code_runs_where_it_may_block",
        &[68],
        || BoxApp::new(blocking(tells_where_it_runs)),
        |talk| {
            for (path, steps) in [
                ("/iterator", ["call", "pull", "pull", "drop"].as_slice()),
                ("/push", &["call", "pull", "pull", "drop"]),
                ("/discarded", &["call", "drop"]),
                ("/error", &["call", "drop"]),
            ] {
                talk.get(path).answer();
                for step in steps {
                    assert_eq!(talk.note::<(String, bool)>("step"), ((*step).to_owned(), true), "{path}");
                }
                talk.nothing("step");
            }
        },
    )
    .breaks(&["A16", "S20"]),
    // An async app's own blocking body is as good as a blocking app's.
    Case::message(
        "a_blocking_body_of_an_async_app_runs_where_it_may_block",
        &[68],
        || {
            BoxApp::new(app_fn(async |_, start_response: StartResponse| {
                let pieces = (0..3).map(|_| if thread_may_block() { "yes" } else { "no" });
                Ok(start_response.start(StatusCode::OK, TEXT)?.body(Body::iter(pieces)))
            }))
        },
        |talk| assert_eq!(talk.get("/").answer().text(), "yesyesyes"),
    ),
    // An async app hands blocking work over by the environ.
    Case::message(
        "the_offload_runs_work_where_it_may_block",
        &[68],
        || {
            BoxApp::new(app_fn(async |environ: Environ, start_response: StartResponse| {
                let may = environ.offload().run(thread_may_block).await;
                Ok(start_response.start(StatusCode::OK, TEXT)?.body(may.to_string()))
            }))
        },
        |talk| assert_eq!(talk.get("/").answer().text(), "true"),
    ),
    // A panic of work that was handed over is the panic of who awaits it, and the server's threads go on.
    Case::message(
        "a_panic_of_offloaded_work_is_the_apps",
        &[68, 111],
        || {
            BoxApp::new(app_fn(async |environ: Environ, start_response: StartResponse| {
                if environ.path_info() == "/panic" {
                    environ.offload().run(|| panic!("of work handed over")).await;
                }
                Ok(start_response.start(StatusCode::OK, TEXT)?.body("fine"))
            }))
        },
        |talk| {
            for _ in 0..5 {
                assert_eq!(talk.get("/panic").answer().status(), 500);
                assert_eq!(talk.get("/").answer().text(), "fine");
            }
        },
    )
    .breaks(&["A16"]),
    Case::message(
        "an_app_that_needs_tokio_works_where_it_is_offered",
        &[68, 148],
        || BoxApp::new(app_fn(with_timers)),
        |talk| {
            for _ in 0..2 {
                let answer = talk.get("/").answer();
                assert_eq!((answer.status(), answer.text()), (200, "channel"));
            }
        },
    )
    .needs(Capabilities::TOKIO),
];

/// Waits for a wake that comes from another thread while this poll runs, and eats this thread's park token.
async fn swallow() {
    let mut polls = 0;
    poll_fn(|context| {
        polls += 1;
        if polls > 3 {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        thread::spawn(move || waker.wake()).join().unwrap();
        thread::park_timeout(Duration::ZERO);
        Poll::Pending
    })
    .await;
}

async fn swallowing(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    swallow().await;
    let whole = environ.input_mut().collect(100).await?;
    swallow().await;
    Ok(start_response.start(StatusCode::OK, TEXT)?.body(Body::send(async move |sender| {
        swallow().await;
        sender.send(whole).await?;
        swallow().await;
        sender.send("!").await
    })))
}

/// An app that keeps the wakers it is polled with, and wakes them when it is asked for `/late`.
fn waking_oddly() -> BoxApp {
    let kept: Arc<Mutex<Vec<Waker>>> = Arc::default();
    BoxApp::new(app_fn(move |environ: Environ, start_response: StartResponse| {
        let kept = Arc::clone(&kept);
        async move {
            let head = start_response.start(StatusCode::OK, TEXT)?;
            let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
            if environ.path_info() == "/late" {
                lock().iter().for_each(Waker::wake_by_ref);
                return Ok(head.body("late"));
            }
            let mut polls = 0;
            poll_fn(|context| {
                polls += 1;
                lock().push(context.waker().clone());
                context.waker().wake_by_ref();
                context.waker().wake_by_ref();
                if polls < 5 { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            Ok(head.body("woken"))
        }
    }))
}

/// Tells for each of its steps whether it may block.
struct Steps(Notes);

impl Steps {
    fn tell(&self, step: &str) {
        self.0.tell("step", &(step, thread_may_block()));
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.tell("drop");
    }
}

fn tells_where_it_runs(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let steps = Steps(Notes::of(&environ));
    steps.tell("call");
    let status = if environ.path_info() == "/discarded" { StatusCode::NO_CONTENT } else { StatusCode::OK };
    let head = start_response.status(status);
    if environ.path_info() == "/error" {
        return Err("with something in hand".into());
    }
    let head = if status == StatusCode::OK { head.header("content-type", "text/plain")? } else { head };
    if environ.path_info() == "/push" {
        return Ok(head.body(Body::push(move |writer| {
            steps.tell("pull");
            writer.write_bytes("x")?;
            steps.tell("pull");
            drop(steps);
            Ok(())
        })));
    }
    Ok(head.body(Body::iter((0..2).map(move |_| {
        steps.tell("pull");
        "x"
    }))))
}

async fn with_timers(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        sender.send("channel")
    });
    let text = receiver.await?;
    Ok(start_response.start(StatusCode::OK, TEXT)?.body(Body::send(async move |sender| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        sender.send(text).await
    })))
}
