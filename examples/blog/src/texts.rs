//! What templates make of texts and times.

use frasco::Builder;
use jiff::Timestamp;

/// Adds the blog's filters: `day` and `iso` of seconds since 1970, `paragraphs` and `teaser` of a text.
pub(crate) fn filters(app: Builder) -> Builder {
    app.template_filter("day", |seconds: i64| at(seconds).strftime("%-d %B %Y").to_string())
        .template_filter("iso", |seconds: i64| at(seconds).to_string())
        .template_filter("paragraphs", |text: String| paragraphs(&text))
        .template_filter("teaser", |text: String| teaser(&text))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

/// What empty lines part.
fn paragraphs(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim_end);
    let mut all = vec![String::new()];
    for line in lines {
        match all.last_mut() {
            Some(last) if line.is_empty() && !last.is_empty() => all.push(String::new()),
            Some(last) if last.is_empty() => last.push_str(line),
            Some(last) => {
                last.push(' ');
                last.push_str(line);
            }
            None => {}
        }
    }
    all.retain(|paragraph| !paragraph.is_empty());
    all
}

/// The beginning, up to a word's end.
fn teaser(text: &str) -> String {
    let flat = paragraphs(text).join(" ");
    let Some((cut, _)) = flat.char_indices().nth(TEASER) else { return flat };
    let end = flat[..cut].rfind(' ').unwrap_or(cut);
    format!("{}…", flat[..end].trim_end_matches([',', '.', ';', ' ']))
}

/// About three lines.
const TEASER: usize = 220;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_into_paragraphs() {
        assert_eq!(paragraphs("one\r\ntwo\n\n\n three \n"), ["one two", " three"]);
        assert!(paragraphs(" \n\n").is_empty());
    }

    #[test]
    fn a_teaser_ends_with_a_word() {
        assert_eq!(teaser("short\n\ntext"), "short text");
        let long = "words and ".repeat(40);
        let cut = teaser(&long);
        assert!(cut.ends_with("words…") || cut.ends_with("and…"), "{cut}");
        assert!(cut.chars().count() <= TEASER + 1);
        assert_eq!(teaser(&"é".repeat(300)).chars().count(), TEASER + 1);
    }
}
