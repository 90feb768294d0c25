//! A strict reader of Prometheus' text format 0.0.4: what a scraper would pass over in silence is an error here.
//!
//! The parsers that the registry has pass over what they don't understand, so none of them proves a text right. Where
//! `promtool` is installed (Debian: package `prometheus`) it is asked, too.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// All series of a text, by name and labels as written.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    pub(crate) series: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Exposition {
    /// Reads a text.
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has an end");
        let (mut all, mut helped) = (Self::default(), BTreeSet::new());
        let mut family = String::new();
        let mut seen = BTreeSet::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').unwrap();
                assert!(!words.is_empty() && helped.insert(name.to_owned()), "{line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(helped.contains(name) && seen.insert(name.to_owned()), "{line}");
                all.types.insert(name.to_owned(), kind.to_owned());
                name.clone_into(&mut family);
            } else {
                all.sample(line, &family);
            }
        }
        all.histograms();
        all
    }

    /// The number of a series.
    pub(crate) fn value(&self, series: &str) -> f64 {
        *self.series.get(series).unwrap_or_else(|| panic!("there is no {series} in {:#?}", self.series))
    }

    /// The sum of a metric's series, whatever their labels.
    pub(crate) fn sum(&self, metric: &str) -> f64 {
        let of = |series: &str| series.split('{').next() == Some(metric);
        self.series.iter().filter(|(series, _)| of(series)).map(|(_, value)| value).sum()
    }

    fn sample(&mut self, line: &str, family: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"))),
            None => (series, ""),
        };
        assert!(is_name(name), "{line}");
        let endings: &[&str] =
            if self.types[family] == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        let own = name.strip_prefix(family).is_some_and(|ending| endings.contains(&ending));
        assert!(own, "{line} stands under {family}");
        labels_of(labels, line);
        assert!(self.series.insert(series.to_owned(), value).is_none(), "{line} comes again");
        if self.types[family] == "counter" {
            assert!(name.ends_with("_total") && value >= 0.0, "{line}");
        }
    }

    /// Buckets never fall, and the last is the count.
    fn histograms(&self) {
        for (name, _) in self.types.iter().filter(|(_, kind)| *kind == "histogram") {
            let prefix = format!("{name}_bucket{{le=\"");
            let bound = |series: &str| -> f64 {
                series.strip_prefix(&prefix).unwrap().trim_end_matches("\"}").parse().unwrap()
            };
            let buckets = self.series.iter().filter(|(series, _)| series.starts_with(&prefix));
            let mut buckets: Vec<_> = buckets.map(|(series, count)| (bound(series), *count)).collect();
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.is_sorted_by_key(|(_, count)| *count), "{name}: {buckets:?}");
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, self.value(&format!("{name}_count")))));
        }
    }
}

/// Asks `promtool` for its opinion, where there is one.
pub(crate) fn lint(text: &str) {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        println!("promtool isn't installed, so its opinion on the metrics is not asked");
        return;
    };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Each label has a name and a text in quotes; a backslash begins `\\`, `\"` or `\n`.
fn labels_of(mut rest: &str, line: &str) {
    let mut names = BTreeSet::new();
    while !rest.is_empty() {
        let (name, quoted) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        assert!(is_name(name) && names.insert(name), "{line}");
        let mut end = None;
        let mut letters = quoted.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => assert!(letters.next().is_some_and(|(_, it)| "\\\"n".contains(it)), "{line}"),
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        rest = &quoted[end.unwrap_or_else(|| panic!("{line}")) + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
}
