//! "The server must call `close()` upon completion of the current request", however that came about.

use crate::asked::Asked;
use crate::doors::Door;
use crate::scene::Case;

pub(crate) const CASES: &[Case] = &[
    Case::new("close_comes_once_and_last", |scene| {
        assert_eq!(scene.get().text(), "one two");
        assert_eq!(scene.all_told(4), ["asked", "asked", "ended", "closed"]);
    }),
    Case::new("close_comes_when_the_length_is_reached", |scene| {
        let got = scene.get();
        assert_eq!(got.content, b"one");
        let mut told = scene.told();
        while told == "asked" || told == "ended" {
            told = scene.told();
        }
        assert_eq!(told, "closed");
    })
    .may_break(&["A11"]),
    Case::new("close_comes_behind_an_error", |scene| {
        let got = scene.get();
        assert_eq!((got.status, got.is_whole, &got.content[..]), (200, false, &b"one"[..]));
        assert_eq!(scene.all_told(3), ["asked", "asked", "closed"]);
    }),
    Case::new("close_comes_behind_an_error_at_once", |scene| {
        assert_eq!(scene.get().status, 500);
        assert_eq!(scene.all_told(2), ["asked", "closed"]);
    })
    .breaks(&["A16"]),
    Case::new("close_comes_behind_a_bad_piece", |scene| {
        assert_eq!(scene.get().status, 500);
        assert_eq!(scene.all_told(2), ["asked", "closed"]);
    })
    .breaks(&["A16"])
    .bare(),
    Case::new("close_comes_without_a_start", |scene| {
        assert_eq!(scene.get().status, 500);
        let told = scene.told();
        assert_eq!(if told == "asked" { scene.told() } else { told }, "closed");
    })
    .breaks(&["A16"])
    .bare(),
    Case::new("close_comes_for_answers_without_content", |scene| {
        for status in ["204", "304"] {
            assert_eq!(scene.query(status).status.to_string(), status);
            let told = scene.told();
            assert_eq!(if told == "ended" { scene.told() } else { told }, "closed");
        }
        let head = scene.ask(Asked::get(scene.here()).by("HEAD"));
        assert_eq!((head.status, head.content.len()), (200, 0));
        let mut told = scene.told();
        while told == "asked" || told == "ended" {
            told = scene.told();
        }
        assert_eq!(told, "closed");
    }),
    Case::new("close_comes_when_the_client_is_gone", |scene| {
        let mut stream = scene.open();
        stream.until(100_000);
        scene.vanish(stream);
        assert_eq!(scene.told(), "closed");
    }),
    Case::new("a_close_that_fails_is_logged", |scene| {
        let got = scene.get();
        assert_eq!(got.text(), "whole");
        assert_eq!(scene.all_told(3), ["asked", "ended", "closed"]);
        scene.logged(&got, &[&scene.here(), &format!("ValueError: close failed at {}", scene.here())]);
    }),
    Case::new("a_list_is_closed_if_it_can_be", |scene| {
        assert_eq!(scene.get().text(), "listed");
        assert_eq!(scene.told(), "closed");
    }),
    // The validator asks no generator to end.
    Case::new("a_generator_is_closed_on_its_way", |scene| {
        assert_eq!(scene.get().content, b"one");
        assert_eq!(scene.told(), "finally");
    })
    .may_break(&["A11"]),
    // The validator keeps nothing either, but its wrappers refer to each other.
    Case::new("nothing_of_a_request_is_kept", |scene| {
        for _ in 0..3 {
            assert_eq!(scene.get().text(), "piece of Traced");
        }
        assert_eq!(scene.query("count").text(), "0");
    })
    .only(Door::is_here),
];
