//! A line as one object of JSON: the same record as `line.rs` writes, for machines.
//!
//! What the app names itself stands apart under `fields`, so that it can't pose as a time or a level.

use std::io::Write;

use rsgi_middleware::line::{escape, stamp};

use super::record::{Record, Value};

/// Writes a record as an object, without the line's end; no text of it longer than `most` bytes.
pub(super) fn write(line: &mut Vec<u8>, record: &Record<'_>, most: usize) {
    line.extend_from_slice(b"{\"time\":\"");
    stamp::write(line, stamp::Form::Rfc3339);
    line.extend_from_slice(b"\",\"pid\":");
    stamp::number(line, u64::from(record.pid));
    line.extend_from_slice(b",\"level\":\"");
    line.extend_from_slice(record.level.name().as_bytes());
    line.extend_from_slice(b"\",\"target\":");
    escape::json(line, record.target.as_bytes(), most);
    line.extend_from_slice(b",\"message\":");
    escape::json(line, record.said.message.as_bytes(), most);
    if !record.said.fields.is_empty() {
        line.extend_from_slice(b",\"fields\":{");
        for (place, (name, value)) in record.said.fields.iter().enumerate() {
            if place > 0 {
                line.push(b',');
            }
            escape::json(line, name.as_bytes(), escape::WHOLE);
            line.push(b':');
            field(line, value, most);
        }
        line.push(b'}');
    }
    line.push(b'}');
}

fn field(line: &mut Vec<u8>, value: &Value, most: usize) {
    match value {
        Value::Text(text) => escape::json(line, text.as_bytes(), most),
        // JSON has no word for what is no number (RFC 8259 section 6).
        Value::Float(number) if !number.is_finite() => line.extend_from_slice(b"null"),
        Value::Unsigned(number) => stamp::number(line, *number),
        // Into memory, which doesn't fail.
        plain => drop(write!(line, "{plain}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::level::Level;
    use super::super::record::Said;
    use super::*;

    fn written(said: &Said, most: usize) -> serde_json::Value {
        let record = Record { level: Level::Error, pid: 42, target: "rsgi", said };
        let mut line = Vec::new();
        write(&mut line, &record, most);
        assert!(!line.contains(&b'\n'));
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn a_line_is_one_object_with_the_facts_of_the_text() {
        let said = Said {
            message: "a \"b\"\nc".into(),
            fields: vec![
                ("text", Value::Text("x\u{0}\u{2028}".into())),
                ("flag", Value::Flag(true)),
                ("less", Value::Signed(-5)),
                ("more", Value::Unsigned(u64::MAX)),
                ("share", Value::Float(0.25)),
                ("none", Value::Float(f64::NAN)),
            ],
        };
        let object = written(&said, escape::WHOLE);
        assert_eq!(object["level"], "error");
        assert_eq!(object["pid"], 42);
        assert_eq!(object["target"], "rsgi");
        assert_eq!(object["message"], "a \"b\"\nc");
        assert_eq!(object["time"].as_str().unwrap().len(), "2026-11-23T10:00:00.000+00:00".len());
        let fields = serde_json::json!({
            "text": "x\u{0}\u{2028}", "flag": true, "less": -5, "more": u64::MAX, "share": 0.25, "none": null,
        });
        assert_eq!(object["fields"], fields);
    }

    #[test]
    fn a_field_can_not_pose_as_the_level() {
        let said = Said { message: "m".into(), fields: vec![("level", Value::Text("debug".into()))] };
        let object = written(&said, escape::WHOLE);
        assert_eq!((&object["level"], &object["fields"]["level"]), (&"error".into(), &"debug".into()));
    }

    #[test]
    fn a_shortened_line_is_an_object_still() {
        let said = Said { message: "ö".repeat(100), fields: vec![("a", Value::Text("\"".repeat(50)))] };
        let object = written(&said, 4);
        assert_eq!(object["message"], "öö...(+196)");
        assert_eq!(object["fields"]["a"], "\"\"\"\"...(+46)");
        assert!(written(&Said::plain("m".into()), 1).get("fields").is_none());
    }
}
