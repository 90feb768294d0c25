//! Reloads (checklist 42, 43, 46-49).

use std::time::Duration;

use super::world::{Nature, World, workers};
use crate::fleet::{Action, Event, Generation, Listeners, Notice, Order, Rules, Sig, SlotId, Status};

/// Watches that never fewer serve nor more stand.
pub(super) fn bound(world: &mut World, least: usize, most: usize) {
    world.watch = Box::new(move |_, processes| {
        let serving = processes.values().filter(|process| process.serves()).count();
        let standing = processes.values().filter(|process| process.told.is_none()).count();
        assert!(serving >= least, "{serving} serve");
        assert!(standing <= most, "{standing} stand");
    });
}

#[test]
fn hup_replaces_all_and_never_has_fewer_ready_nor_more_than_a_batch_above() {
    for batch in 1..6 {
        let mut world = World::up(Rules { reload_batch: Some(batch), ..workers(5) });
        let old = world.pids();
        bound(&mut world, 5, 5 + batch);
        world.signal(Sig::Hup);
        world.run(1000);
        assert_eq!(world.generations(), [2; 5]);
        assert!(world.pids().iter().all(|pid| !old.contains(pid)));
        assert_eq!(world.forks, 10);
        assert_eq!(world.said("Hang up: Master"), 1);
        assert_eq!(world.said("Reloaded: 5 workers ready in"), 1);
        assert_eq!(world.notices(), [&Notice::Ready, &Notice::Reloading, &Notice::Ready]);
        assert!(world.actions.contains(&Action::Settle { generation: Generation(2) }));
        assert!(world.closed().is_empty(), "no listener is closed");
    }
}

#[test]
fn a_batch_is_a_quarter_where_nothing_else_is_said() {
    let mut world = World::up(workers(8));
    world.signal(Sig::Hup);
    assert_eq!(world.forks, 8 + 2);
    assert_eq!(world.said("Replacing the workers by 8 new, 2 at a time"), 1);
}

#[test]
fn new_settings_are_in_force_for_the_new_workers() {
    let mut world = World::up(workers(2));
    world.settings = Ok((Rules { graceful: Duration::from_secs(3), ..workers(4) }, false));
    bound(&mut world, 2, 5);
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.generations(), [2; 4]);
    world.settings = Ok((workers(1), false));
    bound(&mut world, 1, 5);
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.generations(), [3]);
}

#[test]
fn a_socket_without_a_worker_is_shared_out_by_replacing_all_once_they_are_settled() {
    let mut world = World::up(workers(3));
    world.signal(Sig::Ttou);
    bound(&mut world, 2, 4);
    world.tell(Event::SocketVacant);
    world.run(1000);
    assert_eq!(world.generations(), [2; 2]);
    assert_eq!(world.said("A socket has no worker"), 1);
    world.signal(Sig::Ttin);
    world.tell(Event::SocketVacant);
    assert_eq!(world.said("A socket has no worker"), 1, "one is on its way, and may have it");
}

#[test]
fn old_workers_that_leave_keep_their_requests_until_the_graceful_limit() {
    let mut world = World::up(workers(1));
    world.process(0).nature.finishes = 29_000;
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.process(0).told, Some(Order::Leave));
    world.run(29_000);
    assert!(world.kills.is_empty());
    assert_eq!(world.pids(), [102]);
}

#[test]
fn a_changed_bind_opens_first_and_closes_after_the_last_old_worker() {
    let mut world = World::up(workers(2));
    world.processes.values_mut().for_each(|process| process.nature.finishes = 5_000);
    world.settings = Ok((workers(2), true));
    world.signal(Sig::Hup);
    assert!(world.actions.contains(&Action::OpenListeners { generation: Generation(2) }));
    world.run(4_000);
    assert_eq!(world.said("Reloaded"), 1);
    assert!(world.closed().is_empty());
    world.run(2_000);
    assert_eq!(world.closed(), [Listeners::Unused]);
}

#[test]
fn hup_during_hup_is_done_afterwards_once_with_the_settings_of_then() {
    let mut world = World::up(workers(2));
    world.signal(Sig::Hup);
    world.run(20);
    world.signal(Sig::Hup);
    world.signal(Sig::Hup);
    world.settings = Ok((workers(3), false));
    world.run(2_000);
    assert_eq!(world.generations(), [3; 3]);
    assert_eq!(world.fleet.counters().reloads, 2);
}

#[test]
fn two_hups_kill_nobody_of_the_generation_between_in_its_request() {
    let mut world = World::up(workers(2));
    world.nature = Box::new(|_, _| Nature::finishing(20_000));
    world.signal(Sig::Hup);
    world.run(10);
    world.signal(Sig::Hup);
    world.run(5_000);
    assert_eq!(world.generations().iter().filter(|generation| **generation == 2).count(), 2);
    assert!(world.processes.values().all(|process| process.told.is_none_or(|told| told == Order::Leave)));
    world.run(30_000);
    assert_eq!(world.generations(), [3, 3]);
    assert!(world.kills.is_empty());
}

#[test]
fn hup_during_a_slow_boot_ends_who_boots_and_goes_on() {
    let mut world = World::up(workers(2));
    world.nature =
        Box::new(|generation, _| Nature::booting(if generation == Generation(1) { 20_000 } else { 40 }));
    world.signal(Sig::Ttin);
    world.run(1_000);
    world.signal(Sig::Hup);
    world.run(2_000);
    assert_eq!(world.generations(), [2, 2]);
}

#[test]
fn hup_in_a_crash_loop_does_not_wait_for_the_backoff() {
    let mut world = World::up(workers(2));
    world.nature = Box::new(|generation, _| match generation {
        Generation(1) => Nature::dying(10, Status::Code(1)),
        _ => Nature::default(),
    });
    world.die(SlotId(0), Status::Code(1));
    world.die(SlotId(1), Status::Code(1));
    world.run(40_000);
    assert_eq!(world.ready(), 0);
    world.signal(Sig::Hup);
    world.run(200);
    assert_eq!(world.generations(), [2, 2]);
    assert_eq!(world.fleet.view().crash_level, 0);
}

#[test]
fn ttin_and_ttou_during_a_reload_hold_afterwards_and_when_it_is_undone() {
    for (signal, count) in [(Sig::Ttin, 4), (Sig::Ttou, 2)] {
        let mut world = World::up(workers(3));
        world.signal(Sig::Hup);
        world.run(50);
        world.signal(signal);
        world.run(2_000);
        assert_eq!(world.generations(), vec![2; count]);

        let mut world = World::up(workers(3));
        world.nature = Box::new(|generation, _| match generation {
            Generation(2) => Nature::dying(30, Status::Code(1)),
            _ => Nature::default(),
        });
        world.signal(Sig::Hup);
        world.run(10);
        world.signal(signal);
        world.run(2_000);
        assert_eq!(world.generations(), vec![1; count]);
    }
}

#[test]
fn term_during_a_reload_ends_all() {
    let mut world = World::up(workers(3));
    world.signal(Sig::Hup);
    world.run(50);
    world.signal(Sig::Term);
    world.signal(Sig::Hup);
    world.run(100);
    assert_eq!(world.exit, Some(crate::exit::Exit::Clean));
}

#[test]
fn a_reload_to_more_workers_boots_no_more_than_a_batch_at_once() {
    let mut world = World::up(workers(1));
    world.settings = Ok((Rules { reload_batch: Some(2), ..workers(9) }, false));
    world.watch = Box::new(|_, processes| {
        assert!(processes.values().filter(|process| process.stands() && !process.ready).count() <= 2);
    });
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.generations(), [2; 9]);
}

#[test]
fn winch_during_a_reload_wins() {
    let mut world = World::up(Rules { daemon: true, ..workers(3) });
    world.signal(Sig::Hup);
    world.run(50);
    world.signal(Sig::Winch);
    world.run(1000);
    assert!(world.processes.is_empty());
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.generations(), [3; 3]);
}
