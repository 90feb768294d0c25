//! Commands and their answers.

use super::world::{Nature, World, request, workers};
use crate::clock::Millis;
use crate::exit::Exit;
use crate::fleet::{Action, Command, Event, Rules, Sig, Status};

#[test]
fn scale_answers_when_the_workers_are_ready_and_how_long_it_took() {
    let mut world = World::up(workers(2));
    world.command(Command::Scale(3), 1);
    assert_eq!(world.answer(1), None);
    world.run(100);
    assert_eq!(world.done(1), "2 -> 3 workers, ready in 40 ms");
    world.command(Command::Scale(1), 2);
    world.run(100);
    assert_eq!(world.done(2), "3 -> 1 worker, the others gone in 10 ms");
    world.command(Command::Scale(1), 3);
    assert_eq!(world.done(3), "1 worker already");
}

#[test]
fn scale_refuses_what_cannot_be_and_says_what_can() {
    let mut world = World::up(workers(2));
    world.command(Command::Scale(0), 1);
    assert!(world.refused(1).starts_with("at least 1 worker serves"));
    world.command(Command::Scale(99), 2);
    assert_eq!(world.refused(2), "there is room for 31 workers");
    assert_eq!(world.forks, 2);
}

#[test]
fn scale_answers_when_another_number_is_asked_for_or_workers_do_not_get_ready() {
    let mut world = World::up(workers(2));
    world.command(Command::Scale(5), 1);
    world.command(Command::Scale(4), 2);
    assert_eq!(world.refused(1), "2 -> 5 workers asked, but then 4 were");
    world.run(100);
    assert_eq!(world.done(2), "5 -> 4 workers, the others gone in 40 ms");
    world.nature = Box::new(|_, _| Nature::dying(10, Status::Code(1)));
    world.command(Command::Scale(5), 3);
    world.run(40_000);
    assert_eq!(world.refused(3), "4 -> 5 workers asked, 4 ready after 30 s");
}

#[test]
fn reload_answers_when_it_is_done_refused_or_undone() {
    let mut world = World::up(workers(2));
    world.command(Command::Reload, 1);
    world.command(Command::Reload, 2);
    world.run(1000);
    assert_eq!(world.done(1), "reloaded: 2 workers of generation 2 ready in 80 ms");
    assert_eq!(world.done(2), "reloaded: 2 workers of generation 3 ready in 80 ms");
    world.nature = Box::new(|_, _| Nature::dying(10, Status::Code(4)));
    world.command(Command::Reload, 3);
    world.run(1000);
    assert!(
        world.refused(3).starts_with("undone: a new worker (pid:107) exited with code 4 before it was ready")
    );
    world.settings = Err("bad".to_owned());
    world.command(Command::Reload, 4);
    assert_eq!(world.refused(4), "bad");
}

#[test]
fn a_reload_asked_for_before_the_start_is_answered_after_it() {
    let mut world = World::new(workers(1));
    world.tell(Event::Started);
    world.command(Command::Reload, 1);
    world.run(1000);
    assert!(world.done(1).starts_with("reloaded: 1 worker of generation 2"));
}

#[test]
fn drain_says_no_serves_on_sends_all_away_and_answers_then() {
    let rules = Rules { drain_delay: std::time::Duration::from_secs(2), ..workers(2) };
    let mut world = World::up(rules);
    world.command(Command::Drain, 1);
    assert_eq!(world.actions.last(), Some(&Action::Readiness(false)));
    world.run(1_900);
    assert_eq!(world.ready(), 2);
    world.run(200);
    assert_eq!(world.done(1), "drained: 2 workers gone in 2 s; `reload` or `scale` brings them back");
    assert_eq!(world.exit, None);
    world.command(Command::Scale(1), 2);
    world.run(100);
    assert_eq!(world.done(2), "0 -> 1 worker, ready in 40 ms");
}

#[test]
fn a_drain_that_is_called_back_says_so() {
    let rules = Rules { drain_delay: std::time::Duration::from_secs(2), ..workers(2) };
    let mut world = World::up(rules);
    world.command(Command::Drain, 1);
    world.command(Command::Scale(2), 2);
    assert_eq!(world.refused(1), "workers were called back meanwhile");
    assert_eq!(world.done(2), "2 workers already");
    world.command(Command::Drain, 3);
    world.command(Command::Reload, 4);
    assert_eq!(world.refused(3), "a reload brings the workers back");
    world.run(5_000);
    assert_eq!(world.ready(), 2);
}

#[test]
fn upgrade_answers_when_the_new_binary_takes_over_or_does_not() {
    let mut world = World::up(workers(1));
    world.command(Command::Upgrade, 1);
    world.command(Command::Upgrade, 2);
    assert_eq!(world.refused(2), "one is in progress");
    world.run(1_200);
    world.tell(Event::BinaryFailed { reason: "no such file".to_owned() });
    assert_eq!(world.refused(1), "no such file");
    world.command(Command::Upgrade, 3);
    world.run(1_200);
    world.tell(Event::BinaryReady);
    assert_eq!(world.done(3), "the new binary is ready after 1.2 s and takes over");
}

#[test]
fn stop_answers_when_all_are_gone_and_before_the_exit() {
    let mut world = World::up(workers(3));
    world.process(0).nature.deaf = true;
    world.command(Command::Reload, 1);
    world.command(Command::Stop, 2);
    assert_eq!(world.refused(1), "the master is stopping");
    world.command(Command::Scale(9), 3);
    assert_eq!(world.refused(3), "the master is stopping");
    world.run(31_000);
    assert_eq!(world.exit, Some(Exit::Clean));
    assert!(world.done(2).starts_with("stopped: 4 workers gone in 30"), "{}", world.done(2));
    assert!(world.done(2).ends_with(", 1 of them killed at the limit"));
}

#[test]
fn show_has_a_line_on_the_fleet_and_one_a_worker() {
    let mut world = World::up(workers(2));
    world.process(1).in_hand = Some(request(Millis(world.now.0 - 2_500)));
    world.process(1).requests = 12;
    world.process(1).rss = 5 << 20;
    world.run(1000);
    world.command(Command::Show, 1);
    let text = world.done(1);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "running, generation 1: 2 workers wanted, 2 ready");
    assert_eq!(
        lines[2],
        "slot 1 pid 102 generation 1 ready age 2 s requests 12 busy 1 memory 5 MiB answering GET /slow for 3.5 s"
    );
    assert_eq!(lines.len(), 3);
}

#[test]
fn reopen_is_usr1_with_an_answer() {
    let mut world = World::up(workers(1));
    world.command(Command::Reopen, 1);
    assert_eq!(world.done(1), "log files reopened");
    assert!(world.process(0).reopened);
    world.signal(Sig::Term);
}
