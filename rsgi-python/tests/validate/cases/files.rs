//! "Optional Platform-Specific File Handling".

use crate::asked::Asked;
use crate::scene::Case;

pub(crate) const CASES: &[Case] = &[
    // The validator's iterators hide the wrapper from the server: both roads are gone.
    Case::new("a_file_is_sent_and_closed", |scene| {
        assert_eq!(scene.get().text(), "0123456789".repeat(20_000));
        assert_eq!(scene.told(), "closed");
        let head = scene.ask(Asked::get(scene.here()).by("HEAD"));
        assert_eq!((head.status, head.content.len()), (200, 0));
        assert_eq!(scene.told(), "closed");
    })
    .bare(),
    Case::new("a_wrapped_file_passes_the_validator", |scene| {
        assert_eq!(scene.get().text(), "0123456789".repeat(20_000));
        assert_eq!(scene.told(), "closed");
    }),
    Case::new("a_file_is_sent_from_where_it_stands", |scene| {
        assert_eq!(scene.get().text(), "56789");
        assert_eq!(scene.told(), "closed");
    })
    .bare(),
    Case::new("a_file_is_sent_as_far_as_the_length", |scene| {
        let got = scene.get();
        assert_eq!((got.text(), got.all("content-length")), ("012345678901234", vec!["15"]));
        assert_eq!(scene.told(), "closed");
    })
    .bare(),
    Case::new("a_file_of_no_system_is_sent_too", |scene| {
        assert_eq!(scene.get().text(), "567890123456789012345678901234567890123456789");
    })
    .bare(),
    Case::new("a_wrapped_file_can_be_iterated", |scene| {
        assert_eq!(scene.get().text(), "[b'0123', b'4567', b'89']");
    }),
    Case::new("a_text_file_is_an_error", |scene| {
        let got = scene.get();
        assert_eq!(got.status, 500);
        scene.logged(&got, &[&scene.here(), "TypeError"]);
    })
    .breaks(&["A16"])
    .bare(),
    Case::new("a_file_is_closed_when_the_client_is_gone", |scene| {
        let mut stream = scene.open();
        stream.until(10);
        scene.vanish(stream);
        assert_eq!(scene.told(), "closed");
    })
    .bare(),
];
