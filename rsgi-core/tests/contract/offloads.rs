//! Blocking work on an async server: off the reactor in all its parts, held back when nobody reads.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use rsgi_core::http::StatusCode;
use rsgi_core::{
    Body, Fault, Offload, Outgoing, OutgoingErrorKind, StartResponse, app_fn, blocking, respond,
    thread_may_block, wait,
};

use crate::asking::{Count, Road, ask_on, get, poll, request};
use crate::pool::Threads;
use crate::watched::{Bomb, Watched};

/// The answer's body of an async app on an async server.
fn body_on(threads: &Threads, body: Body) -> Outgoing {
    let body = Mutex::new(Some(body));
    let app = app_fn(move |_, start_response: StartResponse| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Ok(start_response.status(StatusCode::OK).body(body)) }
    });
    wait(respond(&app, threads.environ(get()))).into_body()
}

#[test]
fn a_blocking_app_runs_whole_on_the_pool_and_its_body_too() {
    // rule(68)
    let threads = Threads::new(2);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watched = Watched::default();
    let (in_app, of_app) = (Arc::clone(&seen), watched.clone());
    let app = blocking(move |_, start_response| {
        assert!(thread_may_block());
        in_app.lock().unwrap().push(std::thread::current().id());
        let in_body = Arc::clone(&in_app);
        let pieces = of_app
            .guard(["a", "b"])
            .inspect(move |_| in_body.lock().unwrap().push(std::thread::current().id()));
        Ok(start_response.status(StatusCode::OK).body(Body::iter(pieces)))
    });
    let answer = ask_on(&app, threads.environ(get()), Road::Polled);
    assert_eq!((answer.text(), watched.drops()), ("ab", 1));
    let used: Vec<_> = seen.lock().unwrap().iter().copied().chain(watched.threads()).collect();
    assert!(used.len() == 4 && used.iter().all(|id| threads.ids().contains(id)));
}

#[test]
fn every_kind_that_blocks_is_produced_and_dropped_off_the_reactor() {
    // rule(68), rule(119)
    type Make = fn(&Watched) -> Body;
    let threads = Threads::new(1);
    let kinds: [Make; 5] = [
        |watched| Body::iter(watched.guard(["a"])),
        |watched| Body::iter(watched.guard(["a"])).map(Ok),
        |watched| Body::iter(watched.guard(["a"])).with_trailers([], Default::default),
        |watched| {
            let guard = watched.value();
            Body::push(move |writer| {
                let _held = &guard;
                assert!(thread_may_block());
                Ok(writer.write_all(b"a")?)
            })
        },
        |watched| Body::reader(Guarded(&b"a"[..], watched.value())),
    ];
    for make in kinds {
        for (method, status) in [("GET", 200), ("HEAD", 200), ("GET", 204), ("GET", 700)] {
            let watched = Watched::default();
            let (of_app, status) = (watched.clone(), StatusCode::from_u16(status).unwrap());
            let app = app_fn(move |_, start_response: StartResponse| {
                let started = start_response.status(status).body(make(&of_app));
                async move { Ok(started) }
            });
            ask_on(&app, threads.environ(request(method, "/")), Road::Polled);
            threads.until(|| watched.drops() > 0);
            assert_eq!(watched.threads(), threads.ids(), "{method} {status}");
        }
        // A client that leaves before, while and after the body is there.
        for polls in 0..3 {
            let watched = Watched::default();
            let mut outgoing = body_on(&threads, make(&watched));
            let (_, waker) = Count::new();
            for _ in 0..polls {
                let _frame = poll(&mut outgoing, &waker);
            }
            drop(outgoing);
            threads.until(|| watched.drops() > 0);
            assert_eq!(watched.threads(), threads.ids(), "{polls}");
        }
    }
}

struct Guarded<R, G>(R, G);

impl<R: std::io::Read, G> std::io::Read for Guarded<R, G> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

#[test]
fn a_slow_client_holds_no_thread_of_a_pull_body_and_a_bounded_queue() {
    // rule(99)
    for piece in [1, 1000, 60_000] {
        let threads = Threads::new(1);
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let pieces = std::iter::repeat_with(move || {
            count.fetch_add(1, Ordering::SeqCst);
            vec![b'x'; piece]
        });
        let mut outgoing = body_on(&threads, Body::iter(pieces));
        let (_, waker) = Count::new();
        let first = poll(&mut outgoing, &waker);
        assert!(first.is_pending(), "nothing is made before it is asked for");
        threads.until(|| threads.ran() == 1);
        assert_eq!((threads.running(), threads.waiting()), (0, 0), "the job gave its thread back");
        let held = made.load(Ordering::SeqCst) * piece;
        assert!(held <= 2 * 64 * 1024, "{held} bytes wait");
        let pieces = made.load(Ordering::SeqCst);
        assert!(pieces <= 512, "{pieces} pieces wait");

        // Once it has drained to half, one more job fills it up again.
        let mut taken = 0;
        while threads.ran() == 1 && threads.waiting() == 0 && threads.running() == 0 {
            assert!(matches!(poll(&mut outgoing, &waker), Poll::Ready(Some(Ok(_)))));
            taken += 1;
        }
        assert!(taken >= pieces / 2 && taken <= pieces, "{taken} of {pieces}");
        drop(outgoing);
    }
}

#[test]
fn a_push_body_waits_in_its_write_until_the_client_reads() {
    // rule(99)
    let threads = Threads::new(1);
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let mut outgoing = body_on(
        &threads,
        Body::push(move |writer| {
            for _ in 0..100 {
                writer.write_all(&[b'x'; 10_000])?;
                count.fetch_add(10_000, Ordering::SeqCst);
            }
            Ok(())
        }),
    );
    let (_, waker) = Count::new();
    assert!(poll(&mut outgoing, &waker).is_pending());
    threads.until(|| written.load(Ordering::SeqCst) >= 60_000);
    assert!(written.load(Ordering::SeqCst) <= 70_000 && threads.ran() == 0);
    let mut read = 0;
    while let Some(data) = wait(std::future::poll_fn(|context| poll(&mut outgoing, context.waker()))) {
        read += data.unwrap().len();
        assert!(written.load(Ordering::SeqCst) <= read + 80_000);
    }
    assert_eq!(read, 1_000_000);
}

#[test]
fn a_push_body_whose_client_leaves_gets_an_error_and_ends() {
    // rule(116)
    let threads = Threads::new(1);
    let failed = Arc::new(Mutex::new(None));
    let result = Arc::clone(&failed);
    let watched = Watched::default();
    let guard = watched.value();
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let mut outgoing = body_on(
        &threads,
        Body::push(move |writer| {
            let _held = &guard;
            count.store(1, Ordering::SeqCst);
            loop {
                if let Err(error) = writer.write_all(&[b'x'; 10_000]) {
                    *result.lock().unwrap() = Some(error.kind());
                    return Err(error.into());
                }
            }
        }),
    );
    let (_, waker) = Count::new();
    assert!(poll(&mut outgoing, &waker).is_pending());
    threads.until(|| begun.load(Ordering::SeqCst) == 1);
    drop(outgoing);
    threads.until(|| watched.drops() == 1);
    assert_eq!(*failed.lock().unwrap(), Some(std::io::ErrorKind::BrokenPipe));
    assert_eq!(watched.threads(), threads.ids());
}

#[test]
fn a_flush_returns_when_the_server_asks_for_more() {
    // rule(97)
    let threads = Threads::new(1);
    let flushed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&flushed);
    let mut outgoing = body_on(
        &threads,
        Body::push(move |writer| {
            writer.write_all(b"one")?;
            writer.flush()?;
            count.fetch_add(1, Ordering::SeqCst);
            Ok(writer.write_all(b"two")?)
        }),
    );
    let mut next = || wait(std::future::poll_fn(|context| poll(&mut outgoing, context.waker())));
    assert_eq!(next(), Some(Ok("one".into())));
    assert_eq!(flushed.load(Ordering::SeqCst), 0, "taken, but nobody has asked for more");
    assert_eq!(next(), Some(Ok("two".into())));
    assert_eq!((next(), flushed.load(Ordering::SeqCst)), (None, 1));
}

#[test]
fn errors_and_panics_on_the_pool_come_behind_what_was_made_before() {
    // rule(112)
    let threads = Threads::new(1);
    let broken: [(fn() -> Body, Fault); 4] = [
        (|| Body::iter([Ok("good"), Err("bad")]), Fault::BodyError),
        (
            || Body::iter((0..2).map(|number| if number == 0 { "good" } else { panic!("bad") })),
            Fault::BodyPanic,
        ),
        (
            || {
                Body::push(|writer| {
                    writer.write_all(b"good")?;
                    Err("bad".into())
                })
            },
            Fault::BodyError,
        ),
        (
            || {
                Body::push(|writer| {
                    writer.write_all(b"good")?;
                    panic!("bad")
                })
            },
            Fault::BodyPanic,
        ),
    ];
    for (body, fault) in broken {
        let app = app_fn(move |_, start_response: StartResponse| async move {
            Ok(start_response.status(StatusCode::OK).body(body()))
        });
        let answer = ask_on(&app, threads.environ(get()), Road::Polled);
        assert_eq!((answer.text(), answer.error), ("good", Some(OutgoingErrorKind::App(fault))));
        assert_eq!(answer.outcome.fault, Some(fault));
    }
}

#[test]
fn surplus_that_the_pool_makes_is_cut_and_an_endless_body_ends() {
    // rule(93)
    let threads = Threads::new(1);
    let app = app_fn(|_, start_response: StartResponse| async move {
        let head = start_response.status(StatusCode::OK).header("content-length", 5_u64)?;
        Ok(head.body(Body::iter(std::iter::repeat("abc"))))
    });
    let answer = ask_on(&app, threads.environ(get()), Road::Polled);
    assert_eq!((answer.text(), answer.error), ("abcab", None));
    assert_eq!(answer.outcome.fault, Some(Fault::Surplus));
}

#[test]
fn surplus_that_a_running_job_writes_behind_the_last_declared_byte_is_reported() {
    // rule(93)
    let threads = Threads::new(1);
    let (go, wait_for) = std::sync::mpsc::channel::<()>();
    let wait_for = Mutex::new(Some(wait_for));
    let app = app_fn(move |_, start_response: StartResponse| {
        let wait_for = wait_for.lock().unwrap().take().unwrap();
        let body = Body::push(move |writer| {
            writer.write_all(b"12345")?;
            let _gone = wait_for.recv();
            Ok(writer.write_all(b"6")?)
        });
        async move { Ok(start_response.status(StatusCode::OK).body(body.with_length(5))) }
    });
    let environ = threads.environ(get());
    let exchange = Arc::clone(environ.exchange());
    let mut outgoing = wait(respond(&app, environ)).into_body();
    let mut next = || wait(std::future::poll_fn(|context| poll(&mut outgoing, context.waker())));
    assert_eq!((next(), exchange.current_fault()), (Some(Ok("12345".into())), None));
    assert_eq!(next(), None, "the answer is whole without waiting for the app");
    drop(go);
    threads.until(|| exchange.current_fault() == Some(Fault::Surplus));
}

#[test]
fn a_bodys_panic_in_its_drop_ends_on_the_pool() {
    let threads = Threads::new(1);
    for method in ["GET", "HEAD"] {
        let app = app_fn(|_, start_response: StartResponse| async move {
            let pieces = std::iter::once(Bomb).map(|_bomb| "never");
            Ok(start_response
                .status(StatusCode::OK)
                .body(Body::iter(std::iter::empty().chain(pieces).skip(1))))
        });
        let before = threads.ran();
        let mut outgoing = wait(respond(&app, threads.environ(request(method, "/")))).into_body();
        let (_, waker) = Count::new();
        let _frame = poll(&mut outgoing, &waker);
        drop(outgoing);
        threads.until(|| threads.ran() > before);
    }
}

#[test]
fn run_is_inline_on_a_blocking_server() {
    let here = std::thread::current().id();
    let (_, waker) = Count::new();
    let result =
        pin!(Offload::Inline.run(|| std::thread::current().id())).poll(&mut Context::from_waker(&waker));
    assert_eq!(result, Poll::Ready(here));
}

#[test]
fn run_gives_its_result_from_a_thread_that_may_block() {
    let threads = Threads::new(1);
    let (id, may_block) = wait(threads.offload().run(|| (std::thread::current().id(), thread_may_block())));
    assert!(threads.ids().contains(&id) && may_block);
}

#[test]
fn a_panic_of_the_work_passes_to_who_waits_and_not_to_the_pool() {
    let threads = Threads::new(1);
    let offload = threads.offload();
    let caught = catch_unwind(AssertUnwindSafe(|| wait(offload.run(|| panic!("in the work")))));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"in the work"));
    assert_eq!(wait(offload.run(|| 7)), 7, "the pool lives on");
}

#[test]
fn work_that_was_cancelled_before_it_began_never_runs() {
    let threads = Threads::none();
    let ran = Arc::new(AtomicUsize::new(0));
    let (_, waker) = Count::new();
    for polled in [false, true] {
        let count = Arc::clone(&ran);
        let mut work = threads.offload().run(move || count.fetch_add(1, Ordering::SeqCst));
        if polled {
            assert!(Pin::new(&mut work).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        drop(work);
    }
    assert_eq!(threads.waiting(), 1, "only what is polled is handed over");
    assert!(threads.next().unwrap().run().is_none());
    assert_eq!((ran.load(Ordering::SeqCst), Arc::strong_count(&ran)), (0, 1));
}

#[test]
fn a_result_that_nobody_waits_for_is_dropped_off_the_reactor() {
    // rule(115)
    for done in [false, true] {
        let threads = Threads::new(1);
        let watched = Watched::default();
        let value = watched.value();
        let (go, wait_for) = std::sync::mpsc::channel::<()>();
        let begun = Arc::new(AtomicUsize::new(0));
        let started = Arc::clone(&begun);
        let mut work = threads.offload().run(move || {
            started.store(1, Ordering::SeqCst);
            let _ended = wait_for.recv();
            value
        });
        let (count, waker) = Count::new();
        assert!(Pin::new(&mut work).poll(&mut Context::from_waker(&waker)).is_pending());
        threads.until(|| begun.load(Ordering::SeqCst) == 1);
        if done {
            drop(go);
            threads.until(|| count.wakes() == 1);
            drop(work);
        } else {
            drop(work);
            drop(go);
        }
        threads.until(|| watched.drops() == 1);
        assert_eq!(watched.threads(), threads.ids());
    }
}

#[test]
fn a_job_that_the_pool_drops_fails_who_waits_instead_of_hanging_it() {
    let threads = Threads::none();
    let app = blocking(|_, start_response| Ok(start_response.status(StatusCode::OK).empty()));
    let (count, waker) = Count::new();
    let mut answer = Box::pin(respond(&app, threads.environ(get())));
    assert!(answer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(threads.next());
    assert_eq!(count.wakes(), 1);
    let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(&waker)) else {
        panic!("pending")
    };
    assert_eq!(answer.status().as_u16(), 500);

    let mut outgoing = body_on(&threads, Body::iter(["lost"]));
    assert!(poll(&mut outgoing, &waker).is_pending());
    drop(threads.next());
    assert_eq!(poll(&mut outgoing, &waker), Poll::Pending, "an error is held back for a turn");
    assert!(matches!(poll(&mut outgoing, &waker), Poll::Ready(Some(Err(_)))));
}

#[test]
fn a_park_token_swallowed_inside_a_poll_hangs_nobody() {
    // rule(68)
    let threads = Threads::new(1);
    let offload = threads.offload();
    let mut turns = 0;
    let mut work = offload.run(|| 7);
    let result = wait(std::future::poll_fn(|context| {
        turns += 1;
        let polled = Pin::new(&mut work).poll(context);
        if polled.is_pending() {
            // The job ends and wakes, and this poll eats the thread's token, as code that parks by itself does.
            threads.until(|| threads.ran() == 1);
            std::thread::park_timeout(std::time::Duration::ZERO);
        }
        polled
    }));
    assert_eq!((result, turns), (7, 2));
}

#[test]
fn a_job_says_when_nobody_waits_for_it_any_more() {
    let threads = Threads::none();
    let mut waits = Box::pin(threads.offload().run(|| 1));
    let mut context = Context::from_waker(std::task::Waker::noop());
    assert!(waits.as_mut().poll(&mut context).is_pending());
    let mut leaves = Box::pin(threads.offload().run(|| 2));
    assert!(leaves.as_mut().poll(&mut context).is_pending());
    drop(leaves);
    let (first, second) = (threads.next().unwrap(), threads.next().unwrap());
    assert_eq!((first.is_cancelled(), second.is_cancelled()), (false, true));
    assert!(second.run().is_none());
    assert!(first.run().is_some());
    assert_eq!(waits.as_mut().poll(&mut context), Poll::Ready(1));
}
