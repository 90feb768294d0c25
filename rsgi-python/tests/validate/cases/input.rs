//! "Input and Error Streams".

use crate::asked::Asked;
use crate::doors::Door;
use crate::scene::Case;

pub(crate) const CASES: &[Case] = &[
    Case::new("reads_end_with_the_content", |scene| {
        assert_eq!(scene.post("0123456789").text(), "[b'012', b'', b'3456789', b'', b'']");
        assert_eq!(scene.post("").text(), "[b'', b'', b'', b'', b'']");
    }),
    // The validator insists on a size, which the PEP leaves out.
    Case::new("a_read_takes_any_size", |scene| {
        assert_eq!(scene.post("0123456789").text(), "[b'01', b'23456789', b'', b'']");
    })
    .bare(),
    Case::new("lines_are_read_one_by_one", |scene| {
        let lines = r"[b'one\n', b'two', b' 2\r\n', b'\n', b'three']";
        assert_eq!(scene.post("one\ntwo 2\r\n\nthree").text(), lines);
    }),
    Case::new("a_line_takes_any_size", |scene| {
        assert_eq!(scene.post("one\ntwo\nthree").text(), r"[b'one\n', b'two\n', b'']");
    }),
    Case::new("lines_are_read_together", |scene| {
        assert_eq!(scene.post("one\ntwo\nthree").text(), r"[[b'one\n'], [b'two\n', b'three'], []]");
    }),
    Case::new("the_input_is_iterated_by_lines", |scene| {
        assert_eq!(scene.post("one\n\ntwo").text(), r"[b'o', b'ne\n', b'\n', b'two', b'']");
    }),
    Case::new("lines_cross_what_comes_at_once", |scene| {
        let content = format!("{}\n{}\n", "a".repeat(60_000), "b".repeat(90_001)).repeat(3) + "end";
        let got = scene.post(content);
        assert_eq!(got.text(), "7 450012 True");
    }),
    Case::new("without_content_there_is_nothing_to_read", |scene| {
        let got = scene.get();
        let told = ["None [b'', b'', [], []]", "'' [b'', b'', [], []]", "'0' [b'', b'', [], []]"];
        assert!(told.contains(&got.text()), "{got:?}");
    }),
    Case::new("content_of_unknown_length_ends_by_itself", |scene| {
        let got = scene.ask(Asked::post(scene.here(), "0123456789abcdef").streamed());
        assert_eq!(got.text(), "(None, True) b'0123456789abcdef'");
        let got = scene.ask(Asked::post(scene.here(), "").streamed());
        assert_eq!(got.text(), "(None, True) b''");
    })
    .only(Door::is_http),
    Case::new("content_that_is_not_read_is_in_nobodys_way", |scene| {
        for _ in 0..3 {
            assert_eq!(scene.post(vec![b'x'; 20_000]).text(), "unread");
        }
    }),
    Case::new("what_is_written_to_errors_is_logged", |scene| {
        let got = scene.get();
        assert_eq!(got.text(), "written");
        let here = scene.here();
        scene.logged(&got, &[&format!("written at {here}")]);
        scene.logged(&got, &[&format!("lines of ü€ at {here}")]);
        scene.logged(&got, &[&format!("flushed at {here}")]);
        scene.logged(&got, &[&format!("printed at {here}")]);
    }),
    // The validator refuses it first.
    Case::new("errors_take_native_strings_alone", |scene| assert_eq!(scene.get().text(), "TypeError")).bare(),
];
