//! loom over the protocols between two or three threads: every interleaving, every value a load may see.
//!
//! Each test is the smallest set of threads in which one promise of `lead.rs`, `watch.rs`, `control.rs`, `timers.rs` or
//! `hub.rs` could be broken. They call what the engine calls; a wake that is lost is a thread that never ends, which loom
//! reports as a deadlock.

use std::sync::Arc;

use loom::thread;

use crate::Config;
use crate::clock::Millis;
use crate::control::{Events, Key};
use crate::hub::{Hub, Patience, Phase};
use crate::lead::{Berth, Lead};
use crate::model::poller::happen;
use crate::next::Interest;
use crate::queue::Work;

const KEY: Key = Key { index: 0, generation: 0 };

/// Runs the body in every interleaving with at most so many preemptions.
fn explore(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(body);
}

/// A hub with one connection, which waits to read.
fn hub() -> Arc<Hub> {
    let hub = Hub::new(&Config::default().threads(2).connections(1), 0).unwrap();
    let control = hub.controls.make(0).unwrap();
    control.occupy();
    control.rest(Interest::READ);
    Arc::new(hub)
}

/// What a worker does, until it has taken something or the engine stops.
fn work(hub: &Hub, berth: &Arc<Berth>) -> Option<Key> {
    loop {
        match hub.queue.take() {
            Work::Entry(key) => return Some(key),
            Work::None if hub.phase() == Phase::Stopped => return None,
            Work::PollFirst | Work::None => {}
        }
        if let Some(seat) = hub.lead.take() {
            hub.poll(seat, Patience::Forever, &mut Vec::new(), &mut Vec::new());
        } else {
            let stay_up = || !hub.queue.is_empty() || !hub.lead.is_led() || hub.phase() == Phase::Stopped;
            hub.lead.sleep(berth, stay_up);
        }
    }
}

#[test]
fn the_lead_is_one_threads_at_a_time() {
    explore(3, || {
        let lead = Arc::new(Lead::default());
        let other = Arc::clone(&lead);
        let thread = thread::spawn(move || {
            if let Some(mut seat) = other.take() {
                seat.batch.push((KEY, Events::READ));
                assert_eq!(seat.batch.len(), 1);
                seat.batch.clear();
            }
        });
        if let Some(mut seat) = lead.take() {
            seat.batch.push((KEY, Events::READ));
            assert_eq!(seat.batch.len(), 1);
            seat.batch.clear();
        }
        thread.join().unwrap();
        assert!(lead.take().is_some(), "it is free again");
    });
}

#[test]
fn a_follower_that_falls_asleep_is_woken_for_what_is_handed_over_meanwhile() {
    explore(3, || {
        let hub = hub();
        let follower = thread::spawn({
            let hub = Arc::clone(&hub);
            move || {
                let berth = Berth::new();
                while !matches!(hub.queue.take(), Work::Entry(KEY)) {
                    hub.lead.sleep(&berth, || !hub.queue.is_empty());
                }
            }
        });
        hub.queue.push_due(KEY);
        hub.hand_over();
        follower.join().unwrap();
        assert_eq!(hub.lead.asleep(), 0);
    });
}

#[test]
fn a_leader_that_goes_to_wait_is_kicked_for_a_wake_from_another_thread() {
    explore(3, || {
        let hub = hub();
        let leader = thread::spawn({
            let hub = Arc::clone(&hub);
            move || work(&hub, &Berth::new())
        });
        hub.post(KEY, Events::WOKEN);
        assert_eq!(leader.join().unwrap(), Some(KEY));
    });
}

#[test]
fn a_leader_queues_what_the_poller_brings_beside_what_another_thread_wakes() {
    explore(2, || {
        let hub = hub();
        let leader = thread::spawn({
            let hub = Arc::clone(&hub);
            move || work(&hub, &Berth::new())
        });
        let waker = thread::spawn({
            let hub = Arc::clone(&hub);
            move || hub.post(KEY, Events::WOKEN)
        });
        happen(&hub, KEY, Events::READ);
        waker.join().unwrap();
        assert_eq!(leader.join().unwrap(), Some(KEY));
        assert_eq!(hub.queue.take(), Work::None, "one entry stands in the queue once");
    });
}

#[test]
fn what_comes_while_an_entry_is_let_rest_is_queued_once() {
    explore(3, || {
        let hub = hub();
        let control = hub.control(0).unwrap();
        hub.post(KEY, Events::READ);
        assert_eq!(hub.queue.take(), Work::Entry(KEY));
        control.take(0).unwrap();
        let poster = thread::spawn({
            let hub = Arc::clone(&hub);
            move || hub.post(KEY, Events::READ)
        });
        hub.rest(control, KEY, Interest::READ, Millis::NEVER);
        poster.join().unwrap();
        assert_eq!(hub.queue.take(), Work::Entry(KEY));
        assert!(control.take(0).unwrap().events.has(Events::READ));
        assert_eq!(hub.queue.take(), Work::None);
    });
}

#[test]
fn an_entry_in_the_queue_is_taken_by_one_of_two() {
    explore(3, || {
        let hub = hub();
        hub.post(KEY, Events::READ);
        let take = |hub: &Hub| match hub.queue.take() {
            Work::Entry(key) => hub.control(key.index).unwrap().take(key.generation).is_some(),
            _ => false,
        };
        let other = thread::spawn({
            let hub = Arc::clone(&hub);
            move || take(&hub)
        });
        let here = take(&hub);
        assert!(here ^ other.join().unwrap());
    });
}

#[test]
fn a_watchdog_that_goes_to_bed_is_got_up_by_a_leader_that_leaves_the_poller() {
    explore(3, || {
        let hub = hub();
        hub.lead.block();
        let watchdog = thread::spawn({
            let hub = Arc::clone(&hub);
            move || hub.watch.sleep(|| None, || hub.lead.is_blocked())
        });
        hub.lead.unblock();
        hub.queue.push_ready(KEY);
        hub.watch.wake();
        watchdog.join().unwrap();
    });
}

#[test]
fn a_watchdog_that_goes_to_bed_is_got_up_for_a_tick_that_is_asked_for() {
    explore(3, || {
        let hub = hub();
        let watchdog = thread::spawn({
            let hub = Arc::clone(&hub);
            move || {
                hub.watch.sleep(|| None, || !hub.watch.is_asked());
                let mut keys = Vec::new();
                hub.watch.take_asked(&mut keys);
                keys
            }
        });
        hub.watch.ask(KEY);
        hub.watch.wake();
        assert_eq!(watchdog.join().unwrap(), [KEY]);
    });
}

#[test]
fn a_deadline_that_is_moved_while_an_older_one_passes_is_not_lost() {
    explore(3, || {
        let hub = hub();
        let control = hub.control(0).unwrap();
        hub.timers.set(control, 0, Millis(5));
        let expirer = thread::spawn({
            let hub = Arc::clone(&hub);
            move || {
                let mut keys = Vec::new();
                hub.timers.expire(Millis(6), |index| hub.control(index), &mut keys);
                keys.len()
            }
        });
        hub.timers.set(control, 0, Millis(9));
        let before = expirer.join().unwrap();
        let mut keys = Vec::new();
        hub.timers.expire(Millis(9), |index| hub.control(index), &mut keys);
        assert_eq!(before + keys.len(), 1);
    });
}

#[test]
fn a_stop_ends_whoever_polls_and_whoever_sleeps() {
    explore(2, || {
        let hub = hub();
        let workers = [(); 2].map(|()| {
            let hub = Arc::clone(&hub);
            thread::spawn(move || work(&hub, &Berth::new()))
        });
        hub.enter(Phase::Stopped);
        hub.lead.wake_all();
        for worker in workers {
            assert_eq!(worker.join().unwrap(), None);
        }
    });
}
