//! The field `traceparent`, by which a caller names the trace that a request belongs to (W3C Trace Context, section 3.2).

use http::HeaderMap;

/// The trace's number, if the caller names one rightly.
pub(super) fn trace_id(fields: &HeaderMap) -> Option<&str> {
    let mut all = fields.get_all("traceparent").iter();
    let (Some(value), None) = (all.next(), all.next()) else { return None };
    let value = value.to_str().ok()?;
    let (version, rest) = value.split_at_checked(2)?;
    // Later versions may say more after a dash; this one has no more.
    let (known, more) = rest.split_at_checked(1 + 32 + 1 + 16 + 1 + 2)?;
    let more_is_right = more.is_empty() || (version != "00" && more.starts_with('-'));
    let mut parts = known.strip_prefix('-')?.split('-');
    let (trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?);
    let lengths = (trace.len(), parent.len(), flags.len()) == (32, 16, 2);
    let digits = [version, trace, parent, flags].into_iter().all(is_hexadecimal);
    let nobody = version == "ff" || is_zero(trace) || is_zero(parent);
    (more_is_right && lengths && digits && !nobody).then_some(trace)
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|it| it == b'0')
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn told(values: &[&str]) -> Option<String> {
        let mut fields = HeaderMap::new();
        for value in values {
            fields.append("traceparent", HeaderValue::from_str(value).unwrap());
        }
        trace_id(&fields).map(str::to_owned)
    }

    #[test]
    fn a_right_field_names_its_trace() {
        let right = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(told(&[&right]).as_deref(), Some(TRACE));
        let later = format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes");
        assert_eq!(told(&[&later]).as_deref(), Some(TRACE));
        assert_eq!(told(&[&right, &right]), None, "twice");
        assert_eq!(told(&[]), None);
    }

    #[test]
    fn what_is_wrong_names_none() {
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-000f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        ] {
            assert_eq!(told(&[wrong]), None, "{wrong}");
        }
    }
}
