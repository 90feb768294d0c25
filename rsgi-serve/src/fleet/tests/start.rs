//! The first start, and readiness (checklist 1-3, 9, 10, 52, 65, 66, 72, 83, 87).

use std::time::Duration;

use super::world::{Nature, World, workers};
use crate::exit::Exit;
use crate::fleet::{Action, Event, Generation, HookPoint, Notice, Rules, Sig, SlotId, Status};

#[test]
fn nobody_is_forked_before_the_listeners_are_open() {
    let mut world = World::new(workers(3));
    world.tell(Event::Tick);
    assert_eq!(world.forks, 0);
    assert_eq!(world.fleet.next_deadline(), None);
    world.tell(Event::Started);
    assert_eq!(world.forks, 3);
}

#[test]
fn ready_is_said_once_when_all_accept_and_the_first_is_a_status() {
    let mut world = World::new(workers(3));
    world.nature = Box::new(|_, count| Nature::booting(u64::from(count + 1) * 20));
    world.tell(Event::Started);
    world.run(20);
    assert_eq!(world.ready(), 1);
    assert!(world.actions.contains(&Action::Notify(Notice::Status("1 of 3 workers ready".to_owned()))));
    world.run(39);
    assert!(world.notices().is_empty());
    assert!(!world.actions.contains(&Action::Readiness(true)));
    world.run(1);
    assert_eq!(world.notices(), [&Notice::Ready]);
    assert!(world.actions.contains(&Action::Readiness(true)));
    assert_eq!(world.said("3 workers ready in 60 ms"), 1);
    world.run(10_000);
    assert_eq!(world.notices(), [&Notice::Ready]);
}

#[test]
fn every_worker_is_named_when_it_boots_and_hooks_are_called_in_their_order() {
    let world = World::up(workers(2));
    assert_eq!(world.said("Booting worker with pid: 101"), 1);
    assert_eq!(world.said("Booting worker with pid: 102"), 1);
    let pre = |slot| HookPoint::PreFork { slot: SlotId(slot), generation: Generation(1) };
    assert_eq!(world.hooks, [HookPoint::Starting, pre(0), pre(1), HookPoint::WhenReady]);
}

#[test]
fn a_worker_that_dies_before_ready_at_the_first_start_ends_all_with_3() {
    let mut world = World::new(workers(3));
    world.nature = Box::new(|_, count| match count {
        1 => Nature::dying(30, Status::Signal(11)),
        _ => Nature::default(),
    });
    world.tell(Event::Started);
    world.run(100);
    assert_eq!(world.exit, Some(Exit::WorkerFailed));
    assert!(world.processes.is_empty());
    assert_eq!(world.said("was sent SIGSEGV!"), 1);
    assert_eq!(world.said("Shutting down: Master"), 1);
    assert_eq!(world.said("Reason: Worker failed to boot."), 1);
    assert_eq!(world.forks, 3);
}

#[test]
fn a_factory_that_fails_at_the_first_start_ends_all_with_4_and_its_words() {
    let mut world = World::new(workers(2));
    world.nature = Box::new(|_, _| Nature::dying(30, Status::Code(4)));
    world.tell(Event::Started);
    world.run(100);
    assert_eq!(world.exit, Some(Exit::AppFailed));
    assert_eq!(world.said("said: no database"), 2);
    assert_eq!(world.said("its traceback"), 1);
    assert_eq!(world.said("Reason: App failed to load."), 1);
}

#[test]
fn one_that_is_ready_already_is_ended_too_when_another_fails() {
    let mut world = World::new(workers(2));
    world.nature = Box::new(|_, count| match count {
        0 => Nature::booting(5),
        _ => Nature::dying(30, Status::Code(1)),
    });
    world.tell(Event::Started);
    world.run(100);
    assert_eq!(world.exit, Some(Exit::WorkerFailed));
    assert!(world.processes.is_empty());
}

#[test]
fn a_boot_beyond_its_limit_at_the_first_start_ends_all_with_3() {
    let mut world = World::new(Rules { boot: Duration::from_secs(5), ..workers(1) });
    world.nature = Box::new(|_, _| Nature::booting(60_000));
    world.tell(Event::Started);
    world.run(4_999);
    assert!(world.kills.is_empty());
    world.run(200);
    assert_eq!(world.exit, Some(Exit::WorkerFailed));
    assert_eq!(world.said("is not ready after 5 s: killed"), 1);
    assert!(matches!(world.kills[..], [(_, _, Sig::Abrt)]), "{:?}", world.kills);
    assert_eq!(world.said("out of memory"), 0);
    assert_eq!(world.fleet.counters().boot_timeouts, 1);
}

#[test]
fn a_boot_slower_than_the_silence_limit_but_within_its_own_is_not_killed() {
    let mut world = World::new(Rules { silence: Duration::from_secs(1), ..workers(1) });
    world.nature = Box::new(|_, _| Nature::booting(20_000));
    world.tell(Event::Started);
    world.run(20_000);
    assert_eq!(world.ready(), 1);
    assert!(world.kills.is_empty());
}

#[test]
fn a_fork_that_fails_at_the_first_start_is_tried_again_by_the_backoff() {
    let mut world = World::new(workers(2));
    world.fork_fails = true;
    world.tell(Event::Started);
    world.run(3_500);
    assert_eq!(world.exit, None);
    assert_eq!(world.said("Can't fork a worker"), 6);
    assert_eq!(world.said("Retrying in 1 s."), 1);
    assert_eq!(world.said("Retrying in 4 s."), 1);
    world.fork_fails = false;
    world.run(4_000);
    assert_eq!(world.ready(), 2);
    assert_eq!(world.notices(), [&Notice::Ready]);
    assert_eq!(world.fleet.counters().fork_failures, 6);
}

#[test]
fn one_that_dies_after_ready_is_replaced_while_others_still_boot() {
    let mut world = World::new(workers(2));
    world.nature = Box::new(|_, count| match count {
        0 => Nature { boots: 10, ..Nature::dying(20, Status::Signal(9)) },
        1 => Nature::booting(200),
        _ => Nature::booting(10),
    });
    world.tell(Event::Started);
    world.run(250);
    assert_eq!(world.exit, None);
    assert_eq!(world.ready(), 2);
    assert_eq!(world.notices(), [&Notice::Ready]);
}

#[test]
fn ttin_during_the_boot_makes_one_more_that_must_be_ready() {
    let mut world = World::new(workers(2));
    world.tell(Event::Started);
    world.run(20);
    world.signal(Sig::Ttin);
    world.run(25);
    assert!(world.notices().is_empty());
    world.run(100);
    assert_eq!(world.ready(), 3);
    assert_eq!(world.notices(), [&Notice::Ready]);
}

#[test]
fn hup_before_ready_is_remembered_and_done_afterwards() {
    let mut world = World::new(workers(2));
    world.tell(Event::Started);
    world.signal(Sig::Hup);
    world.signal(Sig::Hup);
    assert_eq!(world.said("A reload is remembered"), 1);
    world.run(1000);
    assert_eq!(world.generations(), [2, 2]);
    assert_eq!(world.fleet.counters().reloads, 1);
}

#[test]
fn a_signal_before_the_start_is_not_lost() {
    let mut world = World::new(workers(2));
    world.signal(Sig::Term);
    assert_eq!(world.exit, Some(Exit::Clean));

    let mut world = World::new(workers(2));
    world.signal(Sig::Ttin);
    world.signal(Sig::Usr2);
    world.signal(Sig::Winch);
    world.signal(Sig::Usr1);
    world.tell(Event::Started);
    world.run(100);
    assert_eq!(world.ready(), 3);
}

#[test]
fn a_hook_that_panics_ends_the_first_start_and_is_only_said_later() {
    let mut world = World::new(workers(1));
    world.tell(Event::Started);
    world.tell(Event::HookPanicked { point: HookPoint::Starting, message: "no".to_owned() });
    world.run(100);
    assert_eq!(world.exit, Some(Exit::AppFailed));

    let mut world = World::up(workers(1));
    world.tell(Event::HookPanicked { point: HookPoint::WhenReady, message: "no".to_owned() });
    world.run(100);
    assert_eq!(world.exit, None);
    assert_eq!(world.said("The hook when_ready panicked: no"), 1);
}

#[test]
fn a_boot_that_not_even_the_soft_signal_ends_is_killed_a_look_later() {
    let mut world = World::new(Rules { boot: Duration::from_secs(5), ..workers(1) });
    world.nature = Box::new(|_, _| Nature { deaf: true, ..Nature::booting(60_000) });
    world.tell(Event::Started);
    world.run(8_000);
    assert_eq!(world.exit, Some(Exit::WorkerFailed));
    let [(soft, _, Sig::Abrt), (hard, _, Sig::Kill)] = world.kills[..] else { panic!("{:?}", world.kills) };
    let between = hard.since(soft);
    assert!(between >= Duration::from_millis(500) && between <= Duration::from_secs(2), "{between:?}");
}
