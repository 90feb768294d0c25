//! Routing: from a path and a method to a rule's endpoint and values, and back.
//!
//! Rules without variables are found by their text; the others by one set of regular expressions, in the order of how specific
//! they are, whatever the order in which they were written. Read next: `converter.rs`, `rule.rs`, `canonical.rs`, `url.rs`.
//!
//! Invariants: a router doesn't change once it is made. No path is changed before it is matched but by decoding it once.

mod canonical;
pub(crate) mod converter;
pub(crate) mod escape;
#[cfg(test)]
mod properties;
mod rule;
#[cfg(test)]
mod tests;
mod url;

use std::collections::HashMap;

use regex::{Regex, RegexSet};
use rsgi_core::http::Method;

pub(crate) use rule::Rule;
pub use url::{UrlError, UrlFor};

/// One rule of an app, with what it leads to.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) rule: Rule,
    /// With the blueprints' names before it.
    pub(crate) endpoint: String,
    pub(crate) methods: Vec<Method>,
    /// Values that the rule doesn't name.
    pub(crate) defaults: Vec<(String, String)>,
    pub(crate) strict_slashes: bool,
    /// Which of the app's parts, the innermost.
    pub(crate) scope: usize,
}

/// What a path and a method lead to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A rule, by its index, and the values of its variables.
    Entry(usize, Vec<String>),
    /// The rule ends with a slash, or the path has several where one is meant: the path to go to, canonical.
    Redirect(String),
    /// There are rules, for other methods.
    OtherMethods(Vec<Method>),
    /// The client asks what is allowed.
    Options(Vec<Method>),
    Nothing,
}

/// The rules of an app.
#[derive(Debug)]
pub(crate) struct Router {
    entries: Vec<Entry>,
    fixed: HashMap<Box<str>, Vec<(usize, Slash)>>,
    /// The rules with variables, in the order in which they are tried.
    order: Vec<usize>,
    any: RegexSet,
    each: Vec<Regex>,
    by_endpoint: HashMap<String, Vec<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slash {
    AsWritten,
    /// The path lacks the rule's last slash.
    Missing,
}

impl Router {
    pub(crate) fn new(entries: Vec<Entry>) -> Result<Self, String> {
        let mut fixed: HashMap<Box<str>, Vec<(usize, Slash)>> = HashMap::new();
        let mut order = Vec::new();
        let mut by_endpoint: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            by_endpoint.entry(entry.endpoint.clone()).or_default().push(index);
            if !entry.rule.is_static() {
                order.push(index);
                continue;
            }
            let text = canonical::of_text(&entry.rule.text);
            fixed.entry(text.as_ref().into()).or_default().push((index, Slash::AsWritten));
            if entry.rule.ends_with_slash() {
                let bare = &text[..text.len() - 1];
                fixed.entry(bare.into()).or_default().push((index, Slash::Missing));
            }
        }
        // A rule that has the path as it is comes before one that wants another slash.
        for found in fixed.values_mut() {
            found.sort_by_key(|(_, slash)| *slash == Slash::Missing);
        }
        order.sort_by_cached_key(|index| {
            let rule = &entries[*index].rule;
            (rule.order(), rule.ends_with_slash())
        });
        let patterns: Vec<String> = order.iter().map(|index| entries[*index].rule.pattern()).collect();
        let any =
            RegexSet::new(&patterns).map_err(|error| format!("the rules together are too much: {error}"))?;
        let each: Result<Vec<Regex>, _> = patterns.iter().map(|pattern| Regex::new(pattern)).collect();
        let each = each.map_err(|error| error.to_string())?;
        Ok(Self { entries, fixed, order, any, each, by_endpoint })
    }

    pub(crate) fn entry(&self, index: usize) -> &Entry {
        &self.entries[index]
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Finds what a path, as it came, leads to.
    pub(crate) fn find(&self, path: &str, method: &Method) -> Found {
        // PEP 3333 has an empty one where a mount is asked without a slash.
        let Some(form) = canonical::of_path(if path.is_empty() { "/" } else { path }) else {
            return Found::Nothing;
        };
        let mut search = Search { method, allowed: Vec::new() };
        if let Some(found) = self.search(&form, &mut search) {
            return found;
        }
        if search.allowed.is_empty() && form.contains("//") {
            let merged = merge_slashes(&form);
            let mut again = Search { method, allowed: Vec::new() };
            match self.search(&merged, &mut again) {
                Some(Found::Entry(..)) => return Found::Redirect(merged),
                Some(redirect) => return redirect,
                None => {}
            }
        }
        search.over()
    }

    fn search(&self, form: &str, search: &mut Search<'_>) -> Option<Found> {
        for (index, slash) in self.fixed.get(form).into_iter().flatten() {
            let entry = &self.entries[*index];
            match search.look(entry, *slash) {
                Looked::Taken => return Some(Found::Entry(*index, Vec::new())),
                Looked::WantsSlash => return Some(Found::Redirect(format!("{form}/"))),
                Looked::OtherMethods => {}
            }
        }
        if self.order.is_empty() {
            return None;
        }
        for matched in self.any.matches(form) {
            let Some(captures) = self.each[matched].captures(form) else { continue };
            let index = self.order[matched];
            let entry = &self.entries[index];
            let groups = entry.rule.names().count();
            let value = |at: usize| captures.get(at + 1).map_or("", |found| found.as_str());
            let mut variables = entry.rule.variables().enumerate();
            let fits = |text: &str, converter: &dyn converter::Converter| {
                !canonical::ends_in_escape(text) && converter.accepts(text)
            };
            if !variables.all(|(at, (_, converter))| fits(value(at), converter)) {
                continue;
            }
            // A variable may have taken the slash; the path has it, and with another it would again.
            let lacks_slash = entry.rule.ends_with_slash() && !form.ends_with('/');
            match search.look(entry, if lacks_slash { Slash::Missing } else { Slash::AsWritten }) {
                Looked::Taken => {
                    let values = (0..groups).map(|at| canonical::to_text(value(at)));
                    return Some(Found::Entry(index, values.collect()));
                }
                Looked::WantsSlash => return Some(Found::Redirect(format!("{form}/"))),
                Looked::OtherMethods => {}
            }
        }
        None
    }
}

/// What a search has met on its way.
struct Search<'a> {
    method: &'a Method,
    allowed: Vec<Method>,
}

/// What a rule that matches the path is to the request.
enum Looked {
    Taken,
    /// The client is to come again with the rule's last slash. No later rule is asked: as in Flask, `/about` is `/about/` and not a
    /// `<page>` beside it.
    WantsSlash,
    OtherMethods,
}

impl Search<'_> {
    fn look(&mut self, entry: &Entry, slash: Slash) -> Looked {
        if !entry.methods.contains(self.method) {
            self.allowed.extend(entry.methods.iter().cloned());
            return Looked::OtherMethods;
        }
        if slash == Slash::Missing && entry.strict_slashes { Looked::WantsSlash } else { Looked::Taken }
    }

    fn over(self) -> Found {
        let Self { method, mut allowed } = self;
        if allowed.is_empty() {
            return Found::Nothing;
        }
        allowed.push(Method::OPTIONS);
        allowed.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        allowed.dedup();
        if *method == Method::OPTIONS { Found::Options(allowed) } else { Found::OtherMethods(allowed) }
    }
}

fn merge_slashes(form: &str) -> String {
    let mut merged = String::with_capacity(form.len());
    for character in form.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    merged
}

/// The form in which a path is matched; `None` if it decodes to no UTF-8.
pub(crate) fn canonical_path(path: &str) -> Option<std::borrow::Cow<'_, str>> {
    canonical::of_path(path)
}
