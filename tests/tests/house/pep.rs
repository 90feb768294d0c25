//! Takes the sentences with must, should or may out of PEP 3333, and the rows out of its appendix.
//!
//! The rule is written down at the head of docs/pep-3333.md. It knows as much of reStructuredText as that document needs: literal
//! blocks, section underlines, tables.

/// The PEP in three parts: its sentences, its literal blocks, and whole.
pub(crate) struct Pep {
    /// Every sentence with one of the words, in order.
    pub(crate) sentences: Vec<String>,
    /// The lines of all literal blocks.
    pub(crate) literal: String,
}

/// A row of docs/pep-3333.md.
pub(crate) struct Row {
    pub(crate) number: usize,
    pub(crate) sentence: String,
    pub(crate) clauses: String,
}

/// Takes the document apart.
pub(crate) fn read(document: &str) -> Pep {
    let mut pep = Pep { sentences: Vec::new(), literal: String::new() };
    let mut paragraph = Paragraph::default();
    let mut literal_deeper_than = None;
    for line in document.lines() {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        if let Some(depth) = literal_deeper_than {
            if text.is_empty() || indent > depth {
                pep.literal.push_str(line);
                pep.literal.push('\n');
                continue;
            }
            literal_deeper_than = None;
        }
        if text.is_empty() {
            literal_deeper_than = paragraph.opens_literal_block();
            paragraph.end(&mut pep.sentences);
        } else if is_rule(text) {
            paragraph.end(&mut pep.sentences);
        } else {
            paragraph.add(text, indent);
        }
    }
    paragraph.end(&mut pep.sentences);
    pep
}

/// How often one of the words stands in a text.
pub(crate) fn count_words(text: &str) -> usize {
    let lower = text.to_lowercase();
    let words = lower.split(|it: char| !it.is_alphanumeric() && it != '\'' && it != '_');
    words.filter(|word| is_modal(word.trim_matches('\'').trim_end_matches("n't"))).count()
}

/// The rows of the appendix, in order.
pub(crate) fn rows(appendix: &str) -> Vec<Row> {
    let cells = |line: &str| -> Option<Row> {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let number = cells.next()?.parse().ok()?;
        Some(Row { number, sentence: cells.next()?.to_string(), clauses: cells.next()?.to_string() })
    };
    appendix.lines().filter_map(cells).collect()
}

#[derive(Default)]
struct Paragraph {
    text: String,
    indent: usize,
}

impl Paragraph {
    fn add(&mut self, line: &str, indent: usize) {
        if self.text.is_empty() {
            self.indent = indent;
        } else {
            self.text.push(' ');
        }
        self.text.push_str(line);
    }

    fn opens_literal_block(&self) -> Option<usize> {
        self.text.ends_with("::").then_some(self.indent)
    }

    fn end(&mut self, sentences: &mut Vec<String>) {
        let text = std::mem::take(&mut self.text);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let with_word = split_sentences(&text).into_iter().filter(|it| count_words(it) > 0);
        sentences.extend(with_word.map(|it| it.trim_start_matches("* ").to_string()));
    }
}

fn is_modal(word: &str) -> bool {
    matches!(word, "must" | "should" | "may")
}

/// Whether a line is a section's underline or a table's rule.
fn is_rule(line: &str) -> bool {
    line.len() >= 4 && line.chars().all(|it| matches!(it, '=' | '-' | '~' | ' '))
}

fn split_sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (blank, _) in text.match_indices(' ') {
        let before = text[start..blank].trim_end_matches(['"', '\'', ')', ']']);
        let next = text[blank + 1..].chars().next().unwrap_or(' ');
        let starts =
            next.is_ascii_uppercase() || next.is_ascii_digit() || matches!(next, '(' | '`' | '"' | '*');
        if starts && before.ends_with(['.', '!', '?']) && !ends_in_abbreviation(before) {
            sentences.push(text[start..blank].trim());
            start = blank + 1;
        }
    }
    sentences.push(text[start..].trim());
    sentences
}

fn ends_in_abbreviation(text: &str) -> bool {
    ["e.g.", "i.e.", "etc.", "vs."].iter().any(|abbreviation| {
        let word = text.strip_suffix(abbreviation);
        word.is_some_and(|before| !before.ends_with(|it: char| it.is_ascii_alphabetic()))
    })
}

#[test]
fn sentences_end_where_a_reader_ends_them() {
    let text = "It **may** (e.g. ``x``) stay. \"Go!\" It mustn't. Why? So.";
    assert_eq!(
        split_sentences(text),
        ["It **may** (e.g. ``x``) stay.", "\"Go!\"", "It mustn't.", "Why?", "So."]
    );
    assert_eq!(count_words(text), 2);
}

#[test]
fn literal_blocks_and_rules_are_no_sentences() {
    let pep = read("Title\n=====\n\nYou may look::\n\n    it must not count\n\nBut this\nshould.\n");
    assert_eq!(pep.sentences, ["You may look::", "But this should."]);
    assert_eq!(count_words(&pep.literal), 1);
}
