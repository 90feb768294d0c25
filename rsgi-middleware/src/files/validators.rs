//! What tells one state of a file from another, and a request's conditions on it (RFC 9110 sections 8.8 and 13).

use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::{fmt_http_date, parse_http_date};
use rsgi_core::http::header::{
    HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};

use crate::Coding;

/// The validators of a file's state.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Validators {
    /// With its quotes, without a mark of weakness.
    tag: Option<String>,
    /// In seconds since 1970, as HTTP's dates are.
    modified: Option<u64>,
    /// Whether a change must have changed them.
    strong: bool,
}

/// From this age on a file that changes gets another time, whatever the grain of its file system's stamps.
const SETTLED: Duration = Duration::from_secs(2);

/// What a request's conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Go,
    /// 304.
    Unmodified,
    /// 412.
    Failed,
}

impl Validators {
    pub(super) fn of(facts: &Metadata, coding: Option<Coding>, now: SystemTime) -> Self {
        let since = facts.modified().ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        // Reproducible builds date all files to the beginning of time: that tells nothing.
        let Some(since) = since.filter(|since| since.as_secs() > 1) else { return Self::default() };
        let age = now.duration_since(UNIX_EPOCH + since).ok();
        let suffix = coding.map(|coding| format!("-{coding}")).unwrap_or_default();
        Self {
            tag: Some(format!("\"{:x}-{:x}{suffix}\"", facts.len(), since.as_nanos())),
            // Never later than the answer's own date (RFC 9110 section 8.8.2.1).
            modified: age.map(|_| since.as_secs()),
            strong: age.is_some_and(|age| age >= SETTLED),
        }
    }

    /// The value of `ETag`.
    pub(super) fn etag(&self) -> Option<String> {
        self.tag.as_ref().map(|tag| if self.strong { tag.clone() } else { format!("W/{tag}") })
    }

    /// The value of `Last-Modified`.
    pub(super) fn last_modified(&self) -> Option<String> {
        self.modified.map(|seconds| fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds)))
    }

    /// Evaluates a GET's or HEAD's conditions in the order of RFC 9110 section 13.2.2.
    pub(super) fn judge(&self, headers: &HeaderMap) -> Verdict {
        if headers.contains_key(IF_MATCH) {
            if !self.is_among(headers, &IF_MATCH, Compared::Strongly) {
                return Verdict::Failed;
            }
        } else if let (Some(since), Some(modified)) = (date(headers, &IF_UNMODIFIED_SINCE), self.modified)
            && modified > since
        {
            return Verdict::Failed;
        }
        if headers.contains_key(IF_NONE_MATCH) {
            if self.is_among(headers, &IF_NONE_MATCH, Compared::Weakly) {
                return Verdict::Unmodified;
            }
        } else if let (Some(since), Some(modified)) = (date(headers, &IF_MODIFIED_SINCE), self.modified)
            && modified <= since
        {
            return Verdict::Unmodified;
        }
        Verdict::Go
    }

    /// Whether a `Range` is to be heeded: there is no `If-Range`, or it names this very state (RFC 9110 section 13.1.5).
    pub(super) fn holds_range(&self, headers: &HeaderMap) -> bool {
        let mut conditions = headers.get_all(IF_RANGE).into_iter();
        let Some(condition) = conditions.next() else { return true };
        let (Ok(condition), None) = (condition.to_str(), conditions.next()) else { return false };
        if !self.strong {
            return false;
        }
        if condition.starts_with('"') || condition.starts_with("W/") {
            return self.tag.as_deref() == Some(condition);
        }
        self.modified.is_some() && seconds(condition) == self.modified
    }

    fn is_among(&self, headers: &HeaderMap, name: &HeaderName, compared: Compared) -> bool {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.into_iter().any(|value| {
            value.trim() == "*"
                || tags(value).any(|(is_weak, tag)| {
                    let may_be = compared == Compared::Weakly || self.strong && !is_weak;
                    may_be && self.tag.as_deref() == Some(tag)
                })
        })
    }
}

/// RFC 9110 section 8.8.3.2.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    Strongly,
    Weakly,
}

/// The tags of a list, with their quotes, and whether each is weak. A comma may stand within a tag.
fn tags(list: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let begun = rest.trim_start_matches([' ', '\t', ',']);
        let (is_weak, quoted) = begun.strip_prefix("W/").map_or((false, begun), |quoted| (true, quoted));
        let length = quoted.strip_prefix('"')?.find('"')? + 2;
        rest = &quoted[length..];
        Some((is_weak, &quoted[..length]))
    })
}

/// The one date of a field; several, or no date, are as none (RFC 9110 sections 13.1.3 and 13.1.4).
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let mut values = headers.get_all(name).into_iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    seconds(value.to_str().ok()?)
}

fn seconds(date: &str) -> Option<u64> {
    Some(parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use rsgi_core::http::HeaderValue;

    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn file(strong: bool) -> Validators {
        Validators { tag: Some("\"a,b\"".into()), modified: seconds(DATE), strong }
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn conditions_are_judged_in_their_order() {
        use Verdict::{Failed, Go, Unmodified};
        let cases: &[(&[(&str, &str)], Verdict)] = &[
            (&[], Go),
            (&[("if-match", "\"a,b\"")], Go),
            (&[("if-match", "\"x\", \"a,b\"")], Go),
            (&[("if-match", "*")], Go),
            (&[("if-match", "W/\"a,b\"")], Failed),
            (&[("if-match", "\"a\"")], Failed),
            (&[("if-match", "a,b")], Failed),
            (&[("if-match", "\"x\""), ("if-none-match", "\"a,b\"")], Failed),
            (&[("if-match", "*"), ("if-unmodified-since", BEFORE)], Go),
            (&[("if-unmodified-since", BEFORE)], Failed),
            (&[("if-unmodified-since", DATE)], Go),
            (&[("if-unmodified-since", "yesterday")], Go),
            (&[("if-none-match", "\"a,b\"")], Unmodified),
            (&[("if-none-match", "W/\"a,b\"")], Unmodified),
            (&[("if-none-match", "*")], Unmodified),
            (&[("if-none-match", "\"x\",W/\"a,b\"")], Unmodified),
            (&[("if-none-match", "\"b\"")], Go),
            (&[("if-none-match", "\"x\""), ("if-modified-since", AFTER)], Go),
            (&[("if-modified-since", BEFORE)], Go),
            (&[("if-modified-since", DATE)], Unmodified),
            (&[("if-modified-since", AFTER)], Unmodified),
            (&[("if-modified-since", "0")], Go),
        ];
        for (fields, verdict) in cases {
            assert_eq!(file(true).judge(&headers(fields)), *verdict, "{fields:?}");
        }
        assert_eq!(
            file(false).judge(&headers(&[("if-match", "\"a,b\"")])),
            Failed,
            "weak never matches strongly"
        );
        assert_eq!(Validators::default().judge(&headers(&[("if-modified-since", AFTER)])), Go);
        assert_eq!(Validators::default().judge(&headers(&[("if-match", "\"a,b\"")])), Failed);
    }

    #[test]
    fn a_range_holds_for_the_very_state_that_it_names() {
        for (condition, holds) in [
            ("\"a,b\"", true),
            ("\"a\"", false),
            ("W/\"a,b\"", false),
            (DATE, true),
            (AFTER, false),
            ("x", false),
        ] {
            assert_eq!(file(true).holds_range(&headers(&[("if-range", condition)])), holds, "{condition}");
            assert!(!file(false).holds_range(&headers(&[("if-range", condition)])), "{condition}");
        }
        assert!(file(false).holds_range(&headers(&[])));
        assert!(!Validators::default().holds_range(&headers(&[("if-range", "x")])));
    }
}
