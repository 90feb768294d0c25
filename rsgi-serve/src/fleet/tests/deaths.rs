//! Workers that die (checklist 34, 35, 37, 38, 50, 51, 71, 72, 75).

use super::world::{KILLED, Nature, World, request, workers};
use crate::clock::Millis;
use crate::fleet::{Event, Generation, HookPoint, Sig, SlotId, Status};
use crate::log::level::Level;

#[test]
fn a_killed_worker_is_replaced_at_once_and_the_log_names_signal_memory_and_request() {
    let mut world = World::up(workers(2));
    world.process(1).in_hand = Some(request(Millis(world.now.0 - 1_300)));
    world.die(SlotId(1), KILLED);
    assert_eq!(world.processes.len(), 2);
    assert_eq!(world.said("Worker (pid:102) was sent SIGKILL! Perhaps out of memory?"), 1);
    assert_eq!(world.level("was sent SIGKILL"), Level::Error);
    assert_eq!(world.said("Worker (pid:102) was answering GET /slow of 10.0.0.9 for 1.3 s (request r1)"), 1);
    world.run(100);
    assert_eq!(world.ready(), 2);
    assert_eq!(world.fleet.counters().signals[&9], 1);
    assert_eq!(world.fleet.counters().respawns, 1);
    let generation = Generation(1);
    let child_exit = HookPoint::ChildExit { slot: SlotId(1), generation, pid: 102 };
    let at = world.hooks.iter().position(|hook| *hook == child_exit).unwrap();
    assert_eq!(world.hooks[at + 1], HookPoint::PreFork { slot: SlotId(1), generation });
}

#[test]
fn all_killed_at_once_come_back_at_once() {
    let mut world = World::up(workers(5));
    (0..5).for_each(|slot| world.die(SlotId(slot), KILLED));
    world.run(50);
    assert_eq!(world.ready(), 5);
    assert_eq!(world.forks, 10);
    assert_eq!(world.fleet.counters().respawns, 5);
}

#[test]
fn signals_and_codes_have_their_words_and_levels() {
    let mut world = World::up(workers(4));
    world.die(SlotId(0), Status::Signal(11));
    world.die(SlotId(1), Status::Signal(15));
    world.die(SlotId(2), Status::Code(0));
    world.die(SlotId(3), Status::Code(101));
    assert_eq!(world.level("Worker (pid:101) was sent SIGSEGV!"), Level::Warning);
    assert_eq!(world.level("Worker (pid:102) was sent SIGTERM!"), Level::Info);
    assert_eq!(world.level("Worker (pid:103) exited with code 0."), Level::Warning);
    assert_eq!(world.level("Worker (pid:104) exited with code 101."), Level::Error);
    assert_eq!(world.said("out of memory"), 0);
    world.run(100);
    assert_eq!(world.ready(), 4);
    assert_eq!(world.fleet.counters().exits[&101], 1);
}

#[test]
fn a_crash_loop_slows_down_by_the_curve_and_healthy_workers_stay() {
    let mut world = World::up(workers(2));
    let healthy = world.process(0).pid;
    world.nature = Box::new(|_, _| Nature::dying(10, Status::Code(1)));
    world.die(SlotId(1), Status::Code(1));
    world.run(9_000);
    // At once, after 1, 2 and 4 seconds.
    assert_eq!(world.forks, 2 + 4);
    assert_eq!(world.said("the next one is started in 8 s"), 1);
    world.run(120_000);
    assert_eq!(world.said("the next one is started in 30 s"), 4);
    assert_eq!(world.process(0).pid, healthy);
    assert!(world.process(0).told.is_none());
    assert!(world.fleet.view().crash_level > 5);
    assert_eq!(world.fleet.counters().boot_failures, u64::from(world.forks) - 2);
}

#[test]
fn a_crash_loop_that_is_cured_recovers() {
    let mut world = World::up(workers(2));
    world.nature = Box::new(|_, count| match count {
        ..6 => Nature::dying(10, Status::Code(1)),
        _ => Nature::default(),
    });
    world.die(SlotId(1), Status::Code(1));
    world.run(60_000);
    assert_eq!(world.ready(), 2);
    assert_eq!(world.fleet.view().crash_level, 0);
    let forks = world.forks;
    world.die(SlotId(1), KILLED);
    assert_eq!(world.forks, forks + 1);
}

#[test]
fn a_crash_soon_after_ready_is_slowed_down_too() {
    let mut world = World::up(workers(1));
    world.nature = Box::new(|_, _| Nature::dying(100, Status::Signal(6)));
    world.die(SlotId(0), Status::Signal(6));
    world.run(20_000);
    assert!(world.forks < 8, "{} forks", world.forks);
    assert_eq!(world.fleet.counters().boot_failures, 0);
}

#[test]
fn a_later_failing_factory_ends_nothing() {
    let mut world = World::up(workers(2));
    world.nature = Box::new(|_, _| Nature::dying(10, Status::Code(4)));
    world.die(SlotId(0), KILLED);
    world.run(60_000);
    assert_eq!(world.exit, None);
    assert_eq!(world.ready(), 1);
}

#[test]
fn a_failing_fork_is_said_and_tried_again_and_the_master_lives() {
    let mut world = World::up(workers(2));
    world.fork_fails = true;
    world.die(SlotId(0), KILLED);
    world.run(10_000);
    assert_eq!(world.said("Can't fork a worker"), 4);
    assert_eq!(world.level("Can't fork"), Level::Error);
    world.fork_fails = false;
    world.run(8_000);
    assert_eq!(world.ready(), 2);
}

#[test]
fn strangers_are_reaped_quietly() {
    let mut world = World::up(workers(1));
    world.tell(Event::Stranger { pid: 4711 });
    assert_eq!(world.level("4711"), Level::Debug);
    assert_eq!(world.fleet.counters().strangers, 1);
    assert_eq!(world.forks, 1);
}

#[test]
fn events_of_a_slot_that_is_empty_change_nothing() {
    let mut world = World::up(workers(1));
    let before = world.actions.len();
    let slot = SlotId(9);
    world.tell(Event::Ready { slot });
    world.tell(Event::Forked { slot, pid: 1 });
    world.tell(Event::ForkFailed { slot, errno: 11 });
    let death = crate::fleet::Death { status: KILLED, reason: None, in_hand: Vec::new() };
    world.tell(Event::Exited { slot, death });
    world.signal(Sig::Abrt);
    assert_eq!(world.actions.len(), before);
    assert_eq!(world.pids(), [101]);
}
