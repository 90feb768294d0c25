//! The clocks of workers that are up (checklist 62-68).

use std::time::Duration;

use super::world::{Nature, World, request, workers};
use crate::clock::Millis;
use crate::fleet::{Rules, Sig, SlotId, Status};
use crate::log::level::Level;

fn stuck(world: &mut World, slot: u16) {
    let now = world.now;
    let process = world.process(slot);
    process.silent = Some(now);
    process.nature.deaf = true;
}

#[test]
fn a_silent_worker_gets_abrt_then_kill_one_check_later_and_the_log_says_what_it_did() {
    let mut world = World::up(workers(2));
    let began = world.now;
    stuck(&mut world, 0);
    world.process(0).in_hand = Some(request(began));
    world.run(29_900);
    assert!(world.kills.is_empty());
    world.run(3_000);
    let kills: Vec<_> =
        world.kills.iter().map(|(at, slot, signal)| (at.since(began).as_secs(), *slot, *signal)).collect();
    assert_eq!(kills, [(30, SlotId(0), Sig::Abrt), (31, SlotId(0), Sig::Kill)]);
    assert_eq!(world.level("WORKER TIMEOUT (pid:101)"), Level::Critical);
    assert_eq!(world.said("Worker (pid:101) was answering GET /slow"), 1);
    assert_eq!(world.said("Worker (pid:101) was sent SIGKILL!"), 1);
    assert_eq!(world.said("out of memory"), 0);
    assert_eq!(world.ready(), 2);
    assert_eq!(world.fleet.counters().silence_timeouts, 1);
}

#[test]
fn a_silent_worker_that_hears_abrt_ends_by_it() {
    let mut world = World::up(workers(1));
    world.process(0).silent = Some(world.now);
    world.run(35_000);
    assert_eq!(world.kills.len(), 1);
    assert_eq!(world.said("was sent SIGABRT!"), 1);
    assert_eq!(world.ready(), 1);
}

#[test]
fn a_worker_that_never_beats_is_silent_from_its_readiness_on() {
    let mut world = World::up(workers(1));
    world.process(0).silent = Some(Millis(0));
    world.run(29_000);
    assert!(world.kills.is_empty());
    world.run(3_000);
    assert!(!world.kills.is_empty());
}

#[test]
fn a_timeout_of_zero_kills_nobody() {
    let mut world = World::up(Rules { silence: Duration::ZERO, ..workers(1) });
    stuck(&mut world, 0);
    world.run(Duration::from_hours(2).as_secs() * 1000);
    assert!(world.kills.is_empty());
}

#[test]
fn many_slow_requests_in_a_worker_that_beats_kill_nobody() {
    let mut world = World::up(workers(1));
    world.process(0).in_hand = Some(request(world.now));
    world.run(600_000);
    assert!(world.kills.is_empty());
}

#[test]
fn a_request_of_twice_its_limit_ends_the_worker_and_not_before() {
    let mut world = World::up(Rules { request: Duration::from_secs(10), ..workers(2) });
    let began = world.now;
    world.process(0).in_hand = Some(request(began));
    world.process(0).nature.deaf = true;
    world.run(19_900);
    assert!(world.kills.is_empty());
    world.run(3_000);
    assert_eq!(world.kills.len(), 2);
    assert_eq!(world.level("WORKER REQUEST TIMEOUT (pid:101)"), Level::Critical);
    assert_eq!(world.fleet.counters().request_timeouts, 1);
    assert_eq!(world.ready(), 2);
}

#[test]
fn a_request_that_ends_in_time_makes_room_for_the_next() {
    let mut world = World::up(Rules { request: Duration::from_secs(10), ..workers(1) });
    for _ in 0..10 {
        world.process(0).in_hand = Some(request(world.now));
        world.run(15_000);
    }
    assert!(world.kills.is_empty());
}

#[test]
fn a_boot_beyond_its_limit_later_is_killed_counted_and_backed_off() {
    let mut world = World::up(Rules { boot: Duration::from_secs(5), ..workers(2) });
    world.nature = Box::new(|_, _| Nature::booting(1_000_000));
    world.die(SlotId(0), Status::Code(1));
    world.run(21_000);
    assert_eq!(world.exit, None);
    assert_eq!(world.fleet.counters().boot_timeouts, 3);
    assert_eq!(world.forks, 2 + 3);
    assert_eq!(world.said("the next one is started in 2 s"), 1);
    assert_eq!(world.ready(), 1);
}

#[test]
fn a_master_that_was_stopped_kills_nobody_when_it_wakes() {
    let mut world = World::up(Rules { request: Duration::from_mins(1), ..workers(3) });
    world.nature = Box::new(|_, _| Nature::booting(20_000));
    world.signal(Sig::Ttin);
    world.run(5_300);
    // The whole group was stopped: nobody has beaten, booted or answered meanwhile.
    for slot in 0..3 {
        world.process(slot).silent = Some(world.now);
        world.process(slot).in_hand = Some(request(world.now));
    }
    world.process(3).pid = 999;
    world.pause(3_600_000);
    world.run(3_000);
    assert!(world.kills.is_empty());
    assert_eq!(world.said("The master did not run for 3599."), 1);
    assert_eq!(world.fleet.counters().pauses, 1);
    // Who is really stuck is noticed from then on.
    world.run(30_000);
    assert_eq!(world.fleet.counters().silence_timeouts, 3);
    assert_eq!(world.fleet.counters().boot_timeouts, 1);
}

#[test]
fn a_stop_is_not_cut_short_by_the_master_being_stopped() {
    let mut world = World::up(workers(1));
    world.process(0).nature.finishes = 3_620_000;
    world.signal(Sig::Term);
    world.run(5_000);
    world.pause(3_600_000);
    world.run(20_000);
    assert!(world.kills.is_empty());
    assert!(world.exit.is_some());
}

#[test]
fn the_master_looks_once_a_second_and_oftener_for_short_clocks() {
    let mut world = World::up(workers(1));
    world.run(10);
    let ahead = |world: &World| world.fleet.next_deadline().unwrap().since(world.now);
    assert!(ahead(&world) <= Duration::from_secs(1));
    let mut world = World::up(Rules { silence: Duration::from_millis(200), ..workers(1) });
    world.run(10);
    assert!(ahead(&world) <= Duration::from_millis(50));
}
