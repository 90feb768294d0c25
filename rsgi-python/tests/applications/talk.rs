//! The talk's application, word for word, and the way it is started there: `gunicorn "app:create_app()" -w 5`. What master and
//! workers do for it, with no request lost. Behind web servers: `fronts.rs`.

use std::fs;
use std::path::Path;

use rsgi_test::Answer;
use rsgi_tests::driving::{children_of, until};
use rsgi_tests::load::{Asked, Load};
use rustix::process::Signal;

use crate::served::{Application, OURS, Served, sources};

/// `app.py` of the talk.
pub(crate) const TALK: Application = Application { needs: "flask", folder: "talk", name: "app:create_app()" };

#[test]
fn the_application_is_the_talks_word_for_word() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/frasco.md")).unwrap();
    let (_, block) = page.split_once("```python\n").unwrap();
    let (shown, _) = block.split_once("```").unwrap();
    assert_eq!(fs::read_to_string(sources().join("talk/app.py")).unwrap(), shown);
}

#[test]
fn it_answers_as_under_gunicorn() {
    TALK.alike(|served| answers(served));
}

#[test]
fn it_answers_from_five_workers_as_in_the_talk() {
    if !TALK.is_here() {
        return;
    }
    for host in OURS {
        let mut served = TALK.on(host, &["-w", "5"]);
        served.log().said("5 workers ready");
        answers(&served);
        served.end();
    }
}

#[test]
fn workers_come_go_and_take_a_new_source_without_a_request_lost() {
    if !TALK.is_here() {
        return;
    }
    let source = fs::read_to_string(sources().join("talk/app.py")).unwrap();
    for host in OURS {
        let moved = |command: &mut std::process::Command, place: &Path| {
            fs::write(place.join("app.py"), &source).unwrap();
            command.current_dir(place);
        };
        let mut served = TALK.with(host, &["-w", "5"], moved);
        served.log().said("5 workers ready");
        let right = &["pong", "peng"];
        let load = Load::asking(&served.address, Asked { line: "GET /ping", content: "", right });
        for (signal, workers) in [(Signal::TTIN, 6), (Signal::TTIN, 7), (Signal::TTOU, 6), (Signal::TTOU, 5)]
        {
            served.signal(signal);
            let number = || (children_of(served.pid()).len() == workers).then_some(());
            until(&format!("{workers} workers"), number);
            load.goes_on();
        }
        let write = |source: &str| fs::write(served.place.join("app.py"), source).unwrap();
        write("1 / 0");
        served.signal(Signal::HUP);
        let log = served.log();
        log.said("ZeroDivisionError: division by zero");
        log.said("The old workers stay.");
        load.goes_on();
        fs::write(served.place.join("app.py"), source.replace("pong", "peng")).unwrap();
        served.signal(Signal::HUP);
        served.log().said("Reloaded: 5 workers ready");
        // Those that were told to leave may still take what came before.
        until("the new source", || (served.client.get("/ping").answer().text() == "peng").then_some(()));
        load.goes_on();
        load.finish();
        served.end();
    }
}

/// Asks for all that it has.
pub(crate) fn answers(served: &Served) {
    let pong = |answer: Answer| {
        assert_eq!(
            (answer.status(), answer.text(), answer.field("content-type"), answer.field("content-length")),
            (200, "pong", Some("text/html; charset=utf-8"), Some("4"))
        );
    };
    pong(served.get("/ping"));
    pong(served.get("/ping?what=ever"));
    // Again on the same connection, and after one that was refused.
    let post = served.ask(served.client.post("/ping").body("unread"));
    let mut allowed: Vec<_> = post.field("allow").unwrap().split(", ").collect();
    allowed.sort_unstable();
    assert_eq!((post.status(), allowed), (405, vec!["GET", "HEAD", "OPTIONS"]));
    pong(served.get("/ping"));
    let head = served.ask(served.client.head("/ping"));
    assert_eq!((head.status(), head.body().len(), head.field("content-length")), (200, 0, Some("4")));
    let missing = served.get("/unknown");
    assert_eq!(missing.status(), 404);
    assert!(missing.text().contains("<h1>Not Found</h1>"), "{}", missing.text());
    let options = served.ask(served.client.options("/ping"));
    assert_eq!((options.status(), options.field("content-length")), (200, Some("0")));
    assert!(options.field("allow").unwrap().contains("HEAD"));
}
