//! Every transition of the state word, one entry at a time, and then many threads on one entry.
//!
//! Not here: what the engine makes of a transition; the tests in `tests/engine` see that.
//!
//! Invariant: each test drives a `Control` only through the calls that the engine uses.

use super::*;

const ALL: [Events; 7] = [
    Events::READ,
    Events::WRITE,
    Events::FINISHED,
    Events::GONE,
    Events::WOKEN,
    Events::TIMEOUT,
    Events::DRAIN,
];
const INTERESTS: [Interest; 4] = [Interest::NONE, Interest::READ, Interest::WRITE, Interest::BOTH];

/// One entry at rest with the given interest.
fn resting(interest: Interest) -> Control {
    let control = Control::default();
    control.occupy();
    assert_eq!(control.rest(interest), Rested::Waiting);
    control
}

#[test]
fn a_word_survives_packing_whatever_is_in_it() {
    for status in [Status::Free, Status::Waiting, Status::Queued, Status::Held] {
        for interest in INTERESTS {
            for pending in 0..=u8::MAX {
                let lasting = Events(pending.rotate_left(3));
                let word =
                    Word { generation: 0xdead_beef, status, interest, pending: Events(pending), lasting };
                assert_eq!(Word::unpack(word.pack()), word);
            }
        }
    }
}

#[test]
fn an_event_rouses_whoever_waits_for_it_and_is_kept_for_whoever_does_not() {
    for interest in INTERESTS {
        for event in ALL {
            let control = resting(interest);
            let wanted = match event {
                Events::READ => interest.reads(),
                Events::WRITE => interest.writes(),
                _ => true,
            };
            let posted = control.post(0, event);
            assert_eq!(posted, if wanted { Posted::Queue } else { Posted::Kept }, "{interest:?} {event:?}");
            assert_eq!(control.take(0).map(|taken| taken.events), wanted.then_some(event));
        }
    }
}

#[test]
fn an_event_in_any_state_is_seen_at_the_next_rest_or_taking_exactly_once() {
    for event in ALL {
        let held = Control::default();
        held.occupy();
        assert_ne!(held.post(0, event), Posted::Queue);
        assert_eq!(held.rest(Interest::BOTH), Rested::Queue, "{event:?}");
        assert_ne!(held.post(0, event), Posted::Queue, "it is queued once");
        assert_eq!(held.take(0).unwrap().events, event);
        assert_eq!(held.take(0), None, "it is held");
        assert_eq!(held.rest(Interest::BOTH), Rested::Waiting, "{event:?} was told");
    }
}

#[test]
fn one_that_waits_to_be_run_keeps_what_comes_for_later() {
    for event in ALL {
        let control = Control::default();
        control.occupy();
        control.requeue(Events::RUN);
        let posted = control.post(0, event);
        assert_eq!(posted, Posted::Busy(event.hangup()));
        let taken = control.take(0).unwrap();
        assert_eq!((taken.events, taken.readiness()), (Events::RUN, None));
        assert_eq!(control.rest(Interest::BOTH), Rested::Queue);
        assert_eq!(control.take(0).unwrap().events, event);
    }
}

#[test]
fn a_hangup_is_told_once_to_whoever_is_busy_and_stays_known() {
    let control = Control::default();
    control.occupy();
    assert_eq!(control.post(0, Events::FINISHED), Posted::Busy(Some(Hangup::Finished)));
    assert_eq!(control.post(0, Events::FINISHED), Posted::Busy(None));
    assert_eq!(control.post(0, Events::GONE), Posted::Busy(Some(Hangup::Gone)));
    assert_eq!(control.rest(Interest::NONE), Rested::Queue);
    control.take(0).unwrap();
    assert_eq!(control.rest(Interest::READ), Rested::Waiting);
    control.post(0, Events::READ);
    assert_eq!(control.take(0).unwrap().readiness().unwrap().hangup(), Some(Hangup::Gone));
}

#[test]
fn keys_of_an_earlier_tenant_change_nothing() {
    let control = Control::default();
    let first = control.occupy();
    control.vacate();
    for event in ALL {
        assert_eq!(control.post(first, event), Posted::Stale, "the entry is free");
    }
    let second = control.occupy();
    assert_ne!(first, second);
    control.rest(Interest::BOTH);
    for event in ALL {
        assert_eq!(control.post(first, event), Posted::Stale);
    }
    assert_eq!(control.take(first), None);
    assert_eq!(control.post(second, Events::READ), Posted::Queue);
    assert_eq!(control.take(first), None);
    assert_eq!(control.tenant(7), Some(Key { index: 7, generation: second }));
}

#[test]
fn only_a_resting_entry_expires_and_only_one_that_nobody_holds_is_seized() {
    let control = resting(Interest::NONE);
    assert_eq!(control.expire(3), Some(Key { index: 3, generation: 0 }));
    assert_eq!(control.expire(3), None, "it is queued");
    control.take(0).unwrap();
    assert_eq!(control.expire(3), None, "it is held");
    assert!(!control.seize());
    control.rest(Interest::NONE);
    assert!(control.seize());
    control.vacate();
    assert!(!control.seize());
    assert_eq!(control.tenant(0), None);
}

/// Threads post and serve one entry at random; no event may be left behind when all are done.
#[test]
fn threads_that_post_and_serve_at_once_lose_nothing() {
    let control = resting(Interest::READ);
    let (posts, seen) = (AtomicU64::new(0), AtomicU64::new(0));
    let serve = || {
        // Whoever queues it serves it; what comes meanwhile queues it again.
        loop {
            let taken = control.take(0).expect("queued by this thread alone");
            seen.store(posts.load(Ordering::SeqCst), Ordering::SeqCst);
            assert!(taken.readiness().is_some());
            if control.rest(Interest::READ) == Rested::Waiting {
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for turn in 0..20_000 {
                    posts.fetch_add(1, Ordering::SeqCst);
                    let event = if turn % 3 == 0 { Events::WOKEN } else { Events::READ };
                    if control.post(0, event) == Posted::Queue {
                        serve();
                    }
                }
            });
        }
    });
    assert_eq!(seen.load(Ordering::SeqCst), 80_000, "the last serving saw the last post");
    assert_eq!(control.tenant(0), Some(Key { index: 0, generation: 0 }));
}
