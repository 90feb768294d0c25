//! Upgrades (checklist 54-58).

use super::world::{Nature, World, workers};
use crate::exit::Exit;
use crate::fleet::{Action, Event, Generation, HookPoint, Notice, Order, Rules, Sig, SlotId, Status};
use crate::log::level::Level;
use crate::settings::UpgradeMode;

/// A master whose new binary is ready and takes over.
fn taken_over(rules: &Rules) -> World {
    let mut world = World::up(rules.clone());
    world.signal(Sig::Usr2);
    world.run(300);
    world.tell(Event::BinaryReady);
    world
}

fn watched(world: &mut World, least: usize) {
    world.watch = Box::new(move |_, processes| {
        assert!(processes.values().filter(|process| process.serves()).count() >= least);
    });
}

#[test]
fn the_new_binary_proves_itself_first_then_the_master_becomes_it_and_replaces_the_workers() {
    let mut world = World::up(workers(3));
    watched(&mut world, 3);
    world.signal(Sig::Usr2);
    assert_eq!(world.actions.last(), Some(&Action::StartUpgradeProbe));
    assert_eq!(world.hooks.last(), Some(&HookPoint::PreExec));
    world.run(300);
    assert_eq!(world.ready(), 3);
    world.tell(Event::BinaryReady);
    assert_eq!(world.said("The new binary is ready after 300 ms: it takes over"), 1);
    world.exec(workers(4));
    assert_eq!(world.said("Took over 3 workers"), 1);
    world.run(1000);
    assert_eq!(world.generations(), [2; 4]);
    assert_eq!(world.said("Upgraded: 4 workers ready in"), 1);
    assert!(world.actions.contains(&Action::ForgetOldImage));
    assert_eq!(world.notices(), [&Notice::Ready]);
    assert_eq!(world.fleet.counters().upgrades, 1);
    assert_eq!(world.fleet.counters().forks, 7, "what was counted before still counts");
}

#[test]
fn a_new_binary_that_fails_changes_nothing_and_a_later_good_one_works() {
    let mut world = World::up(workers(2));
    let old = world.pids();
    world.signal(Sig::Usr2);
    world.tell(Event::BinaryFailed { reason: "no such file".to_owned() });
    world.run(1000);
    assert_eq!(world.pids(), old);
    assert_eq!(world.said("Upgrade failed: no such file. The old binary goes on."), 1);
    assert_eq!(world.level("Upgrade failed"), Level::Error);
    world.signal(Sig::Usr2);
    world.tell(Event::BinaryReady);
    world.exec(workers(2));
    world.run(1000);
    assert_eq!(world.generations(), [2, 2]);
    assert_eq!(world.fleet.counters().upgrades_failed, 1);
}

#[test]
fn a_new_binary_that_takes_longer_than_the_boot_limit_is_given_up() {
    let mut world = World::up(workers(1));
    world.signal(Sig::Usr2);
    world.run(30_100);
    assert!(world.actions.contains(&Action::StopUpgradeProbe));
    assert_eq!(world.said("Upgrade failed: the new binary was not ready within 30 s"), 1);
    world.tell(Event::BinaryReady);
    assert!(!world.actions.iter().any(|action| matches!(action, Action::Exec(_))));
}

#[test]
fn a_second_upgrade_meanwhile_is_refused_with_a_warning() {
    let mut world = World::up(workers(1));
    world.signal(Sig::Usr2);
    world.signal(Sig::Usr2);
    assert_eq!(world.level("Upgrade refused: one is in progress"), Level::Warning);
    assert_eq!(world.actions.iter().filter(|action| **action == Action::StartUpgradeProbe).count(), 1);

    let mut world = taken_over(&workers(2));
    world.exec(workers(2));
    world.signal(Sig::Usr2);
    assert_eq!(world.said("Upgrade refused: workers are being replaced"), 1);
    world.run(1000);
    assert_eq!(world.generations(), [2, 2]);
}

#[test]
fn a_takeover_that_fails_goes_back_to_the_old_image_without_a_gap() {
    for failing in [3, 4, 5] {
        let mut world = taken_over(&workers(3));
        watched(&mut world, 3);
        world.nature = Box::new(move |_, count| match count {
            count if count == failing => Nature::dying(20, Status::Code(4)),
            _ => Nature::default(),
        });
        world.exec(workers(3));
        world.run(1000);
        assert_eq!(world.said("Takeover failed: a new worker"), 1);
        assert!(matches!(world.actions.last(), Some(Action::ExecBack(_))));
        world.exec(workers(3));
        assert_eq!(world.level("Upgrade undone: a new worker"), Level::Error);
        world.run(1000);
        assert_eq!(world.generations(), [1; 3]);
        assert_eq!(world.notices(), [&Notice::Ready]);
        assert_eq!(world.fleet.counters().upgrades_failed, 1);
        // The next number is a new one.
        world.signal(Sig::Hup);
        world.run(1000);
        assert_eq!(world.generations(), [3; 3]);
    }
}

#[test]
fn where_the_old_image_cannot_be_run_either_the_old_workers_serve_on() {
    let mut world = taken_over(&workers(2));
    watched(&mut world, 2);
    world.nature = Box::new(|_, count| match count {
        ..5 => Nature::dying(20, Status::Code(1)),
        _ => Nature::default(),
    });
    world.exec(workers(2));
    world.run(1000);
    assert!(matches!(world.actions.last(), Some(Action::ExecBack(_))));
    world.tell(Event::ExecFailed { reason: "gone".to_owned() });
    assert_eq!(world.level("The old binary can't be run: gone"), Level::Critical);
    world.run(60_000);
    assert_eq!(world.generations(), [2, 2]);
}

#[test]
fn an_exec_that_fails_leaves_all_as_it_was() {
    let mut world = taken_over(&workers(2));
    assert!(matches!(world.actions.last(), Some(Action::Exec(_))));
    world.die(SlotId(0), Status::Signal(9));
    assert_eq!(world.ready(), 1, "nobody is forked while the image changes");
    world.tell(Event::ExecFailed { reason: "text file busy".to_owned() });
    world.run(100);
    assert_eq!(world.generations(), [1, 1]);
    assert_eq!(world.said("Upgrade failed: text file busy"), 1);
}

#[test]
fn workers_that_are_leaving_at_the_takeover_keep_their_limit() {
    let mut world = World::up(workers(2));
    world.process(1).nature.deaf = true;
    world.signal(Sig::Ttou);
    world.run(10_000);
    world.signal(Sig::Usr2);
    world.tell(Event::BinaryReady);
    world.exec(workers(1));
    world.run(20_100);
    assert_eq!(world.generations(), [2]);
    assert_eq!(world.kills.len(), 1);
}

#[test]
fn hup_and_ttin_while_the_new_binary_is_tried() {
    let mut world = World::up(workers(1));
    world.signal(Sig::Usr2);
    world.signal(Sig::Hup);
    world.signal(Sig::Ttin);
    world.run(500);
    assert_eq!(world.generations(), [1, 1]);
    world.tell(Event::BinaryFailed { reason: "no".to_owned() });
    world.run(1000);
    assert_eq!(world.generations(), [2], "the remembered reload was done, and forgot TTIN");
}

#[test]
fn term_while_the_new_binary_is_tried_ends_both() {
    let mut world = World::up(workers(1));
    world.signal(Sig::Usr2);
    world.signal(Sig::Term);
    assert!(world.actions.contains(&Action::StopUpgradeProbe));
    world.run(100);
    assert_eq!(world.exit, Some(Exit::Clean));
}

#[test]
fn the_dance_of_two_masters_old_told_winch_and_term() {
    let rules = Rules { upgrade: UpgradeMode::TwoMasters, daemon: true, ..workers(2) };
    let mut old = World::up(rules.clone());
    old.signal(Sig::Usr2);
    assert_eq!(old.actions.last(), Some(&Action::StartSuccessor));
    old.tell(Event::SuccessorStarted { pid: 900 });
    assert_eq!(old.said("Started a second master (pid: 900)"), 1);
    old.signal(Sig::Usr2);
    assert_eq!(old.said("Upgrade refused: a second master runs already"), 1);
    old.signal(Sig::Winch);
    old.run(1000);
    assert!(old.processes.is_empty());
    old.signal(Sig::Term);
    assert_eq!(old.exit, Some(Exit::Clean));

    let mut new = World::new(rules);
    new.fleet.follow_predecessor();
    new.tell(Event::Started);
    new.run(1000);
    new.signal(Sig::Usr2);
    assert_eq!(new.said("Upgrade refused: the master that started this one still runs"), 1);
    new.tell(Event::PredecessorGone);
    assert_eq!(new.said("Master has been promoted."), 1);
    assert_eq!(new.actions.last(), Some(&Action::Promote));
}

#[test]
fn the_dance_of_two_masters_new_told_term_and_old_comes_back() {
    let mut world = World::up(Rules { upgrade: UpgradeMode::TwoMasters, daemon: true, ..workers(2) });
    world.signal(Sig::Usr2);
    world.tell(Event::SuccessorStarted { pid: 900 });
    world.signal(Sig::Winch);
    world.run(1000);
    world.tell(Event::SuccessorGone { reason: "exited with code 0".to_owned() });
    world.signal(Sig::Hup);
    world.run(1000);
    assert_eq!(world.generations(), [2, 2]);
    world.signal(Sig::Usr2);
    assert_eq!(world.actions.last(), Some(&Action::StartSuccessor));
    assert!(world.processes.values().all(|process| process.told != Some(Order::Leave)));
    assert!(world.actions.contains(&Action::Settle { generation: Generation(2) }));
}

#[test]
fn adopted_workers_are_recycled_as_their_own() {
    let rules = Rules { max_requests: 100, ..workers(2) };
    let mut world = taken_over(&rules);
    world.nature = Box::new(|_, count| match count {
        2 => Nature::dying(20, Status::Code(1)),
        _ => Nature::default(),
    });
    world.exec(rules.clone());
    world.run(1000);
    world.exec(rules);
    world.process(0).requests = 100;
    world.run(2000);
    assert_eq!(world.fleet.counters().recycled_requests, 1);
}

#[test]
fn a_worker_that_was_condemned_before_the_takeover_is_killed_after_it() {
    let mut world = World::up(workers(2));
    world.process(0).silent = Some(world.now);
    world.process(0).nature.deaf = true;
    world.run(30_500);
    assert_eq!(world.kills.len(), 1);
    world.signal(Sig::Usr2);
    world.tell(Event::BinaryReady);
    world.exec(workers(2));
    assert_eq!(world.fleet.view().ready, 1);
    world.run(2_000);
    assert_eq!(world.kills.last().map(|(_, _, signal)| *signal), Some(Sig::Kill));
    assert_eq!(world.generations(), [2, 2]);
}
