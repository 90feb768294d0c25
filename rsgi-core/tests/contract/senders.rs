//! Async push bodies: backpressure, flush, cancellation, several senders.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use rsgi_core::{Body, Input, Sender};

use crate::asking::{Count, poll};
use crate::bodies::{answer, outgoing};
use crate::watched::Watched;

/// Gives the sender of a body out of it; the body itself waits for ever.
fn apart() -> (Sender, Body) {
    let given = Arc::new(Mutex::new(None));
    let of_body = Arc::clone(&given);
    let body = Body::send(move |sender| {
        *of_body.lock().unwrap() = Some(sender);
        std::future::pending()
    });
    let sender = given.lock().unwrap().take().unwrap();
    (sender, body)
}

#[test]
fn a_sender_waits_while_the_queue_is_full() {
    // rule(99)
    for (piece, most) in [(1_usize, 1024), (1000, 80), (40_000, 2), (200_000, 1)] {
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let mut outgoing = outgoing(Body::send(async move |sender| {
            loop {
                sender.send(vec![b'x'; piece]).await?;
                count.fetch_add(1, Ordering::SeqCst);
            }
        }));
        let (_, waker) = Count::new();
        assert!(poll(&mut outgoing, &waker).is_ready());
        let ahead = sent.load(Ordering::SeqCst);
        assert!((1..=most).contains(&ahead), "{ahead} pieces of {piece}");
    }
}

#[test]
fn a_flush_ends_when_all_was_taken_and_more_is_asked_for() {
    // rule(97)
    let log = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&log);
    let mut outgoing = outgoing(Body::send(async move |sender| {
        sender.send("one").await?;
        told.lock().unwrap().push("sent");
        sender.flush().await?;
        told.lock().unwrap().push("flushed");
        sender.send("two").await
    }));
    let (_, waker) = Count::new();
    assert_eq!(poll(&mut outgoing, &waker), Poll::Ready(Some(Ok("one".into()))));
    assert_eq!(*log.lock().unwrap(), ["sent"]);
    assert_eq!(poll(&mut outgoing, &waker), Poll::Ready(Some(Ok("two".into()))));
    assert_eq!(*log.lock().unwrap(), ["sent", "flushed"]);
    assert_eq!(poll(&mut outgoing, &waker), Poll::Ready(None));
}

#[test]
fn dropping_the_body_cancels_its_future() {
    // rule(116)
    let watched = Watched::default();
    let guard = watched.value();
    let mut outgoing = outgoing(Body::send(async move |sender| {
        let _held = guard;
        loop {
            sender.send("tick").await?;
            sender.flush().await?;
        }
    }));
    let (_, waker) = Count::new();
    assert!(poll(&mut outgoing, &waker).is_ready());
    drop(outgoing);
    assert_eq!(watched.drops(), 1);
}

#[test]
fn senders_in_tasks_of_their_own_are_all_woken_and_all_told_of_the_end() {
    // rule(116)
    let (sender, body) = apart();
    let mut outgoing = outgoing(body);
    let (_, server) = Count::new();
    rsgi_core::wait(sender.send(vec![b'x'; 100_000])).unwrap();
    let tasks: Vec<_> = (0..3).map(|_| Count::new()).collect();
    let mut sends: Vec<_> = (0..3).map(|_| Box::pin(sender.send("y"))).collect();
    for (send, (_, waker)) in sends.iter_mut().zip(&tasks) {
        assert!(send.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    }
    assert!(matches!(poll(&mut outgoing, &server), Poll::Ready(Some(Ok(_)))));
    assert!(tasks.iter().all(|(count, _)| count.wakes() == 1));
    for (send, (_, waker)) in sends.iter_mut().zip(&tasks) {
        assert!(matches!(Pin::new(send).poll(&mut Context::from_waker(waker)), Poll::Ready(Ok(()))));
    }
    drop(outgoing);
    assert!(rsgi_core::wait(sender.send("too late")).is_err());
    assert!(rsgi_core::wait(sender.flush()).is_err());
}

#[test]
fn a_send_from_another_task_wakes_the_server() {
    let (sender, body) = apart();
    let mut outgoing = outgoing(body);
    let (count, waker) = Count::new();
    assert!(poll(&mut outgoing, &waker).is_pending());
    rsgi_core::wait(sender.send("one")).unwrap();
    assert_eq!(count.wakes(), 1);
    assert_eq!(poll(&mut outgoing, &waker), Poll::Ready(Some(Ok("one".into()))));
}

#[test]
fn a_cancelled_send_has_queued_all_or_nothing() {
    let (sender, body) = apart();
    let mut outgoing = outgoing(body);
    let (_, waker) = Count::new();
    rsgi_core::wait(sender.send(vec![b'x'; 100_000])).unwrap();
    let mut cancelled = Box::pin(sender.send("cancelled"));
    assert!(cancelled.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(cancelled);
    assert!(matches!(poll(&mut outgoing, &waker), Poll::Ready(Some(Ok(data))) if data.len() == 100_000));
    assert!(poll(&mut outgoing, &waker).is_pending());
}

#[test]
fn a_duplex_body_reads_while_it_writes() {
    // rule(100)
    let answer = answer(|| {
        Body::duplex(Input::from_bytes("ping".into()), async |mut input, sender| {
            sender.send("<").await?;
            while let Some(piece) = input.piece().await {
                sender.send(piece?.to_ascii_uppercase()).await?;
            }
            sender.send(">").await
        })
    });
    assert_eq!(answer.text(), "<PING>");
}

#[test]
fn sending_doesnt_wake_its_own_task_while_it_runs() {
    let mut outgoing = outgoing(Body::send(async |sender| {
        for _ in 0..10 {
            sender.send("x").await?;
            sender.flush().await?;
        }
        Ok(())
    }));
    let (count, waker) = Count::new();
    while poll(&mut outgoing, &waker) != Poll::Ready(None) {}
    assert_eq!(count.wakes(), 0);
}
