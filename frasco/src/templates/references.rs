//! Which templates a template names: by `extends`, `include`, `import` and `from`, where the name is written out.
//!
//! The engine finds these when it renders; so a template that isn't there would be found by a visitor. Its parser isn't stable
//! for others, so tags are read here, of a template that has been compiled already: its syntax is right. A name that is an
//! expression isn't known before it is rendered, and is left out.

/// A tag that names templates.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) line: usize,
    pub(super) tag: &'static str,
    /// One of them must be there.
    pub(super) names: Vec<String>,
}

/// All references of a source.
pub(super) fn references(source: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut is_raw = false;
    while let Some(open) = source[at..].find('{').map(|open| at + open) {
        let inner = open + 2;
        let kind = source.as_bytes().get(open + 1);
        at = match kind {
            Some(b'#') if !is_raw => source[inner..].find("#}").map_or(source.len(), |end| inner + end + 2),
            Some(b'{') if !is_raw => end_of(source, inner, "}}"),
            Some(b'%') => {
                let end = end_of(source, inner, "%}");
                let tag = source[inner..end].trim_start_matches(['-', '+']).trim_start();
                let word = tag.split(|it: char| !it.is_alphanumeric()).next().unwrap_or_default();
                if is_raw && word != "endraw" {
                    open + 1
                } else {
                    is_raw = word == "raw";
                    let line = source[..open].matches('\n').count() + 1;
                    let names = &tag[word.len()..];
                    found.extend(
                        ["extends", "include", "import", "from"]
                            .into_iter()
                            .find(|it| *it == word)
                            .and_then(|tag| Some(Reference { line, tag, names: names_of(names)? })),
                    );
                    end
                }
            }
            _ => open + 1,
        };
    }
    found
}

/// Where a tag ends, behind its mark; a string may hold the mark.
fn end_of(source: &str, from: usize, mark: &str) -> usize {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, character) in source[from..].char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if character == '\\' => is_escaped = true,
            Some(open) if character == open => quote = None,
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None if source[from + at..].starts_with(mark) => return from + at + mark.len(),
            _ => {}
        }
    }
    source.len()
}

/// The names behind the tag's word; `None` if they are an expression, or may be missing.
fn names_of(text: &str) -> Option<Vec<String>> {
    let text = text.trim_start();
    let (names, rest) = match text.strip_prefix('[') {
        None => text_of(text).map(|(name, rest)| (vec![name], rest))?,
        Some(list) => {
            let (inner, rest) = list.split_once(']')?;
            let mut names = Vec::new();
            let mut left = inner.trim();
            while !left.is_empty() {
                let (name, behind) = text_of(left)?;
                names.push(name);
                left = behind.trim_start();
                left = left.strip_prefix(',').unwrap_or(left).trim_start();
            }
            (names, rest)
        }
    };
    let rest = rest.trim_end_matches("%}").trim_end_matches(['-', '+']).trim();
    let next = rest.split_whitespace().next().unwrap_or_default();
    matches!(next, "" | "with" | "without" | "as" | "import").then_some(names)
}

/// The string that a text begins with, and what is behind it. One with escapes is left to the engine.
fn text_of(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|it| matches!(it, '"' | '\''))?;
    let (name, rest) = text[1..].split_once(quote)?;
    (!name.contains('\\')).then(|| (name.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(source: &str) -> Vec<String> {
        references(source)
            .into_iter()
            .map(|it| format!("{}:{} {}", it.line, it.tag, it.names.join("|")))
            .collect()
    }

    #[test]
    fn names_that_are_written_out_are_found_with_their_line() {
        let source = "{% extends \"base.html\" %}\n{%- include 'a.html' -%}\n\n{% import \"forms.html\" as forms %}\
            {% from 'macros.html' import one, two as three %}{%+ include [\"x\", 'y'] with context %}";
        assert_eq!(
            told(source),
            [
                "1:extends base.html",
                "2:include a.html",
                "4:import forms.html",
                "4:from macros.html",
                "4:include x|y"
            ]
        );
    }

    #[test]
    fn what_may_be_missing_or_is_an_expression_or_no_tag_is_left_out() {
        for source in [
            "{% include 'a' ignore missing %}",
            "{% include 'a' if x else 'b' %}",
            "{% extends 'a' ~ b %}",
            "{% extends layout %}",
            "{# {% include 'a' %} #}",
            "{{ \"{% include 'a' %}\" }}",
            "{{ '}}' ~ \"{% include 'a' %}\" }}",
            "{% raw %}{% include 'a' %}{{ {% endraw %}",
            "{% set x = \"%}{% include 'a' %}\" %}",
            "{% if include %}{% endif %} { % include 'a' % }",
            "{",
            "{%",
            "é{% extends",
        ] {
            assert_eq!(told(source), Vec::<String>::new(), "{source}");
        }
        assert_eq!(told("{% raw %}{% endraw %}{% include 'a' %}"), ["1:include a"]);
    }

    #[test]
    fn no_small_source_is_too_odd() {
        let pieces = ["{", "%", "}", "#", "\"", "'", "\\", "raw", " include 'a'", "[", "é"];
        let mut sources = vec![String::new()];
        for _ in 0..5 {
            sources = sources.iter().flat_map(|it| pieces.map(|piece| format!("{it}{piece}"))).collect();
            for source in &sources {
                assert!(references(source).len() <= 2);
            }
        }
    }
}
