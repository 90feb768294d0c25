//! What a line says.

use std::fmt;

use super::lines;
use crate::log::Form;
use crate::log::colour::When;
use crate::log::level::{Level, say};

/// A line without its time, which is checked on the way.
fn timeless(line: &str) -> String {
    let (time, rest) = line.split_at("[2026-11-23 10:00:00 +0000] ".len());
    let digits = time.replace(|character: char| character.is_ascii_digit(), "0").replace('-', "+");
    assert_eq!(digits, "[0000+00+00 00:00:00 +0000] ");
    rest.to_owned()
}

#[test]
fn an_event_is_a_line_with_the_pid_of_this_process() {
    let lines = lines(
        "event",
        |_| {},
        |_, _| {
            tracing::info!(target: "rsgi", connection = 7_u64, who = %"a b", "Listening at: {}", "http://127.0.0.1:8000");
        },
    );
    let pid = std::process::id();
    assert_eq!(
        lines.iter().map(|line| timeless(line)).collect::<Vec<_>>(),
        [format!("[{pid}] [INFO] Listening at: http://127.0.0.1:8000 connection=7 who=\"a b\"")]
    );
}

#[test]
fn the_level_hides_what_is_less_and_critical_is_the_most() {
    for (level, shown) in [(Level::Debug, 5), (Level::Info, 4), (Level::Warning, 3), (Level::Critical, 1)] {
        let lines = lines(
            &format!("level-{level}"),
            |plan| plan.level = level,
            |_, _| {
                for level in Level::ALL {
                    say(level, format_args!("at {level}"));
                }
                tracing::trace!("never");
            },
        );
        assert_eq!(lines.len(), shown, "{level}: {lines:?}");
        assert!(lines.iter().any(|line| line.ends_with("[CRITICAL] at critical")), "{lines:?}");
    }
}

#[test]
fn a_span_tells_its_fields_in_the_lines_within_it() {
    let lines = lines(
        "span",
        |plan| plan.level = Level::Error,
        |_, _| {
            let span = tracing::info_span!("request", id = 3, user = tracing::field::Empty);
            let _entered = span.enter();
            span.record("user", "ada");
            tracing::error!(code = 1, "within");
            tracing::error!(id = 4, "of its own");
        },
    );
    assert!(lines[0].ends_with("[ERROR] within code=1 id=3 user=ada"), "{lines:?}");
    assert!(lines[1].ends_with("[ERROR] of its own id=4 user=ada"), "{lines:?}");
}

#[test]
fn a_line_break_in_a_value_makes_no_second_line() {
    let lines = lines(
        "break",
        |_| {},
        |_, _| {
            tracing::warn!(value = "a\nb", "x\r\ny\u{1b}");
        },
    );
    assert_eq!(lines.len(), 1);
    assert!(lines[0].ends_with("x\\r\\ny\\x1b value=\"a\\nb\""), "{lines:?}");
}

#[test]
fn a_value_that_panics_ends_neither_the_program_nor_the_line() {
    struct Broken;
    impl fmt::Debug for Broken {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no")
        }
    }
    let lines = lines(
        "panics",
        |_| {},
        |_, _| {
            tracing::info!(value = ?Broken, "one");
            tracing::info!("two");
        },
    );
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("a value of this line panicked"), "{lines:?}");
}

#[test]
fn a_value_that_logs_while_it_is_shown_stops_nothing() {
    struct Talking;
    impl fmt::Debug for Talking {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            tracing::info!("inner");
            formatter.write_str("shown")
        }
    }
    let lines = lines("talking", |_| {}, |_, _| tracing::info!(value = ?Talking, "outer"));
    assert!(lines.last().is_some_and(|line| line.ends_with("outer value=shown")), "{lines:?}");
}

#[test]
fn json_has_one_object_a_line() {
    let lines = lines(
        "json",
        |plan| plan.form = Form::Json,
        |_, _| {
            tracing::error!(target: "shop", connection = 7_u64, "it \"broke\"\n");
        },
    );
    let object: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(object["message"], "it \"broke\"\n");
    assert_eq!(object["target"], "shop");
    assert_eq!(object["pid"], std::process::id());
    assert_eq!(object["fields"]["connection"], 7);
}

#[test]
fn a_file_has_no_colours_unless_they_are_asked_for() {
    let plain = lines("plain", |_| {}, |_, _| tracing::info!("x"));
    assert!(!plain[0].contains('\u{1b}'));
    let coloured = lines("coloured", |plan| plan.colour = When::Always, |_, _| tracing::info!("x"));
    assert!(coloured[0].contains("\u{1b}[32mINFO\u{1b}[0m"), "{coloured:?}");
}
