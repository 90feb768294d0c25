//! Stops (checklist 21-30).

use std::time::Duration;

use super::world::{Nature, World, request, workers};
use crate::clock::Millis;
use crate::exit::Exit;
use crate::fleet::{
    Action, Death, Event, Fleet, HookPoint, Listeners, Notice, Order, Rules, Sig, SlotId, Status,
};
use crate::log::level::Level;
use crate::settings::UpgradeMode;

#[test]
fn term_stops_all_and_exits_clean() {
    let mut world = World::up(workers(3));
    world.signal(Sig::Term);
    assert!(world.processes.values().all(|process| process.told == Some(Order::Stop)));
    world.run(100);
    assert_eq!(world.exit, Some(Exit::Clean));
    assert_eq!(world.closed(), [Listeners::All { unlink: true }]);
    assert_eq!(world.notices(), [&Notice::Ready, &Notice::Stopping]);
    assert!(world.actions.contains(&Action::Readiness(false)));
    assert_eq!(world.said("Handling signal: term"), 1);
    assert_eq!(world.said("Shutting down: Master"), 1);
    assert_eq!(world.said("Worker exiting (pid:"), 3);
    assert_eq!(world.hooks.last(), Some(&HookPoint::Exit));
}

#[test]
fn term_waits_for_a_request_until_the_graceful_limit_and_then_says_what_was_running() {
    let mut world = World::up(workers(2));
    world.process(0).nature.finishes = 29_999;
    world.signal(Sig::Term);
    world.run(31_000);
    assert_eq!(world.exit, Some(Exit::Clean));
    assert!(world.kills.is_empty());

    let mut world = World::up(workers(2));
    let began = world.now;
    world.process(0).nature.deaf = true;
    world.process(0).in_hand = Some(request(began));
    world.signal(Sig::Term);
    world.run(29_900);
    assert_eq!(world.exit, None);
    world.run(200);
    assert_eq!(world.exit, Some(Exit::Clean));
    assert_eq!(world.level("Worker (pid:101) has not left in 30 s: killed"), Level::Error);
    assert_eq!(world.said("Worker (pid:101) was answering GET /slow of 10.0.0.9 for"), 1);
    assert_eq!(world.fleet.counters().graceful_timeouts, 1);
}

#[test]
fn int_and_quit_end_within_two_seconds_whoever_is_stuck() {
    for signal in [Sig::Int, Sig::Quit] {
        let mut world = World::up(workers(3));
        world.process(1).nature.deaf = true;
        world.signal(signal);
        assert!(world.processes.values().all(|process| process.told == Some(Order::Quick)));
        world.run(1_990);
        assert_eq!(world.exit, Some(Exit::Clean));
        assert_eq!(world.said("Worker (pid:102) does not end at once: killed"), 1);
    }
}

#[test]
fn term_then_int_becomes_quick_and_never_slow_again() {
    let mut world = World::up(workers(2));
    world.processes.values_mut().for_each(|process| process.nature.deaf = true);
    world.signal(Sig::Term);
    world.run(5_000);
    world.signal(Sig::Int);
    world.signal(Sig::Int);
    world.signal(Sig::Term);
    assert_eq!(world.said("Quick shutdown requested"), 1);
    world.run(1_990);
    assert_eq!(world.exit, Some(Exit::Clean));
}

#[test]
fn term_twice_is_term_once() {
    let mut world = World::up(workers(1));
    world.process(0).nature.finishes = 20_000;
    world.signal(Sig::Term);
    world.run(10_000);
    world.signal(Sig::Term);
    world.run(9_999);
    assert_eq!(world.exit, None);
    world.run(1);
    assert_eq!(world.exit, Some(Exit::Clean));
    assert_eq!(world.said("Shutting down"), 1);
}

#[test]
fn a_drain_delay_says_no_first_and_serves_on() {
    let mut world = World::up(Rules { drain_delay: Duration::from_secs(5), ..workers(2) });
    world.signal(Sig::Term);
    assert_eq!(world.actions.iter().rev().take(2).filter(|a| **a == Action::Readiness(false)).count(), 1);
    world.run(4_999);
    assert_eq!(world.ready(), 2);
    assert!(world.closed().is_empty());
    assert_eq!(world.said("Draining for 5 s before the stop"), 1);
    world.signal(Sig::Term);
    world.run(100);
    assert_eq!(world.exit, Some(Exit::Clean));
    assert_eq!(world.notices(), [&Notice::Ready, &Notice::Stopping]);

    let mut world = World::up(Rules { drain_delay: Duration::from_secs(5), ..workers(2) });
    world.signal(Sig::Term);
    world.signal(Sig::Quit);
    world.run(10);
    assert_eq!(world.exit, Some(Exit::Clean));
}

#[test]
fn a_graceful_limit_of_zero_waits_for_nobody() {
    let mut world = World::up(Rules { graceful: Duration::ZERO, ..workers(2) });
    world.process(0).nature.deaf = true;
    world.signal(Sig::Term);
    world.run(1_990);
    assert_eq!(world.exit, Some(Exit::Clean));
}

#[test]
fn workers_that_boot_do_not_hold_up_a_stop() {
    let mut world = World::new(workers(3));
    world.nature = Box::new(|_, _| Nature::booting(20_000));
    world.tell(Event::Started);
    world.signal(Sig::Term);
    world.run(10);
    assert_eq!(world.exit, Some(Exit::Clean));
}

#[test]
fn workers_that_leave_already_are_told_to_stop_and_get_no_new_time() {
    let mut world = World::up(workers(1));
    world.process(0).nature.deaf = true;
    world.signal(Sig::Hup);
    world.run(20_000);
    world.signal(Sig::Term);
    assert_eq!(world.process(0).told, Some(Order::Stop));
    world.run(10_200);
    assert_eq!(world.exit, Some(Exit::Clean));
}

#[test]
fn one_that_not_even_kill_ends_is_left_behind_and_said() {
    let mut world = World::up(workers(2));
    world.process(0).nature.deaf = true;
    world.process(0).nature.immortal = true;
    world.signal(Sig::Quit);
    world.run(6_400);
    assert_eq!(world.exit, None);
    world.run(200);
    assert_eq!(world.exit, Some(Exit::Clean));
    assert_eq!(world.level("was killed but does not end: left behind"), Level::Critical);
}

#[test]
fn a_stop_starts_nobody() {
    let mut world = World::up(workers(2));
    world.process(0).nature.finishes = 5_000;
    world.signal(Sig::Term);
    let forks = world.forks;
    for signal in [Sig::Ttin, Sig::Ttou, Sig::Hup, Sig::Usr1, Sig::Usr2, Sig::Winch] {
        world.signal(signal);
    }
    world.run(10_000);
    assert_eq!(world.forks, forks);
    assert_eq!(world.exit, Some(Exit::Clean));
    assert_eq!(world.said("Ignoring signal: ttin (the master is stopping)"), 1);
}

#[test]
fn usr1_reopens_the_logs_of_the_master_and_of_every_worker() {
    let mut world = World::up(workers(2));
    world.process(1).nature.finishes = 5_000;
    world.signal(Sig::Ttou);
    world.signal(Sig::Usr1);
    assert!(world.actions.contains(&Action::ReopenLogs));
    assert!(world.processes.values().all(|process| process.reopened));
    assert_eq!(world.ready(), 1);
}

#[test]
fn paths_are_not_unlinked_while_another_master_serves_on_them() {
    let mut world = World::up(Rules { upgrade: UpgradeMode::TwoMasters, ..workers(1) });
    world.signal(Sig::Usr2);
    world.tell(Event::SuccessorStarted { pid: 4711 });
    world.signal(Sig::Term);
    world.run(100);
    assert_eq!(world.closed(), [Listeners::All { unlink: false }]);
}

#[test]
fn the_watchdog_is_fed_while_somebody_serves() {
    let mut world = World::up(Rules { watchdog: Some(Duration::from_secs(5)), ..workers(1) });
    let fed = |world: &World| world.notices().iter().filter(|notice| ***notice == Notice::Watchdog).count();
    let before = fed(&world);
    world.run(20_000);
    assert_eq!(fed(&world) - before, 4);
    world.nature = Box::new(|_, _| Nature::booting(1_000_000));
    world.die(SlotId(0), Status::Signal(9));
    let before = fed(&world);
    world.run(20_000);
    assert_eq!(fed(&world), before);
}

#[test]
fn a_worker_that_served_before_it_heard_that_it_is_to_go_has_time_to_finish() {
    let slot = SlotId(0);
    let mut fleet = Fleet::new(workers(1), 4, 1);
    let mut actions = Vec::new();
    let happened = [Event::Started, Event::Forked { slot, pid: 7 }, Event::Signal(Sig::Term)];
    for event in happened {
        fleet.handle(Millis(1), event, &mut actions);
    }
    fleet.handle(Millis(2), Event::Ready { slot }, &mut actions);
    let kill = Action::Kill { slot, signal: Sig::Kill };
    let mut now = Millis(2);
    while !actions.contains(&kill) {
        now = fleet.next_deadline().unwrap();
        fleet.handle(now, Event::Tick, &mut actions);
    }
    assert_eq!(now, Millis(30_002));
}

#[test]
fn a_worker_whose_fork_is_not_reported_yet_is_told_when_it_is() {
    let slot = SlotId(0);
    let mut fleet = Fleet::new(workers(1), 4, 1);
    let mut actions = Vec::new();
    fleet.handle(Millis(1), Event::Started, &mut actions);
    assert!(matches!(actions.last(), Some(Action::Fork { .. })));
    actions.clear();
    fleet.handle(Millis(1), Event::Signal(Sig::Term), &mut actions);
    assert!(!actions.iter().any(|action| matches!(action, Action::Tell { .. } | Action::Exit(_))));
    fleet.handle(Millis(2), Event::Forked { slot, pid: 7 }, &mut actions);
    assert_eq!(actions.last(), Some(&Action::Tell { slot, order: Order::Stop }));
    let death = Death { status: Status::Code(0), reason: None, in_hand: Vec::new() };
    fleet.handle(Millis(3), Event::Exited { slot, death }, &mut actions);
    assert_eq!(actions.last(), Some(&Action::Exit(Exit::Clean)));
    assert_eq!(fleet.next_deadline(), None);
}
