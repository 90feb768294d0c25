//! The shared page between processes, one of which dies in the middle of writing.

use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Millis;
use crate::fleet::{Generation, SlotId};
use crate::harness::{Named, child, tell, told};
use crate::page::{Note, Page, Reading, Slot, State, Wanted};
use crate::process::Forking;
use crate::process::reap::{self, Ending};

pub(crate) const TESTS: &[Named] = &[
    ("what_a_worker_says_is_read_by_the_master_even_after_its_death", after_death),
    ("an_order_reaches_the_worker", order),
    ("a_worker_killed_while_it_writes_leaves_whole_requests_or_torn_ones", torn),
];

fn page() -> Page {
    Page::create(4, rustix::process::getpid(), Millis::now()).unwrap()
}

fn first(page: &Page) -> Slot<'_> {
    page.slot(SlotId(0)).unwrap()
}

fn note(target: &str) -> Note<'_> {
    Note { started: Millis::now(), method: "POST", target, peer: "10.0.0.1:4000", request: "r-1" }
}

fn after_death() {
    let page = page();
    let (mut reader, writer) = io::pipe().unwrap();
    first(&page).prepare(Generation(1), Millis::now());
    let worker = child(&mut Forking::begin().unwrap(), |_| {
        let slot = first(&page);
        slot.set_pid(rustix::process::getpid());
        slot.set_ready(Millis::now());
        let answered = slot.request_began(&note("/quick"));
        slot.request_ended(answered, 200, 4, Duration::from_millis(1));
        let _running = slot.request_began(&note("/the/last?one"));
        tell(&mut writer.try_clone().unwrap());
        nix::unistd::pause();
    });
    assert_eq!(told(&mut reader), Some(1));
    kill_process(worker, Signal::KILL).unwrap();
    assert_eq!(reap::wait_for(worker).unwrap(), Ending::Signal { number: 9, dumped: false });
    let facts = first(&page).facts();
    assert_eq!((facts.pid, facts.state), (Some(worker.as_raw_nonzero().get()), State::Ready));
    assert_eq!((facts.requests, facts.busy, facts.statuses), (1, 1, [0, 1, 0, 0, 0]));
    let running: Vec<_> = first(&page).in_hand().filter(|reading| *reading != Reading::Free).collect();
    assert!(
        matches!(&running[..], [Reading::Whole(found)] if found.target == "/the/last?one"),
        "{running:?}"
    );
}

fn order() {
    let page = page();
    let (mut reader, writer) = io::pipe().unwrap();
    let worker = child(&mut Forking::begin().unwrap(), |_| {
        // Given before the byte, so it is there after it.
        assert_eq!(told(&mut reader.try_clone().unwrap()), Some(1));
        assert_eq!(first(&page).wanted(), Wanted::Leave);
        first(&page).set_state(State::Leaving);
    });
    first(&page).give(Wanted::Leave);
    tell(&mut { writer });
    assert_eq!(reap::wait_for(worker).unwrap(), Ending::Code(0));
    assert_eq!(first(&page).state(), State::Leaving);
    let _ = told(&mut reader);
}

fn torn() {
    let page = page();
    let mut forking = Forking::begin().unwrap();
    let texts: Vec<String> = ["a", "b", "c", "d"].iter().map(|letter| letter.repeat(180)).collect();
    for generation in 1..=30 {
        first(&page).prepare(Generation(generation), Millis::now());
        let worker = child(&mut forking, |_| {
            for text in texts.iter().cycle() {
                let noted = first(&page).request_began(&note(text));
                first(&page).request_ended(noted, 200, 1, Duration::from_micros(50));
            }
        });
        // Killed at some point of its writing, when it has written for a while.
        while first(&page).facts().requests < u64::from(generation) * 37 {
            std::hint::spin_loop();
        }
        kill_process(worker, Signal::KILL).unwrap();
        reap::wait_for(worker).unwrap();
        for reading in first(&page).in_hand() {
            match reading {
                Reading::Free | Reading::Torn => {}
                Reading::Whole(found) => assert!(texts.contains(&found.target), "{found:?}"),
            }
        }
    }
    first(&page).prepare(Generation(31), Millis::now());
    assert!(first(&page).in_hand().all(|reading| reading == Reading::Free));
}
