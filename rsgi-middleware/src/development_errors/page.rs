//! What is shown of an error and its request, in each form. Every text from outside is escaped for its form.

use std::fmt::Write as _;

use rsgi_core::Environ;
use rsgi_core::http::header;

/// A request, as far as it is shown.
pub(super) struct Page {
    line: String,
    /// What there is to know, by name.
    facts: Vec<(&'static str, String)>,
    fields: Vec<(String, String)>,
}

/// A request whose app failed.
pub(super) struct Failed<'a> {
    page: &'a Page,
    what: &'static str,
    /// The error's text, and those of its sources.
    causes: Vec<String>,
}

impl Page {
    pub(super) fn of(environ: &Environ) -> Self {
        let facts = vec![
            ("script name", environ.script_name().to_owned()),
            ("path info", environ.path_info().to_owned()),
            ("query", environ.query().unwrap_or_default().to_owned()),
            ("peer", environ.peer().to_string()),
            ("server", format!("{}/{}", environ.server().name, environ.server().version)),
        ];
        let secret = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];
        let shown = environ.headers().iter().map(|(name, value)| {
            let value = if secret.contains(name) {
                "(left out)".to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            };
            (name.to_string(), value)
        });
        let line = format!("{} {} {:?}", environ.method(), environ.target(), environ.version());
        Self { line, facts, fields: shown.collect() }
    }

    pub(super) fn failed(&self, what: &'static str, causes: Vec<String>) -> Failed<'_> {
        Failed { page: self, what, causes }
    }
}

impl Failed<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.what);
        for (depth, cause) in self.causes.iter().enumerate() {
            let front = if depth == 0 { "" } else { "caused by: " };
            push(&mut text, format_args!("{front}{cause}\n"));
        }
        push(&mut text, format_args!("\n{}\n", self.page.line));
        for (name, value) in self.rows() {
            push(&mut text, format_args!("{name}: {value}\n"));
        }
        text
    }

    pub(super) fn html(&self) -> String {
        let mut html = format!("{HEAD}<h1>{}</h1>\n<ol>\n", self.what);
        for cause in &self.causes {
            push(&mut html, format_args!("<li><pre>{}</pre>\n", escaped(cause)));
        }
        push(&mut html, format_args!("</ol>\n<h2>{}</h2>\n<table>\n", escaped(&self.page.line)));
        for (name, value) in self.rows() {
            push(&mut html, format_args!("<tr><th>{}<td>{}\n", escaped(name), escaped(value)));
        }
        html.push_str("</table>\n");
        html
    }

    pub(super) fn json(&self) -> String {
        let causes: Vec<_> = self.causes.iter().map(|cause| quoted(cause)).collect();
        let fields = self.page.fields.iter();
        let fields: Vec<_> =
            fields.map(|(name, value)| format!("[{},{}]", quoted(name), quoted(value))).collect();
        format!(
            "{{\"error\":{},\"causes\":[{}],\"request\":{},\"fields\":[{}]}}\n",
            quoted(self.what),
            causes.join(","),
            quoted(&self.page.line),
            fields.join(",")
        )
    }

    fn rows(&self) -> impl Iterator<Item = (&str, &str)> {
        let facts = self.page.facts.iter().map(|(name, value)| (*name, value.as_str()));
        facts.chain(self.page.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

/// Into memory, which doesn't fail.
fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    let _infallible = text.write_fmt(more);
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// A string of JSON (RFC 8259 section 7).
fn quoted(text: &str) -> String {
    let mut json = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            control if control < ' ' => push(&mut json, format_args!("\\u{:04x}", u32::from(control))),
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

const HEAD: &str = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>500 Internal Server Error</title>\n\
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em}pre{white-space:pre-wrap;\
margin:0}th{text-align:left;padding-right:1em;vertical-align:top}td{overflow-wrap:anywhere;font-family:monospace}\
</style>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_leaves_its_form() {
        assert_eq!(escaped("<a href='x' b=\"&\">"), "&lt;a href=&#39;x&#39; b=&quot;&amp;&quot;&gt;");
        assert_eq!(quoted("a\"b\\c\n\u{1}ä"), "\"a\\\"b\\\\c\\u000a\\u0001ä\"");
    }
}
