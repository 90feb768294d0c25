//! How many workers there are (checklist 31-33, 39, 49).

use std::time::Duration;

use super::world::{Nature, World, workers};
use crate::fleet::{Action, HookPoint, Order, Rules, Sig};
use crate::log::level::Level;

#[test]
fn ttin_three_times_and_ttou_three_times_come_back_to_the_same_number() {
    let mut world = World::up(workers(2));
    (0..3).for_each(|_| world.signal(Sig::Ttin));
    world.run(100);
    assert_eq!(world.ready(), 5);
    assert_eq!(world.said("4 -> 5 workers"), 1);
    assert!(world.hooks.contains(&HookPoint::WorkersChanged { from: 4, to: 5 }));
    (0..3).for_each(|_| world.signal(Sig::Ttou));
    world.run(100);
    assert_eq!(world.ready(), 2);
    assert_eq!(world.processes.len(), 2);
}

#[test]
fn ttou_at_one_keeps_the_one() {
    let mut world = World::up(workers(1));
    world.signal(Sig::Ttou);
    world.run(100);
    assert_eq!(world.ready(), 1);
    assert_eq!(world.said("There is one worker, and it stays"), 1);
}

#[test]
fn ttou_takes_the_youngest_and_lets_it_finish_its_request() {
    let mut world = World::up(workers(2));
    world.nature = Box::new(|_, _| Nature::finishing(5_000));
    world.signal(Sig::Ttin);
    world.run(100);
    world.signal(Sig::Ttou);
    assert_eq!(world.process(2).told, Some(Order::Leave));
    world.run(4_999);
    assert_eq!(world.processes.len(), 3);
    world.run(1);
    assert_eq!(world.pids(), [101, 102]);
    assert!(world.kills.is_empty());
    assert_eq!(world.said("Worker exiting (pid: 103)"), 1);
}

#[test]
fn ttou_takes_one_that_boots_before_one_that_serves() {
    let mut world = World::up(workers(2));
    world.signal(Sig::Ttin);
    world.signal(Sig::Ttou);
    assert_eq!(world.ready(), 2);
    assert_eq!(world.process(2).told, Some(Order::Leave));
    world.run(1000);
    assert_eq!(world.pids(), [101, 102]);
}

#[test]
fn ten_ttin_at_once_are_as_many_as_the_master_sees_and_leave_nobody_behind() {
    let mut world = World::up(workers(1));
    (0..10).for_each(|_| world.signal(Sig::Ttin));
    world.run(1000);
    assert_eq!(world.ready(), 11);
    assert_eq!(world.forks, 11);
}

#[test]
fn there_is_never_more_than_there_is_room_for() {
    let mut world = World::up(workers(1));
    (0..40).for_each(|_| world.signal(Sig::Ttin));
    world.run(1000);
    assert_eq!(world.ready(), 31);
    assert_eq!(world.said("There are 31 workers already, and no room for more"), 10);
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.ready(), 1);
}

#[test]
fn slots_that_leaving_workers_still_hold_are_waited_for() {
    let mut world = World::new(workers(20));
    world.nature = Box::new(|_, _| Nature::finishing(3_000));
    world.tell(crate::fleet::Event::Started);
    world.run(100);
    world.signal(Sig::Hup);
    world.run(1_000);
    assert_eq!(world.processes.len(), 32);
    assert_eq!(world.said("Every slot is taken"), 1);
    assert_eq!(world.level("Every slot is taken"), Level::Warning);
    world.run(20_000);
    assert_eq!(world.generations(), [2; 20]);
}

#[test]
fn a_reload_forgets_ttin_and_says_so() {
    let mut world = World::up(workers(2));
    world.signal(Sig::Ttin);
    world.run(100);
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.ready(), 2);
    assert_eq!(world.said("2 workers again, not 3: a reload forgets TTIN and TTOU"), 1);
}

#[test]
fn winch_in_the_foreground_is_only_the_terminal() {
    let mut world = World::up(workers(2));
    world.signal(Sig::Winch);
    world.run(1000);
    assert_eq!(world.ready(), 2);
    assert_eq!(world.said("Ignoring signal: winch"), 1);
}

#[test]
fn winch_to_a_daemon_sends_the_workers_away_and_hup_brings_them_back() {
    let mut world = World::up(Rules { daemon: true, ..workers(3) });
    world.signal(Sig::Winch);
    world.run(5_000);
    assert!(world.processes.is_empty());
    assert_eq!(world.exit, None);
    assert_eq!(world.actions.last(), Some(&Action::Readiness(false)));
    world.run(Duration::from_hours(1).as_secs() * 1000);
    assert!(world.processes.is_empty());
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.ready(), 3);
    assert!(world.actions.contains(&Action::Readiness(true)));
    assert_eq!(world.fleet.counters().pauses, 0);
}

#[test]
fn ttin_after_winch_brings_one_back() {
    let mut world = World::up(Rules { daemon: true, ..workers(3) });
    world.signal(Sig::Winch);
    world.run(100);
    world.signal(Sig::Ttou);
    assert_eq!(world.said("Ignoring signal: ttou (no worker is wanted)"), 1);
    world.signal(Sig::Ttin);
    world.run(100);
    assert_eq!(world.ready(), 1);
}
