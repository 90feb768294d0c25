//! The number of workers follows the load.

use super::world::{World, workers};
use crate::fleet::{Event, Rules, Sig};

fn adapting(least: usize, most: usize) -> Rules {
    Rules { max_workers: most, ..workers(least) }
}

/// So many wait for so many seconds, as the loop looks once a second.
fn queue(world: &mut World, waiting: u64, seconds: u32) {
    for _ in 0..seconds {
        world.tell(Event::Queued { waiting });
        world.run(1000);
    }
}

#[test]
fn a_queue_that_lasts_brings_one_worker_after_the_other_up_to_the_most() {
    let mut world = World::up(adapting(1, 3));
    queue(&mut world, 5, 2);
    assert_eq!(world.ready(), 1, "it may be a burst");
    queue(&mut world, 5, 1);
    assert_eq!((world.ready(), world.said("5 connections wait for a worker")), (2, 1));
    queue(&mut world, 5, 60);
    assert_eq!(world.ready(), 3);
}

#[test]
fn a_queue_that_comes_and_goes_changes_nothing() {
    let mut world = World::up(adapting(1, 3));
    for _ in 0..50 {
        queue(&mut world, 5, 1);
        queue(&mut world, 0, 1);
    }
    assert_eq!(world.ready(), 1);
}

#[test]
fn after_a_calm_one_goes_and_whoever_goes_too_soon_stays_longer_the_next_time() {
    let mut world = World::up(adapting(1, 2));
    queue(&mut world, 1, 4);
    assert_eq!(world.ready(), 2);
    queue(&mut world, 0, 60);
    assert_eq!(world.ready(), 2);
    queue(&mut world, 0, 1);
    assert_eq!(world.ready(), 1);
    // At once it was missed.
    queue(&mut world, 1, 4);
    assert_eq!(world.ready(), 2);
    queue(&mut world, 0, 119);
    assert_eq!(world.ready(), 2);
    queue(&mut world, 0, 2);
    assert_eq!(world.ready(), 1);
}

#[test]
fn without_a_most_the_number_is_the_settings() {
    let mut world = World::up(workers(2));
    assert!(!world.fleet.adapts());
    queue(&mut world, 9, 20);
    queue(&mut world, 0, 200);
    assert_eq!(world.ready(), 2);
}

#[test]
fn a_number_that_somebody_set_is_left_alone_outside_of_the_limits() {
    let mut world = World::up(adapting(2, 3));
    (0..3).for_each(|_| world.signal(Sig::Ttin));
    world.run(100);
    queue(&mut world, 9, 20);
    assert_eq!(world.ready(), 5);
    (0..4).for_each(|_| world.signal(Sig::Ttou));
    world.run(100);
    queue(&mut world, 0, 200);
    assert_eq!(world.ready(), 1);
}

#[test]
fn a_reload_keeps_what_the_load_asked_for() {
    let mut world = World::up(adapting(1, 3));
    queue(&mut world, 5, 20);
    assert_eq!(world.ready(), 3);
    world.signal(Sig::Hup);
    world.run(10_000);
    assert_eq!((world.ready(), world.said("Reloaded: 3 workers")), (3, 1));
}
