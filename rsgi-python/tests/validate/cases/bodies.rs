//! "Buffering and Streaming", "Handling the Content-Length Header" and "Error Handling".

use crate::asked::Got;
use crate::doors::Door;
use crate::scene::{Case, Scene};

pub(crate) const CASES: &[Case] = &[
    Case::new("a_list_of_one_has_a_length", |scene| has_length(&scene.get(), "content")).bare(),
    Case::new("an_empty_list_is_no_content", |scene| assert_eq!(scene.get().text(), "")),
    Case::new("pieces_come_in_their_order", |scene| assert_eq!(scene.get().text(), "one two three")),
    Case::new("a_tuple_is_as_good", |scene| assert_eq!(scene.get().text(), "one two")),
    Case::new("much_content_comes_whole", much),
    Case::new("one_big_piece_comes_whole", |scene| {
        assert_eq!(scene.get().text(), "0123456789abcdef".repeat(100_000));
    }),
    // The validator's own iterator hides the length.
    Case::new("a_length_of_one_gives_the_content_length", |scene| has_length(&scene.get(), "a single piece"))
        .bare(),
    Case::new("a_generator_may_start_the_answer_late", |scene| {
        let got = scene.get();
        assert_eq!((got.status, got.text()), (202, "late"));
        assert_eq!(scene.told(), "begun");
    }),
    // The validator asks for the start before any piece, the PEP before the first that isn't empty.
    Case::new("nothing_may_come_before_the_start", |scene| {
        let got = scene.get();
        assert_eq!((got.status, got.text()), (202, "later still"));
    })
    .bare(),
    Case::new("any_iterable_will_do", |scene| assert_eq!(scene.get().text(), "by index")),
    Case::new("a_class_may_be_the_application", |scene| assert_eq!(scene.get().text(), "of a class")),
    Case::new("each_piece_is_sent_before_the_next_is_asked_for", streamed).only(Door::is_here),
    Case::new("what_is_written_is_sent_at_once", streamed).only(|door| door.is_here() && door.is_offloaded()),
    Case::new("bodies_of_anything_but_bytes_are_errors", |scene| {
        let bodies = [
            "str",
            "str-later",
            "bytearray",
            "number",
            "none-in",
            "is-str",
            "is-bytes",
            "is-none",
            "is-number",
        ];
        for body in bodies {
            let got = scene.query(body);
            assert_eq!(got.status, 500, "{body}: {got:?}");
            scene.logged(&got, &[&scene.here(), &format!("?{body} "), "TypeError"]);
        }
    })
    .breaks(&["A16"])
    .bare(),
    Case::new("more_than_the_length_is_not_sent", |scene| {
        let got = scene.get();
        assert_eq!(
            (got.status, got.all("content-length"), &got.content[..]),
            (200, vec!["5"], &b"12345"[..])
        );
    })
    .breaks(&["A11"]),
    Case::new("a_list_beyond_the_length_is_an_error_or_cut", |scene| {
        let got = scene.get();
        let cut = (200, &b"12345"[..]);
        assert!((got.status, &got.content[..]) == cut || got.status == 500, "{got:?}");
    })
    .breaks(&["A11"]),
    Case::new("less_than_the_length_is_seen", |scene| {
        let got = scene.get();
        assert_eq!((got.status, got.is_whole, &got.content[..]), (200, false, &b"12345"[..]), "{got:?}");
    })
    .breaks(&["A11"]),
    Case::new("the_length_of_the_application_is_kept", |scene| has_length(&scene.get(), "12345678")),
    Case::new("answers_without_content_have_none", |scene| {
        for status in [204, 304] {
            let got = scene.query(&status.to_string());
            assert_eq!((got.status, got.is_whole, got.content.len()), (status, true, 0), "{got:?}");
            assert!(got.all("content-length").is_empty(), "{got:?}");
        }
    }),
    Case::new("an_exception_is_answered_500", |scene| failed(scene, "raised at once at")).breaks(&["A16"]),
    Case::new("an_exception_behind_the_start_is_answered_500", |scene| {
        failed(scene, "raised behind the start at");
    })
    .breaks(&["A16"]),
    Case::new("an_exception_of_the_first_piece_is_answered_500", |scene| failed(scene, "raised first at"))
        .breaks(&["A16"]),
    Case::new("an_exception_on_the_way_breaks_the_answer", |scene| {
        let got = scene.get();
        assert_eq!((got.status, got.is_whole, &got.content[..]), (200, false, &b"begun"[..]), "{got:?}");
        scene.logged(&got, &[&format!("ValueError: raised on the way at {}", scene.here())]);
    }),
    Case::new("exits_end_the_request_alone", |scene| {
        for (way, said) in [("exit", "exit (3)"), ("interrupt", "KeyboardInterrupt")] {
            let got = scene.query(way);
            assert_eq!(got.status, 500, "{got:?}");
            scene.logged(&got, &[&scene.here(), said]);
        }
        assert_eq!(scene.get().text(), "alive");
    })
    .breaks(&["A16"]),
];

fn has_length(got: &Got, content: &str) {
    assert_eq!(got.text(), content);
    assert_eq!(got.all("content-length"), [content.len().to_string()], "{got:?}");
}

fn much(scene: &Scene) {
    let got = scene.get();
    assert_eq!(got.text().len(), 3_000_000);
    for (index, piece) in got.content.chunks(10_000).enumerate() {
        let letter = b'A' + u8::try_from(index % 26).expect("a letter");
        assert!(piece.iter().all(|byte| *byte == letter), "piece {index}");
    }
}

/// PEP 3333: a server "must not delay the transmission of any block".
fn streamed(scene: &Scene) {
    let mut stream = scene.open();
    assert_eq!(stream.until("first".len()), "first");
    scene.open_gate();
    let got = stream.finish();
    assert_eq!(got.text(), "first second");
}

fn failed(scene: &Scene, said: &str) {
    let got = scene.get();
    assert_eq!(got.status, 500, "{got:?}");
    assert!(!String::from_utf8_lossy(&got.content).contains("raised"), "{got:?}");
    scene.logged(&got, &[&format!("ValueError: {said} {}", scene.here())]);
    // In lines of its own, of which this one is like everybody's.
    scene.logged(&got, &["Traceback (most recent call last):"]);
}
