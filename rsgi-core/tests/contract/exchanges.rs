//! One request's shared part: reuse along a connection, the outcome told once, the tokens' truth.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Instant;

use rsgi_core::http::StatusCode;
use rsgi_core::{
    AcceptedBy, Cause, Connection, Delivery, Drain, Endpoint, Environ, Exchange, Fault, Phase, app_fn, wait,
};

use crate::asking::{Count, ask, get, plain};

fn exchange() -> Arc<Exchange> {
    let unnamed = Endpoint::unix(None, None);
    Exchange::new(Arc::new(Connection::new(Arc::new(plain()), 7, unnamed.clone(), unnamed)))
}

fn environ(exchange: &Arc<Exchange>) -> Environ {
    let (head, input) = get().into_parts();
    Environ::new(head, input, Arc::clone(exchange))
}

const WHOLE: Delivery = Delivery::Whole(AcceptedBy::System);

#[test]
fn the_next_request_reuses_an_exchange_that_nobody_else_holds() {
    let mut exchange = exchange();
    let address = Arc::as_ptr(&exchange);
    let numbers: Vec<u64> = (0..3)
        .map(|_| {
            Exchange::begin(&mut exchange, Instant::now());
            exchange.tell(WHOLE);
            assert_eq!(Arc::as_ptr(&exchange), address);
            exchange.number()
        })
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn an_old_requests_token_never_sees_a_newer_request() {
    let mut exchange = exchange();
    let old = environ(&exchange).disconnect();
    exchange.tell(WHOLE);
    Exchange::begin(&mut exchange, Instant::now());
    exchange.disconnect(Cause::Reset);
    assert_eq!(old.cause(), None);
    assert_eq!(environ(&exchange).disconnect().cause(), Some(Cause::Reset));
}

#[test]
fn a_request_that_begins_leaves_those_under_way_alone() {
    // rule(118), rule(127)
    let mut last = exchange();
    let first = Arc::clone(&last);
    let (token, seen) = (environ(&first).disconnect(), Arc::new(Mutex::new(None)));
    let callback = Arc::clone(&seen);
    environ(&first).on_outcome(move |outcome| *callback.lock().unwrap() = Some(outcome.delivery));
    for _stream in 0..3 {
        Exchange::begin(&mut last, Instant::now());
    }
    last.disconnect(Cause::Reset);
    assert_eq!((token.cause(), *seen.lock().unwrap()), (None, None));
    first.tell(WHOLE);
    assert_eq!((token.cause(), *seen.lock().unwrap()), (None, Some(WHOLE)));
}

#[test]
fn nothing_of_a_request_is_left_in_the_next() {
    let mut exchange = exchange();
    environ(&exchange).on_outcome(|_| ());
    exchange.disconnect(Cause::Closed);
    exchange.tell(Delivery::Failed);
    Exchange::begin(&mut exchange, Instant::now());
    assert!(!exchange.is_watched() && !exchange.head_is_final() && !exchange.is_upgraded());
    assert_eq!((exchange.cause(), exchange.current_fault()), (None, None));
}

#[test]
fn callbacks_run_in_reverse_order_all_of_them_though_one_panics() {
    // rule(120)
    let exchange = exchange();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for number in 0..4 {
        let seen = Arc::clone(&seen);
        environ(&exchange).on_outcome(move |outcome| {
            seen.lock().unwrap().push((number, outcome.delivery));
            assert_ne!(number, 2, "a panic of a callback");
        });
    }
    exchange.tell(WHOLE);
    exchange.tell(Delivery::Failed);
    let order: Vec<_> = seen.lock().unwrap().iter().map(|(number, _)| *number).collect();
    assert_eq!(order, [3, 2, 1, 0]);
    assert!(seen.lock().unwrap().iter().all(|(_, delivery)| *delivery == WHOLE));
}

#[test]
fn a_callback_registered_after_the_end_is_told_the_same_at_once() {
    for watched in [false, true] {
        let exchange = exchange();
        let environ = environ(&exchange);
        if watched {
            environ.on_outcome(|_| ());
        }
        exchange.tell(WHOLE);
        let seen = Arc::new(Mutex::new(None));
        let callback = Arc::clone(&seen);
        environ.on_outcome(move |outcome| *callback.lock().unwrap() = Some(outcome.delivery));
        assert_eq!(*seen.lock().unwrap(), Some(WHOLE));
    }
}

#[test]
fn an_adapter_that_forgets_to_tell_leaves_no_callback_unrun() {
    type Ends = fn(Arc<Exchange>);
    let ends: [Ends; 2] = [drop, |mut exchange| Exchange::begin(&mut exchange, Instant::now())];
    for end in ends {
        let exchange = exchange();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let callback = Arc::clone(&seen);
        environ(&exchange).on_outcome(move |outcome| callback.lock().unwrap().push(outcome.delivery));
        end(exchange);
        assert_eq!(*seen.lock().unwrap(), [Delivery::Aborted(Cause::ServerStopped)]);
    }
}

#[test]
fn work_that_a_time_limit_has_ended_hears_of_it_after_the_answer_too() {
    // A blocking call that goes on for a request that was dropped looks at its token now and then: the answer of whoever
    // dropped it may be sent in between.
    for (cause, seen) in [(Cause::TimedOut, Some(Cause::TimedOut)), (Cause::Closed, None)] {
        let exchange = exchange();
        let token = environ(&exchange).disconnect();
        exchange.disconnect(cause);
        exchange.tell(WHOLE);
        assert_eq!(token.cause(), seen);
        let (_count, waker) = Count::new();
        let woken = pin!(token.gone()).poll(&mut Context::from_waker(&waker)).is_ready();
        assert_eq!(woken, seen.is_some());
    }
}

#[test]
fn the_first_cause_stays_and_wakes_who_waits() {
    // rule(115)
    let exchange = exchange();
    let token = environ(&exchange).disconnect();
    let (count, waker) = Count::new();
    let mut gone = pin!(token.gone());
    assert!(gone.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    exchange.disconnect(Cause::Reset);
    exchange.disconnect(Cause::Closed);
    assert_eq!(count.wakes(), 1);
    assert_eq!(gone.poll(&mut Context::from_waker(&waker)), Poll::Ready(Cause::Reset));
    assert!(token.is_gone());
    assert_eq!(wait(token.gone()), Cause::Reset);
}

#[test]
fn after_a_delivered_answer_the_client_is_not_gone() {
    for watched in [false, true] {
        let exchange = exchange();
        let token = environ(&exchange).disconnect();
        if watched {
            environ(&exchange).on_outcome(|_| ());
        }
        exchange.tell(WHOLE);
        exchange.disconnect(Cause::Closed);
        assert_eq!(token.cause(), None);
        let (_, waker) = Count::new();
        assert!(pin!(token.gone()).poll(&mut Context::from_waker(&waker)).is_pending());
    }
}

#[test]
fn an_answer_told_as_broken_off_fires_the_token() {
    let exchange = exchange();
    let token = environ(&exchange).disconnect();
    let (count, waker) = Count::new();
    let mut gone = pin!(token.gone());
    assert!(gone.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    exchange.tell(Delivery::Aborted(Cause::Reset));
    assert_eq!((count.wakes(), token.cause()), (1, Some(Cause::Reset)));
    assert_eq!(gone.poll(&mut Context::from_waker(&waker)), Poll::Ready(Cause::Reset));
}

#[test]
fn who_stops_waiting_leaves_no_waker_behind() {
    let (drain, exchange) = (Drain::new(), exchange());
    let token = environ(&exchange).disconnect();
    let (count, waker) = Count::new();
    let mut context = Context::from_waker(&waker);
    for _stream in 0..100 {
        assert!(pin!(drain.begun()).poll(&mut context).is_pending());
        assert!(pin!(token.gone()).poll(&mut context).is_pending());
    }
    // The counter's own two references, and none of two hundred waits.
    assert_eq!(Arc::strong_count(&count), 2);
    drain.begin();
    exchange.disconnect(Cause::Closed);
    assert_eq!(count.wakes(), 0);
}

#[test]
fn a_time_limit_is_told_as_such_and_not_as_a_disconnect() {
    // rule(122)
    for cause_first in [false, true] {
        let exchange = exchange();
        let seen = Arc::new(Mutex::new(None));
        let callback = Arc::clone(&seen);
        environ(&exchange).on_outcome(move |outcome| *callback.lock().unwrap() = Some(outcome.delivery));
        if cause_first {
            exchange.disconnect(Cause::TimedOut);
        }
        exchange.tell(Delivery::Aborted(Cause::TimedOut));
        assert_eq!(*seen.lock().unwrap(), Some(Delivery::TimedOut));
        assert_eq!(exchange.cause(), Some(Cause::TimedOut));
    }
}

#[test]
fn the_outcome_says_how_far_the_answer_came() {
    // rule(121)
    let whole =
        app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("12345")) });
    let answer = ask(&whole, get());
    assert_eq!((answer.outcome.phase, answer.outcome.body_bytes), (Phase::End, 5));
    assert!(answer.outcome.is_whole());

    let empty =
        app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::NO_CONTENT).empty()) });
    let answer = ask(&empty, get());
    assert_eq!((answer.outcome.phase, answer.outcome.body_bytes), (Phase::End, 0));

    let broken = app_fn(|_, start_response| async move {
        let pieces = [Ok("123"), Err("broken")];
        Ok(start_response.status(StatusCode::OK).body(rsgi_core::Body::iter(pieces)))
    });
    let answer = ask(&broken, get());
    assert_eq!((answer.outcome.phase, answer.outcome.body_bytes), (Phase::Body, 3));
    assert_eq!((answer.outcome.delivery, answer.outcome.fault), (Delivery::Failed, Some(Fault::BodyError)));

    let unanswered = exchange();
    let seen = Arc::new(Mutex::new(None));
    let callback = Arc::clone(&seen);
    environ(&unanswered).on_outcome(move |outcome| *callback.lock().unwrap() = Some(outcome.clone()));
    unanswered.tell(Delivery::Aborted(Cause::Closed));
    let outcome = seen.lock().unwrap().take().unwrap();
    assert_eq!((outcome.phase, outcome.status), (Phase::App, None));
    assert_eq!(outcome.to_string(), "0 Aborted(Closed) in App, 0 bytes");
}

#[test]
fn a_whole_delivery_of_a_broken_answer_is_told_as_failed() {
    let exchange = exchange();
    let seen = Arc::new(Mutex::new(None));
    let callback = Arc::clone(&seen);
    environ(&exchange).on_outcome(move |outcome| *callback.lock().unwrap() = Some(outcome.delivery));
    let app = app_fn(|_, start_response| async move {
        let body = rsgi_core::Body::iter(["1"]).with_length(2);
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let answer = wait(rsgi_core::respond(&app, environ(&exchange)));
    let mut sink = crate::asking::Taken::default();
    let (_, mut outgoing) = answer.into_parts();
    assert!(outgoing.write_to(&mut sink).is_err());
    exchange.tell(WHOLE);
    assert_eq!(*seen.lock().unwrap(), Some(Delivery::Failed));
}

#[test]
fn the_drain_wakes_who_waits_and_stays_begun() {
    let drain = Drain::new();
    let (count, waker) = Count::new();
    let mut begun = pin!(drain.begun());
    assert!(begun.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(!drain.has_begun());
    drain.clone().begin();
    drain.begin();
    assert_eq!(count.wakes(), 1);
    assert!(begun.poll(&mut Context::from_waker(&waker)).is_ready());
    assert!(drain.has_begun());
    wait(drain.begun());
}
