//! The known name that is nearest to a mistyped one.
//!
//! Dashes, underscores and case don't count: `log-level` and `LOGLEVEL` both mean `loglevel`.

/// Returns the candidate that `text` was probably meant to be, if one is near enough.
pub(crate) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = plain(text);
    let most = (wanted.chars().count() / 3).max(1);
    let distances = candidates.into_iter().map(|candidate| {
        let candidate_plain = plain(candidate);
        (strsim::osa_distance(&wanted, &candidate_plain), candidate)
    });
    // Of two equally near the first in order, so that the answer doesn't depend on the table's order.
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, candidate)| candidate)
}

fn plain(text: &str) -> String {
    let letters = text.chars().filter(|character| !matches!(character, '-' | '_'));
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["workers", "loglevel", "keepalive", "bind", "max_requests"];

    #[test]
    fn a_slip_of_the_pen_is_understood() {
        for (text, name) in [
            ("wokers", "workers"),
            ("wrokers", "workers"),
            ("worker", "workers"),
            ("log-level", "loglevel"),
            ("KEEP_ALIVE", "keepalive"),
            ("max-request", "max_requests"),
            ("bnd", "bind"),
        ] {
            assert_eq!(nearest(text, NAMES), Some(name), "{text}");
        }
    }

    #[test]
    fn what_resembles_nothing_gets_no_suggestion() {
        for text in ["", "x", "database", "zzzz"] {
            assert_eq!(nearest(text, NAMES), None, "{text}");
        }
    }
}
