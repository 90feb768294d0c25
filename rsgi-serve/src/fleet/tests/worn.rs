//! Recycling (checklist 69, 70).

use std::time::Duration;

use super::world::{Nature, World, workers};
use crate::fleet::{Order, Rules, Sig, Status};

#[test]
fn after_its_requests_a_worker_is_replaced_when_the_new_one_is_ready() {
    let mut world = World::up(Rules { max_requests: 1000, ..workers(3) });
    world.watch =
        Box::new(|_, processes| assert!(processes.values().filter(|process| process.serves()).count() >= 3));
    world.process(1).requests = 999;
    world.run(5_000);
    assert_eq!(world.forks, 3);
    world.process(1).requests = 1000;
    world.run(5_000);
    assert_eq!(world.forks, 4);
    assert_eq!(world.ready(), 3);
    assert_eq!(world.processes.len(), 3);
    assert_eq!(world.said("Autorestarting worker after current request. (pid:102, 1000 requests)"), 1);
    assert_eq!(world.fleet.counters().recycled_requests, 1);
}

#[test]
fn jitter_spreads_the_limit_within_its_bound() {
    let mut world = World::up(Rules { max_requests: 100, max_requests_jitter: 50, ..workers(16) });
    let mut ends = Vec::new();
    for requests in 95..=150 {
        let here: Vec<u32> = world.pids();
        for process in world.processes.values_mut().filter(|process| process.pid <= 116) {
            process.requests = requests;
        }
        world.run(60_000);
        ends.extend(here.iter().filter(|pid| **pid <= 116 && !world.pids().contains(pid)).map(|_| requests));
    }
    assert_eq!(ends.len(), 16);
    assert!(ends.iter().all(|requests| (100..=150).contains(requests)));
    ends.dedup();
    assert!(ends.len() > 4, "{ends:?}");
}

#[test]
fn a_worker_over_its_memory_or_age_is_replaced() {
    let mut world = World::up(Rules { max_memory: Some(100 << 20), ..workers(2) });
    world.process(0).rss = (100 << 20) + 1;
    world.run(5_000);
    assert_eq!(world.said("(pid:101, 100 MiB)"), 1);
    assert_eq!(world.fleet.counters().recycled_memory, 1);

    let mut world = World::up(Rules { max_age: Some(Duration::from_mins(1)), ..workers(2) });
    world.run(50_000);
    assert_eq!(world.forks, 2);
    world.run(20_000);
    assert_eq!(world.fleet.counters().recycled_age, 2);
    assert_eq!(world.ready(), 2);
}

#[test]
fn never_more_than_a_batch_is_replaced_at_once() {
    let mut world = World::up(Rules { max_requests: 10, reload_batch: Some(2), ..workers(6) });
    world.watch = Box::new(|_, processes| {
        let standing = processes.values().filter(|process| process.stands()).count();
        assert!(standing <= 8, "{standing}");
        assert!(processes.values().filter(|process| process.serves()).count() >= 6);
    });
    world.processes.values_mut().for_each(|process| process.requests = 10);
    world.run(10_000);
    assert_eq!(world.fleet.counters().recycled_requests, 6);
    assert_eq!(world.ready(), 6);
}

#[test]
fn a_worn_worker_serves_on_when_its_replacement_fails() {
    let mut world = World::up(Rules { max_requests: 10, ..workers(2) });
    world.nature = Box::new(|_, _| Nature::dying(20, Status::Code(4)));
    world.process(0).requests = 10;
    world.run(60_000);
    assert_eq!(world.ready(), 2);
    assert!(world.forks < 10);
    world.nature = Box::new(|_, _| Nature::default());
    world.run(31_000);
    assert_eq!(world.fleet.counters().recycled_requests, 1);
}

#[test]
fn deaths_are_made_up_for_at_once_while_workers_are_replaced() {
    let mut world = World::up(Rules { max_requests: 10, ..workers(5) });
    world.nature = Box::new(|_, _| Nature::booting(10_000));
    world.process(0).requests = 10;
    world.run(2_000);
    for slot in 1..4 {
        world.die(crate::fleet::SlotId(slot), Status::Signal(9));
    }
    assert_eq!(world.processes.len(), 6);
    world.run(30_000);
    assert_eq!(world.ready(), 5);
}

#[test]
fn a_leaving_worker_is_told_to_leave_and_not_to_stop() {
    let mut world = World::up(Rules { max_requests: 10, ..workers(1) });
    world.process(0).nature.finishes = 5_000;
    world.process(0).requests = 10;
    world.run(3_000);
    assert_eq!(world.process(0).told, Some(Order::Leave));
    world.signal(Sig::Term);
    assert_eq!(world.process(0).told, Some(Order::Stop));
}

#[test]
fn replacements_that_boot_are_given_up_where_fewer_are_wanted_meanwhile() {
    let mut world = World::up(Rules { max_requests: 10, ..workers(8) });
    world.nature = Box::new(|_, _| Nature::booting(20_000));
    world.processes.values_mut().for_each(|process| process.requests = 10);
    world.run(2_000);
    let booting =
        |world: &World| world.processes.values().filter(|process| process.stands()).count() - world.ready();
    assert_eq!((world.ready(), booting(&world)), (8, 2));
    // A quarter of seven is one.
    world.signal(Sig::Ttou);
    assert_eq!((world.ready(), booting(&world)), (7, 1));
}
