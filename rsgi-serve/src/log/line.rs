//! Gunicorn's form of a line: `[2026-11-23 10:00:00 +0000] [pid] [INFO] message key=value`.

use std::io::Write;

use rsgi_middleware::line::{escape, stamp};

use super::colour::Colour;
use super::record::{Record, Value};

/// Writes a record as a line of its own, without the line's end; no text of it longer than `most` bytes.
pub(super) fn write(line: &mut Vec<u8>, record: &Record<'_>, colour: Colour, most: usize) {
    colour.dim(line);
    line.push(b'[');
    stamp::write(line, stamp::Form::Log);
    line.extend_from_slice(b"] [");
    stamp::number(line, u64::from(record.pid));
    line.push(b']');
    colour.end(line);
    line.extend_from_slice(b" [");
    colour.level(line, record.level);
    line.extend_from_slice(record.level.word().as_bytes());
    colour.end(line);
    line.extend_from_slice(b"] ");
    body(line, record, colour, most);
}

/// Writes what a record says: what follows a header that has time, pid and level already.
pub(super) fn body(line: &mut Vec<u8>, record: &Record<'_>, colour: Colour, most: usize) {
    escape::message(line, &record.said.message, most);
    if record.target == GOES_ON {
        return;
    }
    for (name, value) in &record.said.fields {
        line.push(b' ');
        colour.dim(line);
        line.extend_from_slice(name.as_bytes());
        line.push(b'=');
        colour.end(line);
        match value {
            Value::Text(text) => escape::value(line, text, most),
            Value::Unsigned(number) => stamp::number(line, *number),
            // Into memory, which doesn't fail.
            plain => drop(write!(line, "{plain}")),
        }
    }
}

/// What further lines of one text come as, a traceback's say: the first has said whose they are.
const GOES_ON: &str = "rsgi::errors::more";

#[cfg(test)]
mod tests {
    use super::super::level::Level;
    use super::super::record::Said;
    use super::*;

    fn written(said: &Said, colour: Colour, most: usize) -> String {
        let record = Record { level: Level::Warning, pid: 42, target: "rsgi", said };
        let mut line = Vec::new();
        write(&mut line, &record, colour, most);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_line_has_gunicorns_form() {
        let said = Said {
            message: "app panicked".into(),
            fields: vec![
                ("connection", Value::Unsigned(3)),
                ("panic", Value::Text("a b".into())),
                ("left", Value::Signed(-1)),
                ("whole", Value::Flag(false)),
                ("share", Value::Float(0.5)),
            ],
        };
        let line = written(&said, Colour::Off, escape::WHOLE);
        let (time, rest) = line.split_at("[2026-11-23 10:00:00 +0000]".len());
        assert!(time.starts_with('[') && time.ends_with(']'), "{line}");
        assert_eq!(
            rest,
            " [42] [WARNING] app panicked connection=3 panic=\"a b\" left=-1 whole=false share=0.5"
        );
    }

    #[test]
    fn a_texts_further_lines_say_no_fields_again() {
        let said = Said { message: "  File x".into(), fields: vec![("connection", Value::Unsigned(3))] };
        let record = Record { level: Level::Error, pid: 42, target: GOES_ON, said: &said };
        let mut line = Vec::new();
        body(&mut line, &record, Colour::Off, escape::WHOLE);
        assert_eq!(String::from_utf8(line).unwrap(), "  File x");
    }

    #[test]
    fn a_hostile_message_stays_in_its_line() {
        let said = Said::plain("x\n[2026-11-23 10:00:00 +0000] [1] [CRITICAL] forged\u{1b}[2J".into());
        let line = written(&said, Colour::Off, escape::WHOLE);
        assert!(!line.contains(['\n', '\u{1b}']), "{line}");
        assert!(line.contains("x\\n[2026"), "{line}");
    }

    #[test]
    fn colours_change_nothing_that_is_read() {
        let said = Said { message: "m".into(), fields: vec![("a", Value::Unsigned(1))] };
        let mut line = written(&said, Colour::On, escape::WHOLE);
        assert!(line.contains("\u{1b}[33mWARNING\u{1b}[0m"), "{line:?}");
        for code in ["\u{1b}[2m", "\u{1b}[33m", "\u{1b}[0m"] {
            line = line.replace(code, "");
        }
        assert_eq!(line.split_off(27), " [42] [WARNING] m a=1");
    }

    #[test]
    fn long_texts_are_shortened_and_the_rest_stays() {
        let said = Said { message: "x".repeat(100), fields: vec![("a", Value::Text("y".repeat(50)))] };
        let line = written(&said, Colour::Off, 4);
        assert!(line.ends_with("xxxx...(+96) a=yyyy...(+46)"), "{line}");
    }
}
